import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.reasoning import EFFORTS, SILENT, Dialect, Reasoning, Spelling
from support import dialects


def of_levels(*levels: Reasoning) -> Dialect:
    return Dialect("a family", {level: Spelling({("x",): level.value}) for level in levels})


def test_an_effort_turns_a_plain_switch_on() -> None:
    assert dialects.SWITCH.nearest(Reasoning.HIGH) is Reasoning.ON


def test_a_family_that_cannot_be_off_takes_its_weakest_effort() -> None:
    assert dialects.EFFORTS.nearest(Reasoning.OFF) is Reasoning.LOW


def test_on_is_the_middle_effort_where_there_is_no_plain_switch() -> None:
    assert dialects.EFFORTS.nearest(Reasoning.ON) is Reasoning.MEDIUM


def test_a_switch_that_can_only_be_on_is_left_alone_when_off_is_wanted() -> None:
    assert of_levels(Reasoning.ON).nearest(Reasoning.OFF) is Reasoning.UNCHANGED


@pytest.mark.parametrize(
    ("known", "wanted", "expected"),
    [
        ((Reasoning.LOW, Reasoning.HIGH), Reasoning.XHIGH, Reasoning.HIGH),
        ((Reasoning.LOW, Reasoning.HIGH, Reasoning.MAX), Reasoning.MAX, Reasoning.MAX),
        ((Reasoning.MEDIUM, Reasoning.HIGH), Reasoning.MINIMAL, Reasoning.MEDIUM),
        # Between two, the cheaper one, but what is merely on is as strong as families default to.
        ((Reasoning.LOW, Reasoning.HIGH), Reasoning.MEDIUM, Reasoning.LOW),
        ((Reasoning.LOW, Reasoning.HIGH, Reasoning.MAX), Reasoning.ON, Reasoning.HIGH),
    ],
)
def test_the_closest_effort_is_taken(
    known: tuple[Reasoning, ...], wanted: Reasoning, expected: Reasoning
) -> None:
    assert of_levels(*known).nearest(wanted) is expected


@pytest.mark.parametrize("wanted", list(Reasoning))
def test_a_model_without_a_switch_stays_as_it_is(wanted: Reasoning) -> None:
    nearest = dialects.SILENT.nearest(wanted)

    assert nearest in (Reasoning.UNCHANGED, wanted)
    assert dialects.SILENT.spell(nearest) == SILENT


@given(st.sets(st.sampled_from(list(Reasoning))), st.sampled_from(list(Reasoning)))
def test_what_is_nearest_can_be_said(levels: set[Reasoning], wanted: Reasoning) -> None:
    dialect = of_levels(*(levels - {Reasoning.UNCHANGED}))

    nearest = dialect.nearest(wanted)

    assert nearest is Reasoning.UNCHANGED or nearest in dialect.spellings


@pytest.mark.parametrize("level", list(Reasoning))
def test_only_levels_above_off_think(level: Reasoning) -> None:
    assert level.thinks == (level in {Reasoning.ON, *EFFORTS})
