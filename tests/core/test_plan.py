import json
from typing import Any

import pytest

from semrouter_extproc.core.apis import COMPLETIONS, MESSAGES, RESPONSES, Api
from semrouter_extproc.core.intent import Wish
from semrouter_extproc.core.models import Model, Remedy, ShortBudget
from semrouter_extproc.core.needs import Feature, prompt_tokens
from semrouter_extproc.core.plan import Plan, plan
from semrouter_extproc.core.policy import Choice, Decision, Reason, Route
from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from semrouter_extproc.core.request import Request
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.core.wording import SystemPrompt
from support import dialects
from support.requests import EVERY, TEMPLATED, request

BUDGET = ("thinking", "budget_tokens")
WARM = {"temperature": 0.6, "top_k": 20}
COOL = {"temperature": 0.7}


def models(**first: Any) -> dict[str, Model]:
    """Return the model of the route, and one that takes anything."""
    first = {"dialect": dialects.SWITCH, **first}
    return {
        "first": Model("first", **first),
        "other": Model("other", dialects.EFFORTS),
        "large": Model("large", dialects.SILENT),
    }


def choice(level: Reasoning = Reasoning.ON, **route: Any) -> Choice:
    return Choice(Route("first", level, **route), Reason.ROUTED, "math", 0.9)


def planned(
    asked: Request, level: Reasoning = Reasoning.ON, wish: Reasoning | None = None, **first: Any
) -> Plan:
    return plan(asked, choice(level), None if wish is None else Wish(wish), models(**first), None)


def sent(asked: Request, plan: Plan) -> Any:
    return json.loads(rewrite(asked, plan.changes))


def test_a_plan_names_the_model_and_spells_the_level() -> None:
    asked = request()

    found = planned(asked)

    assert found.decision == Decision("first", Reasoning.ON, Reason.ROUTED, "math", 0.9)
    assert sent(asked, found) == {
        "model": "first",
        "messages": [{"role": "user", "content": "Why?"}],
        "chat_template_kwargs": {"enable_thinking": True},
    }


@pytest.mark.parametrize(
    ("api", "members"),
    [
        (RESPONSES, {"reasoning": {"effort": "high"}}),
        (MESSAGES, {"output_config": {"effort": "high"}}),
        (COMPLETIONS, {}),
    ],
)
def test_each_api_is_told_in_its_own_members(api: Api, members: dict[str, Any]) -> None:
    asked = request(api, "Why?")

    found = planned(asked, Reasoning.HIGH, dialect=dialects.EFFORTS)

    before = json.loads(rewrite(asked, planned(asked, dialect=dialects.SILENT).changes))
    assert sent(asked, found) == {**before, **members}
    assert found.decision.reasoning is (Reasoning.HIGH if members else Reasoning.UNCHANGED)


def test_a_named_model_keeps_its_name_and_gets_no_words_but_its_reasoning() -> None:
    asked = request(model="first")
    routed = choice(system_prompt=SystemPrompt("Think."))

    found = plan(asked, routed, None, models(), models()["first"])

    assert found.decision.model == "first"
    assert sent(asked, found)["messages"] == [{"role": "user", "content": "Why?"}]
    assert sent(asked, found)["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_wish_outdoes_the_route_and_the_reason_says_so() -> None:
    asked = request(reasoning_effort="none")

    found = planned(asked, Reasoning.ON, Reasoning.OFF)

    assert found.decision.reason is Reason.CLIENT_OVERRIDE
    assert found.decision.reasoning is Reasoning.OFF


def test_a_wish_in_another_familys_words_is_said_in_the_models_own() -> None:
    asked = request(reasoning_effort="none")

    told = sent(asked, planned(asked, Reasoning.ON, Reasoning.OFF))

    assert told["chat_template_kwargs"] == {"enable_thinking": False}
    # To some families no effort means as much as they can.
    assert "reasoning_effort" not in told


def test_a_wish_that_the_family_cannot_say_is_said_as_closely_as_it_can() -> None:
    asked = request(reasoning_effort="none")

    found = planned(asked, Reasoning.ON, Reasoning.OFF, dialect=dialects.EFFORTS)

    assert found.decision.reasoning is Reasoning.LOW
    assert sent(asked, found)["reasoning_effort"] == "low"


def test_a_wish_in_the_models_own_words_changes_no_byte_of_them() -> None:
    asked = request(chat_template_kwargs={"persona": "pirate", "enable_thinking": False})

    found = planned(asked, Reasoning.ON, Reasoning.OFF)

    assert rewrite(asked, found.changes).endswith(
        b'"chat_template_kwargs":{"persona":"pirate","enable_thinking":false}}'
    )


def test_a_budget_that_the_client_sets_stays_also_where_the_level_is_one() -> None:
    budget = ("chat_template_kwargs", "thinking_budget")
    seed = Dialect(
        "seed",
        {Reasoning.ON: Spelling({budget: -1}), Reasoning.OFF: Spelling({budget: 0})},
        budget=budget,
    )
    asked = request(chat_template_kwargs={"thinking_budget": 700})

    told = sent(asked, planned(asked, Reasoning.OFF, Reasoning.ON, dialect=seed))

    assert told["chat_template_kwargs"] == {"thinking_budget": 700}


def test_null_is_no_contradiction_and_stays() -> None:
    asked = request(reasoning_effort=None)

    assert sent(asked, planned(asked))["reasoning_effort"] is None


def test_a_wish_that_nobody_can_read_leaves_reasoning_alone() -> None:
    asked = request(reasoning_effort="enormous")

    found = planned(asked, Reasoning.ON, Reasoning.UNCHANGED)

    assert found.decision.reasoning is Reasoning.UNCHANGED
    assert "chat_template_kwargs" not in sent(asked, found)
    assert sent(asked, found)["reasoning_effort"] == "enormous"


def test_without_a_wish_the_router_overrules_what_a_library_filled_in() -> None:
    asked = request(reasoning_effort="high", chat_template_kwargs={"enable_thinking": True})

    found = planned(asked, Reasoning.OFF)

    assert found.decision.reason is Reason.ROUTED
    assert sent(asked, found)["chat_template_kwargs"] == {"enable_thinking": False}
    assert "reasoning_effort" not in sent(asked, found)


@pytest.mark.parametrize(
    ("limits", "members"),
    [
        ({"context": 100}, {"ask": "x" * 3000}),
        ({"lacks": frozenset({Feature.TOOLS})}, {"tools": [{"type": "function"}]}),
    ],
)
def test_a_model_that_cannot_take_the_request_leaves_it_to_one_that_can(
    limits: dict[str, Any], members: dict[str, Any]
) -> None:
    found = planned(request(**members), **limits)

    assert found.decision.model == "other"
    assert found.decision.reason is Reason.UNFIT_MODEL
    assert found.decision.reasoning is Reasoning.MEDIUM


def test_where_no_model_can_take_the_request_the_routes_own_says_so_itself() -> None:
    small = Model("small", dialects.SWITCH, context=10)

    found = plan(
        request(ask="x" * 3000),
        Choice(Route("small", Reasoning.ON), Reason.ROUTED),
        None,
        {"small": small},
        None,
    )

    assert found.decision.model == "small"
    assert found.decision.reason is Reason.ROUTED


def guard(then: Remedy, cap: int = 0) -> dict[str, Any]:
    return {"short_budget": ShortBudget(below=1000, then=then, cap=cap)}


@pytest.mark.parametrize("api", TEMPLATED, ids=lambda api: api.path)
def test_too_few_tokens_for_thinking_leave_it_off_and_say_so(api: Api) -> None:
    asked = request(api, "Why?", **{api.limits[0]: 999})

    found = planned(asked, **guard(Remedy.OFF))

    assert found.decision.reasoning is Reasoning.OFF
    assert found.decision.reason is Reason.SHORT_BUDGET
    assert sent(asked, found)["chat_template_kwargs"] == {"enable_thinking": False}
    assert sent(asked, found)[api.limits[0]] == 999


@pytest.mark.parametrize("members", [{}, {"max_tokens": 1000}, {"max_tokens": None}])
def test_enough_tokens_are_no_short_budget(members: dict[str, Any]) -> None:
    assert planned(request(**members), **guard(Remedy.OFF)).decision.reason is Reason.ROUTED


def test_without_thinking_no_budget_is_short() -> None:
    found = planned(request(max_tokens=5), Reasoning.OFF, **guard(Remedy.OFF))

    assert found.decision.reason is Reason.ROUTED


@pytest.mark.parametrize("api", EVERY, ids=lambda api: api.path)
def test_a_short_limit_is_raised_by_what_thinking_needs_up_to_the_cap(api: Api) -> None:
    (name, *_) = api.limits
    asked = request(api, "Why?", **{name: 50})

    raised = sent(asked, planned(asked, **guard(Remedy.RAISE, cap=9000)))[name]
    capped = sent(asked, planned(asked, **guard(Remedy.RAISE, cap=1020)))[name]

    assert (raised, capped) == ((1050, 1020) if api.templated else (50, 50))


def test_of_two_limits_the_one_that_counts_is_raised() -> None:
    asked = request(max_tokens=5000, max_completion_tokens=50)

    told = sent(asked, planned(asked, **guard(Remedy.RAISE, cap=9000)))

    assert (told["max_tokens"], told["max_completion_tokens"]) == (5000, 1050)


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_that_no_server_takes_is_left_to_be_refused(limit: int) -> None:
    asked = request(max_tokens=limit)

    assert sent(asked, planned(asked, **guard(Remedy.RAISE, cap=9000)))["max_tokens"] == limit


def test_a_bound_never_grants_more_thinking_than_the_level_does() -> None:
    level = {Reasoning.LOW: Spelling({BUDGET: 512}), Reasoning.OFF: Spelling({BUDGET: 0})}
    asked = request(MESSAGES, max_tokens=900)
    dialect = Dialect("seed", level, budget=BUDGET)

    found = planned(asked, Reasoning.LOW, dialect=dialect, **guard(Remedy.LIMIT))

    assert sent(asked, found)["thinking"] == {"budget_tokens": 450}


def test_what_a_client_says_in_the_models_own_words_means_what_it_means_there() -> None:
    effort = ("chat_template_kwargs", "reasoning_effort")
    solar = Dialect(
        "solar",
        {Reasoning.ON: Spelling({effort: "high"}), Reasoning.OFF: Spelling({effort: "minimal"})},
    )
    asked = request(chat_template_kwargs={"reasoning_effort": "minimal"})

    found = planned(asked, Reasoning.ON, Reasoning.MINIMAL, dialect=solar)

    assert found.decision.reasoning is Reasoning.OFF
    assert sent(asked, found)["chat_template_kwargs"] == {"reasoning_effort": "minimal"}


def test_several_answers_are_never_asked_to_be_greedy() -> None:
    asked = request(n=3)

    told = sent(
        asked, planned(asked, Reasoning.OFF, direct_sampling={"temperature": 0, "top_p": 1})
    )

    assert "temperature" not in told
    assert told["top_p"] == 1


def test_a_limit_is_never_raised_past_the_models_context() -> None:
    asked = request(ask="x" * 3000, max_tokens=900)

    found = planned(asked, context=2513, **guard(Remedy.RAISE, cap=9000))

    assert sent(asked, found)["max_tokens"] == 2513 - prompt_tokens(asked)


def test_where_the_context_leaves_no_room_to_think_it_is_left_off() -> None:
    asked = request(ask="x" * 3000, max_tokens=900)

    found = planned(asked, context=1963, **guard(Remedy.RAISE, cap=9000))

    assert found.decision.reasoning is Reasoning.OFF
    assert sent(asked, found)["max_tokens"] == 900


def test_a_cap_that_is_reached_leaves_thinking_off() -> None:
    found = planned(request(max_tokens=500), **guard(Remedy.RAISE, cap=400))

    assert found.decision.reasoning is Reasoning.OFF
    assert found.decision.reason is Reason.SHORT_BUDGET


def test_thinking_may_be_limited_to_half_of_the_answer() -> None:
    asked = request(max_tokens=500)

    found = planned(asked, **guard(Remedy.LIMIT))

    assert found.decision.reasoning is Reasoning.ON
    assert found.decision.reason is Reason.SHORT_BUDGET
    assert sent(asked, found)["thinking_token_budget"] == 250


@pytest.mark.parametrize(("limit", "level"), [(1, Reasoning.OFF), (2, Reasoning.ON)])
def test_half_of_nothing_is_no_thinking(limit: int, level: Reasoning) -> None:
    found = planned(request(max_tokens=limit), **guard(Remedy.LIMIT))

    assert found.decision.reasoning is level


CLAUDE = Dialect(
    "claude",
    {
        Reasoning.ON: Spelling({("thinking", "type"): "enabled", BUDGET: 8192}),
        Reasoning.OFF: Spelling({("thinking", "type"): "disabled"}),
    },
    removes=frozenset({BUDGET}),
    budget=BUDGET,
    least_budget=1024,
)


@pytest.mark.parametrize(
    ("limit", "granted"), [(8193, 8192), (8192, 4096), (2048, 1024), (2047, None)]
)
@pytest.mark.parametrize("below", [0, 1000])
def test_a_level_never_grants_more_thinking_than_half_of_an_answer_that_it_would_fill(
    limit: int, granted: int | None, below: int
) -> None:
    asked = request(MESSAGES, max_tokens=limit)

    found = planned(asked, dialect=CLAUDE, short_budget=ShortBudget(below, Remedy.OFF, 0))

    thinking = sent(asked, found)["thinking"]
    assert thinking.get("budget_tokens") == granted
    assert thinking["type"] == ("enabled" if granted else "disabled")


def test_a_raised_limit_bounds_the_thinking_of_its_level_too() -> None:
    asked = request(MESSAGES, max_tokens=900)

    raising = ShortBudget(below=2000, then=Remedy.RAISE, cap=9000)
    told = sent(asked, planned(asked, dialect=CLAUDE, short_budget=raising))

    assert told["max_tokens"] == 2900
    assert told["thinking"] == {"type": "enabled", "budget_tokens": 1450}


def test_a_limit_is_not_raised_for_thinking_that_stays_off() -> None:
    asked = request(MESSAGES, max_tokens=900)

    told = sent(asked, planned(asked, dialect=CLAUDE, **guard(Remedy.RAISE, cap=9000)))

    assert told["max_tokens"] == 900
    assert told["thinking"] == {"type": "disabled"}


def test_a_clients_own_budget_is_kept_where_it_wishes_to_think() -> None:
    asked = request(MESSAGES, max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 2000})

    told = sent(asked, planned(asked, Reasoning.OFF, Reasoning.ON, dialect=CLAUDE))

    assert told["thinking"] == {"type": "enabled", "budget_tokens": 2000}


def test_where_the_api_has_no_budget_of_thinking_it_is_left_off() -> None:
    found = planned(request(RESPONSES, max_output_tokens=500), **guard(Remedy.LIMIT))

    assert found.decision.reasoning is Reasoning.OFF


def test_a_clients_wish_is_worth_its_own_short_budget() -> None:
    found = planned(
        request(max_tokens=5, enable_thinking=True),
        Reasoning.OFF,
        Reasoning.ON,
        **guard(Remedy.OFF),
    )

    assert found.decision.reasoning is Reasoning.ON


@pytest.mark.parametrize(("level", "expected"), [(Reasoning.ON, WARM), (Reasoning.OFF, COOL)])
def test_each_mode_has_its_sampling(level: Reasoning, expected: dict[str, float]) -> None:
    asked = request()

    told = sent(asked, planned(asked, level, thinking_sampling=WARM, direct_sampling=COOL))

    assert {name: told[name] for name in expected} == expected


def test_the_clients_own_sampling_stays() -> None:
    asked = request(temperature=0)

    told = sent(asked, planned(asked, thinking_sampling=WARM))

    assert told["temperature"] == 0
    assert told["top_k"] == 20


def test_sampling_that_an_api_does_not_have_is_left_out() -> None:
    asked = request(MESSAGES)

    told = sent(asked, planned(asked, thinking_sampling={"min_p": 0.1, "top_p": 0.9}))

    assert "min_p" not in told
    assert told["top_p"] == 0.9


@pytest.mark.parametrize(
    ("api", "where"),
    [(RESPONSES, "instructions"), (MESSAGES, "system")],
)
def test_a_routes_system_prompt_frames_the_clients(api: Api, where: str) -> None:
    asked = request(api, **{where: "Answer in French."})
    routed = choice(system_prompt=SystemPrompt("Think.", "Be brief."))

    told = sent(asked, plan(asked, routed, None, models(), None))

    assert told[where] == "Think.\n\nAnswer in French.\n\nBe brief."


def test_a_switch_by_words_stands_before_a_routes_own_words() -> None:
    asked = request()
    routed = choice(system_prompt=SystemPrompt("You do sums."))

    told = sent(asked, plan(asked, routed, None, models(dialect=dialects.WORDS), None))

    system = {"role": "system", "content": "detailed thinking on\n\nYou do sums."}
    assert told["messages"][0] == system


def test_words_that_stand_in_their_place_already_are_not_repeated() -> None:
    asked = request(ask="Why? /no_think")

    told = sent(asked, planned(asked, Reasoning.ON, Reasoning.OFF, dialect=dialects.COMMANDS))

    assert told["messages"][-1]["content"] == "Why? /no_think"


@pytest.mark.parametrize("text", ["What is </think>?", "See https://x.org/thinking", "/think not"])
def test_words_that_stand_elsewhere_do_not_keep_the_switch_from_being_said(text: str) -> None:
    asked = request(ask=text)

    told = sent(asked, planned(asked, Reasoning.ON, dialect=dialects.COMMANDS))

    assert told["messages"][-1]["content"] == f"{text}\n\n/think"
