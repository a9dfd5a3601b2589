from typing import Any

import pytest

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES
from semrouter_extproc.core.intent import Vocabulary, Wish, wish_of_header
from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from semrouter_extproc.errors import MalformedRequest
from support import dialects
from support.requests import request

VOCABULARY = Vocabulary(dialects.ALL)


def wish(api: Any = CHAT_COMPLETIONS, text: str = "Why?", **members: Any) -> Reasoning | None:
    return VOCABULARY.wish_of(request(api, text, **members))


@pytest.mark.parametrize(
    ("members", "level"),
    [
        ({"reasoning_effort": "none"}, Reasoning.OFF),
        ({"reasoning_effort": "low"}, Reasoning.LOW),
        ({"reasoning_effort": "xhigh"}, Reasoning.XHIGH),
        ({"reasoning": {"effort": "high"}}, Reasoning.HIGH),
        ({"reasoning": {"enabled": False}}, Reasoning.OFF),
        ({"thinking": {"type": "disabled"}}, Reasoning.OFF),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, Reasoning.ON),
        ({"thinking": {"type": "adaptive"}}, Reasoning.ON),
        ({"enable_thinking": False}, Reasoning.OFF),
        ({"chat_template_kwargs": {"enable_thinking": False}}, Reasoning.OFF),
        ({"chat_template_kwargs": {"enable_thinking": True}}, Reasoning.ON),
        ({"chat_template_kwargs": {"reasoning_effort": "minimal"}}, Reasoning.MINIMAL),
        ({"thinking_token_budget": 0}, Reasoning.OFF),
        ({"thinking_token_budget": 500}, Reasoning.ON),
        ({"reasoning_effort": "high", "enable_thinking": True}, Reasoning.HIGH),
    ],
)
def test_every_spelling_of_a_wish_is_understood(members: Any, level: Reasoning) -> None:
    assert wish(**members) is level


def test_any_budget_of_thinking_is_a_wish_for_it_also_where_a_level_names_one_number() -> None:
    claude = Dialect(
        "claude",
        {
            Reasoning.ON: Spelling(
                {("thinking", "type"): "enabled", ("thinking", "budget_tokens"): 8192}
            ),
            Reasoning.OFF: Spelling({("thinking", "type"): "disabled"}),
        },
        removes=frozenset({("thinking", "budget_tokens")}),
    )
    asked = request(MESSAGES, thinking={"type": "enabled", "budget_tokens": 1024})

    assert Vocabulary([claude]).wish_of(asked) is Reasoning.ON


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_effort": "enormous"},
        {"reasoning_effort": ["low"]},
        {"thinking": {"type": "sometimes"}},
        {"reasoning": "yes"},
        {"thinking_token_budget": "many"},
        {"chat_template_kwargs": {"enable_thinking": "maybe"}},
        {"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "high"},
    ],
)
def test_a_wish_that_is_no_single_level_is_still_one(members: Any) -> None:
    assert wish(**members) is Reasoning.UNCHANGED


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"reasoning_effort": None},
        {"reasoning": None},
        {"reasoning": {"summary": "auto"}},
        {"chat_template_kwargs": None},
        {"chat_template_kwargs": {"custom": 1}},
        {"chat_template_kwargs": {"enable_thinking": None}},
    ],
)
def test_saying_nothing_about_reasoning_leaves_it_to_the_router(members: Any) -> None:
    assert wish(**members) is None


def test_each_api_has_the_effort_in_its_own_place() -> None:
    assert wish(RESPONSES, reasoning={"effort": "low"}) is Reasoning.LOW
    assert wish(MESSAGES, output_config={"effort": "low"}) is Reasoning.LOW
    assert wish(MESSAGES, thinking={"type": "disabled"}) is Reasoning.OFF


def test_in_anthropics_api_disabled_outdoes_an_effort_and_a_budget() -> None:
    disabled = {"type": "disabled", "budget_tokens": 1024}

    assert wish(MESSAGES, thinking=disabled, output_config={"effort": "high"}) is Reasoning.OFF


def test_a_text_completion_has_no_switch_to_wish_for() -> None:
    assert wish(COMPLETIONS, "Tell me /no_think", reasoning_effort="low") is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("/no_think What is 2+2?", Reasoning.OFF),
        ("What is 2+2? /think", Reasoning.ON),
        ("/think no, /no_think", Reasoning.OFF),
        ("Explain. /nothink", Reasoning.OFF),
    ],
)
@pytest.mark.parametrize("api", [CHAT_COMPLETIONS, RESPONSES, MESSAGES])
def test_a_command_in_the_prompt_is_a_wish(text: str, level: Reasoning, api: Any) -> None:
    assert wish(api, text) is level


@pytest.mark.parametrize("text", ["/thinking", "see docs/think", "think", "either/or", "x/think"])
def test_words_that_only_look_like_a_command_are_none(text: str) -> None:
    assert wish(text=text) is None


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("turns", "level"),
    [
        ([turn("system", "/no_think"), turn("user", "Hi")], Reasoning.OFF),
        ([turn("user", "/no_think Hi"), turn("user", "Why?")], Reasoning.OFF),
        ([turn("user", "/no_think Hi"), turn("user", "Why? /think")], Reasoning.ON),
        ([turn("assistant", "/no_think"), turn("user", "Hi")], None),
        ([turn("system", "detailed thinking off"), turn("user", "Hi")], Reasoning.OFF),
        ([turn("system", "Never write <think> or </think>."), turn("user", "Hi")], None),
        ([turn("system", "Docs: https://x.org/thinking"), turn("user", "Hi")], None),
        ([turn("system", "Files are in /home/me/no_think/x"), turn("user", "Hi")], None),
        ([turn("system", "Give detailed thinking on all."), turn("user", "Hi")], None),
        ([turn("system", "Never use /think ."), turn("user", "Hi")], None),
        (
            [turn("system", "Be brief.\ndetailed thinking on.\n"), turn("user", "Hi")],
            Reasoning.ON,
        ),
        ([turn("user", "What does 'detailed thinking off' do?")], None),
    ],
)
def test_the_latest_command_of_those_who_may_command_counts(
    turns: list[dict[str, str]], level: Reasoning | None
) -> None:
    assert wish(messages=turns) is level


def test_a_command_is_found_in_long_texts_in_no_time() -> None:
    # Ten megabytes that almost say it, everywhere.
    assert wish(text="/thin " * 1_700_000 + "/no_think") is Reasoning.OFF


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("on", Reasoning.ON),
        (" Off ", Reasoning.OFF),
        ("none", Reasoning.OFF),
        ("high", Reasoning.HIGH),
    ],
)
def test_the_header_names_a_level(value: str, level: Reasoning) -> None:
    assert wish_of_header(value) == Wish(level, by_header=True)


def test_the_header_may_leave_it_to_the_router() -> None:
    assert wish_of_header("auto") == Wish(Reasoning.UNCHANGED, by_header=True)


def test_another_word_in_the_header_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(MalformedRequest, match=r"x-reasoning must be one of auto, on, off"):
        wish_of_header("yes please")
