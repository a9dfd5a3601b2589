import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.policy import Decision, Policy, Reason, Route
from semrouter_extproc.core.reasoning import DIALECTS, Reasoning

LABELS = ("chemistry", "law", "physics")
ON = Route("big", Reasoning.ON)
OFF = Route("small", Reasoning.OFF)


def policy(**changes: object) -> Policy:
    settings: dict[str, object] = {
        "labels": LABELS,
        "routes": {"chemistry": ON, "physics": ON},
        "default": OFF,
        "dialects": {"big": DIALECTS["qwen3"], "small": DIALECTS["gpt-oss"]},
        "aliases": frozenset({"auto"}),
        "min_margin": 0.2,
    }
    return Policy(**(settings | changes))  # type: ignore[arg-type]  # a test's short form


def classified(*probabilities: float) -> Classification:
    index = int(np.argmax(probabilities))
    return Classification(
        index=index,
        category=LABELS[index],
        confidence=probabilities[index],
        probabilities=np.array(probabilities),
        nearest=0,
    )


def test_the_route_of_the_best_category_is_taken() -> None:
    decision = policy().decide(classified(0.1, 0.2, 0.7), client_decides=False)

    assert decision == Decision("big", Reasoning.ON, Reason.ROUTED, "physics", 0.7)


def test_a_category_without_a_route_takes_the_default_and_is_no_doubtful_case() -> None:
    decision = policy().decide(classified(0.1, 0.8, 0.1), client_decides=False)

    assert decision == Decision("small", Reasoning.LOW, Reason.ROUTED, "law", 0.8)


def test_too_small_a_lead_takes_the_default_and_says_so() -> None:
    decision = policy().decide(classified(0.05, 0.45, 0.5), client_decides=False)

    assert decision == Decision("small", Reasoning.LOW, Reason.LOW_MARGIN, "physics", 0.5)


def test_categories_that_go_the_same_way_do_not_compete() -> None:
    decision = policy().decide(classified(0.45, 0.1, 0.45), client_decides=False)

    assert decision.reason is Reason.ROUTED
    assert decision.reasoning is Reasoning.ON


def test_the_best_category_alone_does_not_win_against_a_better_supported_route() -> None:
    decision = policy().decide(classified(0.36, 0.38, 0.26), client_decides=False)

    assert decision == Decision("big", Reasoning.ON, Reason.ROUTED, "law", 0.38)


def test_without_a_margin_nothing_is_in_doubt() -> None:
    never = policy(min_margin=0.0)

    assert never.decide(classified(0.25, 0.5, 0.25), client_decides=False).reason is Reason.ROUTED


def test_a_policy_with_one_target_is_never_in_doubt() -> None:
    one = policy(routes={}, min_margin=0.99)

    assert one.decide(classified(0.3, 0.4, 0.3), client_decides=False).reason is Reason.ROUTED


def test_a_clients_wish_keeps_the_route_and_leaves_reasoning_alone() -> None:
    decision = policy().decide(classified(0.1, 0.2, 0.7), client_decides=True)

    assert decision == Decision("big", Reasoning.UNCHANGED, Reason.CLIENT_OVERRIDE, "physics", 0.7)
    assert policy().edits(decision) == {("model",): "big"}


@pytest.mark.parametrize("reason", [Reason.DEADLINE, Reason.OVERLOADED, Reason.NO_PROMPT])
def test_without_a_classification_the_default_is_taken_for_that_reason(reason: Reason) -> None:
    assert policy().decide(reason, client_decides=False) == Decision("small", Reasoning.LOW, reason)


def test_the_edits_spell_the_decision_in_the_models_dialect() -> None:
    decision = policy().decide(classified(0.1, 0.2, 0.7), client_decides=False)

    assert policy().edits(decision) == {
        ("model",): "big",
        ("chat_template_kwargs", "enable_thinking"): True,
    }


def test_a_pinned_model_is_named_only_if_envoy_has_a_route_for_it() -> None:
    assert policy().pin("big").model == "big"
    assert policy().pin("gpt-9").model is None


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), st.booleans())
def test_a_decision_always_names_a_known_model(weights: list[float], wish: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    probabilities = np.array(weights) / sum(weights)

    decision = policy().decide(classified(*probabilities), client_decides=wish)

    assert decision.model in {"big", "small"}
    assert (decision.reasoning is Reasoning.UNCHANGED) == wish
