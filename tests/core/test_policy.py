from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.policy import Choice, Policy, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.wording import SystemPrompt

LABELS = ("chemistry", "law", "physics")
ON = Route("big", Reasoning.ON)
OFF = Route("small", Reasoning.OFF)


def policy(**changes: object) -> Policy:
    settings: dict[str, object] = {
        "labels": LABELS,
        "routes": {"chemistry": ON, "physics": ON},
        "default": OFF,
        "min_margin": 0.2,
    }
    return Policy(**(settings | changes))  # type: ignore[arg-type]  # a test's short form


def about(lead: float) -> Any:
    return pytest.approx(lead)


def classified(*probabilities: float, familiarity: float | None = None) -> Classification:
    index = int(np.argmax(probabilities))
    return Classification(
        index=index,
        category=LABELS[index],
        confidence=probabilities[index],
        probabilities=np.array(probabilities),
        familiarity=familiarity,
    )


def scoped(**changes: object) -> Policy:
    """Return a policy to which physics is strange below a familiarity of 1.5."""
    return policy(familiarity_bars=np.array([0.5, 0.5, 1.5]), **changes)


def test_the_route_of_the_best_category_is_taken() -> None:
    choice = policy().choose(classified(0.1, 0.2, 0.7))

    assert choice == Choice(ON, Reason.ROUTED, "physics", 0.7, lead=about(0.6))


def test_a_category_without_a_route_takes_the_default_and_is_no_doubtful_case() -> None:
    choice = policy().choose(classified(0.1, 0.8, 0.1))

    assert choice == Choice(OFF, Reason.ROUTED, "law", 0.8, lead=about(0.6))


def test_too_small_a_lead_takes_the_default_and_says_so() -> None:
    choice = policy().choose(classified(0.05, 0.45, 0.5))

    assert choice == Choice(OFF, Reason.LOW_MARGIN, "physics", 0.5, lead=about(0.1))


def test_categories_that_go_the_same_way_do_not_compete() -> None:
    assert policy().choose(classified(0.45, 0.1, 0.45)).route is ON


def test_the_best_category_alone_does_not_win_against_a_better_supported_route() -> None:
    choice = policy().choose(classified(0.36, 0.38, 0.26))

    assert choice == Choice(ON, Reason.ROUTED, "law", 0.38, lead=about(0.24))


@pytest.mark.parametrize(
    "physics",
    [
        Route("big", Reasoning.HIGH),
        Route("big", Reasoning.ON, SystemPrompt("Think in units.")),
    ],
)
def test_an_effort_or_a_system_prompt_of_its_own_makes_no_rival_of_a_category(
    physics: Route,
) -> None:
    refined = policy(routes={"chemistry": ON, "physics": physics})

    choice = refined.choose(classified(0.4, 0.15, 0.45))

    assert choice == Choice(physics, Reason.ROUTED, "physics", 0.45, lead=about(0.7))


def test_within_the_best_way_the_likeliest_category_decides_on_the_rest() -> None:
    harder = Route("big", Reasoning.HIGH)
    refined = policy(routes={"chemistry": ON, "physics": harder})

    assert refined.choose(classified(0.36, 0.38, 0.26)).route is ON


def test_without_a_margin_nothing_is_in_doubt() -> None:
    never = policy(min_margin=0.0)

    assert never.choose(classified(0.25, 0.5, 0.25)).reason is Reason.ROUTED


def test_a_policy_with_one_target_is_never_in_doubt() -> None:
    one = policy(routes={}, min_margin=0.99)

    assert one.choose(classified(0.3, 0.4, 0.3)).reason is Reason.ROUTED


def test_what_is_less_familiar_than_its_categorys_own_prompts_takes_the_default() -> None:
    choice = scoped().choose(classified(0.1, 0.2, 0.7, familiarity=1.4))

    assert choice == Choice(OFF, Reason.OUT_OF_SCOPE, "physics", 0.7, lead=about(0.6))


def test_at_its_bar_a_prompt_is_in_scope() -> None:
    choice = scoped().choose(classified(0.1, 0.2, 0.7, familiarity=1.5))

    assert choice == Choice(ON, Reason.ROUTED, "physics", 0.7, lead=about(0.6))


def test_the_bar_is_that_of_the_likeliest_category() -> None:
    chemistry = scoped().choose(classified(0.7, 0.2, 0.1, familiarity=1.0))

    assert (chemistry.route, chemistry.reason) == (ON, Reason.ROUTED)


def test_a_prompt_that_is_both_strange_and_doubtful_is_called_strange() -> None:
    choice = scoped().choose(classified(0.05, 0.45, 0.5, familiarity=0.0))

    assert choice == Choice(OFF, Reason.OUT_OF_SCOPE, "physics", 0.5, lead=about(0.1))


def test_a_prompt_in_scope_can_still_be_doubtful() -> None:
    choice = scoped().choose(classified(0.05, 0.45, 0.5, familiarity=9.0))

    assert choice.reason is Reason.LOW_MARGIN


def test_a_classification_by_words_alone_is_never_out_of_scope() -> None:
    everything_is_strange = policy(familiarity_bars=np.full(3, np.inf))

    assert everything_is_strange.choose(classified(0.1, 0.2, 0.7)).reason is Reason.ROUTED


@pytest.mark.parametrize("bars", [None, np.full(3, -np.inf)])
def test_without_bars_nothing_is_out_of_scope(bars: NDArray[np.float64] | None) -> None:
    choice = policy(familiarity_bars=bars).choose(classified(0.1, 0.2, 0.7, familiarity=-1e9))

    assert choice.reason is Reason.ROUTED


@pytest.mark.parametrize("reason", [Reason.DEADLINE, Reason.OVERLOADED, Reason.NO_PROMPT])
def test_without_a_classification_the_default_is_taken_for_that_reason(reason: Reason) -> None:
    assert policy().choose(reason) == Choice(OFF, reason)


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_every_classification_has_a_known_route(weights: list[float]) -> None:
    probabilities = np.array(weights) / sum(weights)

    assert policy().choose(classified(*probabilities)).route in (ON, OFF)
