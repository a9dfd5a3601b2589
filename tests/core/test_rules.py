import json
from typing import Any

import pytest

from semrouter_extproc.core.policy import Choice, Decision, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.core.rules import Clients, Rules
from semrouter_extproc.errors import MalformedRequest
from support import tiny
from support.requests import request

LISTENING = tiny.rules(clients=Clients(header_counts=True))
LAW = Choice(Route("talker", Reasoning.OFF), Reason.ROUTED)


def planned(rules: Rules, header: str | None = None, **members: Any) -> tuple[Decision, Any]:
    asked = request(**members)
    plan = rules.plan(asked, LAW, rules.wish_of_header(header))
    return plan.decision, json.loads(rewrite(asked, plan.changes))


@pytest.mark.parametrize("model", ["auto", ""])
def test_an_alias_and_no_name_at_all_are_routed(model: str) -> None:
    assert tiny.rules().unrouted(model) is None


def test_a_named_model_is_told_to_envoy_and_left() -> None:
    pinned = Decision("thinker", Reasoning.UNCHANGED, Reason.PINNED_MODEL)

    assert tiny.rules().unrouted("thinker") == pinned


def test_a_named_model_may_have_its_reasoning_switched() -> None:
    rules = tiny.rules(clients=Clients(named_models_switch=True))

    decision, told = planned(rules, model="thinker")

    assert rules.unrouted("thinker") is None
    assert decision == Decision("thinker", Reasoning.LOW, Reason.ROUTED)
    assert told["model"] == "thinker"
    assert told["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("passes", "reason"), [(True, Reason.PINNED_MODEL), (False, Reason.UNKNOWN_MODEL)]
)
def test_an_unknown_model_passes_or_is_refused(passes: bool, reason: Reason) -> None:  # noqa: FBT001 - a parameter
    rules = tiny.rules(clients=Clients(unknown_models_pass=passes))

    assert rules.unrouted("gpt-9") == Decision(None, Reasoning.UNCHANGED, reason)


def test_a_wish_in_the_body_wins() -> None:
    decision, told = planned(tiny.rules(), enable_thinking=True)

    assert decision == Decision("talker", Reasoning.ON, Reason.CLIENT_OVERRIDE)
    assert told["chat_template_kwargs"] == {"enable_thinking": True}


def test_the_header_outranks_the_body() -> None:
    decision, told = planned(LISTENING, "off", reasoning_effort="high")

    assert decision == Decision("talker", Reasoning.OFF, Reason.CLIENT_OVERRIDE)
    assert "reasoning_effort" not in told


def test_a_header_that_says_auto_leaves_it_to_the_route() -> None:
    decision, told = planned(LISTENING, "auto", reasoning_effort="high")

    assert decision == Decision("talker", Reasoning.OFF, Reason.ROUTED)
    assert "reasoning_effort" not in told


def test_a_header_counts_only_where_the_configuration_says_so() -> None:
    decision, _ = planned(tiny.rules(), "on")

    assert decision.reason is Reason.ROUTED


def test_a_header_that_says_nothing_known_is_refused() -> None:
    with pytest.raises(MalformedRequest, match="x-reasoning must be"):
        planned(LISTENING, "perhaps")
