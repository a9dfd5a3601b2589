import pytest

from semrouter_extproc.core.reasoning import DIALECTS, Reasoning

SWITCHES = [
    ("qwen3", "enable_thinking"),
    ("deepseek", "thinking"),
    ("granite", "thinking"),
]


@pytest.mark.parametrize(("family", "keyword"), SWITCHES)
def test_a_switch_is_always_spelt_out(family: str, keyword: str) -> None:
    dialect = DIALECTS[family]

    # Off by omission is off only where the template's own default is off.
    assert dialect.spell(Reasoning.ON) == {("chat_template_kwargs", keyword): True}
    assert dialect.spell(Reasoning.OFF) == {("chat_template_kwargs", keyword): False}


@pytest.mark.parametrize(("family", "_"), SWITCHES)
def test_an_effort_turns_a_plain_switch_on(family: str, _: str) -> None:
    assert DIALECTS[family].nearest(Reasoning.HIGH) is Reasoning.ON


def test_gpt_oss_takes_its_effort_at_the_top_level() -> None:
    assert DIALECTS["gpt-oss"].spell(Reasoning.HIGH) == {("reasoning_effort",): "high"}


def test_gpt_oss_cannot_be_off_and_says_what_it_does_instead() -> None:
    assert DIALECTS["gpt-oss"].nearest(Reasoning.OFF) is Reasoning.LOW


def test_on_is_the_middle_effort_where_there_is_no_plain_switch() -> None:
    assert DIALECTS["gpt-oss"].nearest(Reasoning.ON) is Reasoning.MEDIUM


@pytest.mark.parametrize("wanted", list(Reasoning))
def test_a_model_without_a_switch_stays_as_it_is(wanted: Reasoning) -> None:
    dialect = DIALECTS["none"]

    assert dialect.nearest(wanted) is Reasoning.UNCHANGED
    assert dialect.spell(dialect.nearest(wanted)) == {}


@pytest.mark.parametrize("family", DIALECTS)
def test_what_is_nearest_can_be_spelt(family: str) -> None:
    dialect = DIALECTS[family]

    for wanted in Reasoning:
        nearest = dialect.nearest(wanted)
        assert nearest is Reasoning.UNCHANGED or dialect.spell(nearest)
