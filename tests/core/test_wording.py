import json
from typing import Any

import pytest

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, MESSAGES, RESPONSES, Api
from semrouter_extproc.core.request import parse
from semrouter_extproc.core.rewrite import Changes, rewrite
from semrouter_extproc.core.wording import SystemPrompt
from support.requests import request

FRAME = SystemPrompt("First.", "Last.")


def framed(api: Api, frame: SystemPrompt = FRAME, **members: Any) -> Any:
    return json.loads(rewrite(request(api, **members), Changes({}, system_prompt=frame)))


def commanded(api: Api, **members: Any) -> Any:
    return json.loads(rewrite(request(api, **members), Changes({}, user_command="/no_think")))


USER = {"role": "user", "content": "Why?"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([USER], [{"role": "system", "content": "First.\n\nLast."}, USER]),
        (
            [{"role": "system", "content": "Mine."}, USER],
            [{"role": "system", "content": "First.\n\nMine.\n\nLast."}, USER],
        ),
        (
            [{"role": "developer", "name": "x", "content": "Mine."}],
            [{"role": "developer", "name": "x", "content": "First.\n\nMine.\n\nLast."}],
        ),
        (
            [{"role": "system", "content": [{"type": "text", "text": "Mine."}]}],
            [
                {
                    "role": "system",
                    "content": [
                        {"type": "text", "text": "First.\n\n"},
                        {"type": "text", "text": "Mine."},
                        {"type": "text", "text": "\n\nLast."},
                    ],
                }
            ],
        ),
        ([{"role": "system", "content": None}], [{"role": "system", "content": "First.\n\nLast."}]),
        ([], [{"role": "system", "content": "First.\n\nLast."}]),
    ],
)
def test_the_system_turn_of_a_chat_is_framed_or_made(before: list[Any], after: list[Any]) -> None:
    assert framed(CHAT_COMPLETIONS, messages=before)["messages"] == after


def test_only_one_side_may_be_framed() -> None:
    told = framed(RESPONSES, SystemPrompt(append="Last."), instructions="Mine.")

    assert told["instructions"] == "Mine.\n\nLast."


def test_anthropics_blocks_of_the_system_prompt_stay_blocks() -> None:
    mine = {"type": "text", "text": "Mine.", "cache_control": {"type": "ephemeral"}}

    assert framed(MESSAGES, system=[mine])["system"] == [
        {"type": "text", "text": "First.\n\n"},
        mine,
        {"type": "text", "text": "\n\nLast."},
    ]


@pytest.mark.parametrize(("api", "name"), [(RESPONSES, "instructions"), (MESSAGES, "system")])
def test_without_a_system_prompt_one_is_written(api: Api, name: str) -> None:
    assert framed(api)[name] == "First.\n\nLast."


def test_a_response_that_begins_with_a_system_turn_gets_no_second_one() -> None:
    turns = [{"role": "developer", "content": "Mine."}, {"role": "user", "content": "Why?"}]

    told = framed(RESPONSES, input=turns)

    assert told["input"][0] == {"role": "developer", "content": "First.\n\nMine.\n\nLast."}
    assert "instructions" not in told


@pytest.mark.parametrize("api", [CHAT_COMPLETIONS, MESSAGES])
def test_a_lone_surrogate_in_another_turn_is_no_hindrance(api: Api) -> None:
    turns = [{"role": "user", "content": "caf\ud800"}, USER]

    assert framed(api, messages=turns)["messages"][-1] == USER
    assert commanded(api, messages=turns)["messages"][-1]["content"] == "Why?\n\n/no_think"


def test_a_lone_surrogate_in_the_framed_text_is_none_either() -> None:
    assert framed(RESPONSES, instructions="caf\ud800")["instructions"].startswith("First.\n\ncaf")


def test_a_turn_in_which_a_user_speaks_beside_a_tool_is_the_users() -> None:
    both = [{"type": "tool_result", "content": "4 C"}, {"type": "text", "text": "And now?"}]

    told = commanded(MESSAGES, messages=[USER, {"role": "user", "content": both}])["messages"]

    assert told[0] == USER
    assert told[1]["content"][-1]["text"].endswith("/no_think")


def test_every_other_turn_keeps_its_exact_bytes() -> None:
    body = (
        b'{"messages": [{"role":"system","content":"Mine."}, '
        b'{"role": "user", "content": "caf\\u00e9", "x": 1e-07}, '
        b'{"content":  "hm", "role":"assistant"}]}'
    )

    told = rewrite(parse(body, CHAT_COMPLETIONS), Changes({}, system_prompt=FRAME))

    assert b'{"role": "user", "content": "caf\\u00e9", "x": 1e-07}' in told
    assert b'{"content":  "hm", "role":"assistant"}' in told


@pytest.mark.parametrize("api", [CHAT_COMPLETIONS, MESSAGES])
def test_a_command_ends_the_last_turn_of_the_user(api: Api) -> None:
    loop = [
        {"role": "user", "content": "Hello"},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Hm."},
        {"role": "user", "content": [{"type": "tool_result", "content": "4 C"}]},
    ]

    told = commanded(api, messages=loop)["messages"]

    assert [turn["content"] for turn in told[:3]] == ["Hello", "Why?\n\n/no_think", "Hm."]
    assert told[3] == loop[3]


def test_a_command_is_a_part_of_its_own_among_parts() -> None:
    image = {"type": "input_image", "image_url": "data:"}
    items = [{"role": "user", "content": [image]}, {"type": "function_call", "call_id": "1"}]

    told = commanded(RESPONSES, input=items)["input"]

    assert told[0]["content"] == [image, {"type": "input_text", "text": "\n\n/no_think"}]
    assert told[1] == items[1]


def test_a_command_ends_an_input_that_is_a_text() -> None:
    assert commanded(RESPONSES, input="Why?")["input"] == "Why?\n\n/no_think"


def test_without_a_turn_of_the_user_there_is_nothing_to_end() -> None:
    turns = [{"role": "assistant", "content": "Hello!"}]

    assert commanded(CHAT_COMPLETIONS, messages=turns)["messages"] == turns
