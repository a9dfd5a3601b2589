import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.workbench.doctor.replies import (
    Answer,
    Nonsense,
    Refusal,
    Reply,
    read_names,
    read_reply,
)


def read(document: Any, status: int = 200) -> Reply:
    return read_reply(status, json.dumps(document).encode())


def saying(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message}]}


def test_an_answer_is_read_as_vllm_writes_it() -> None:
    document = saying(content="15", reasoning="3 times 5") | {
        "prompt_token_ids": [1, 2],
        "usage": {"prompt_tokens": 2},
    }

    assert read(document) == Answer((1, 2), 2, thinks=True)


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning": "Well"},
        {"reasoning_content": "Well", "content": None},
        {"content": "<think>\nWell, 3 times"},
        {"content": "\n<think>Well</think>15"},
        {"content": "Well\n</think>\n15"},
    ],
)
def test_a_thinking_part_is_seen(message: dict[str, Any]) -> None:
    assert read(saying(**message)) == Answer(thinks=True)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "15"},
        {"content": "<think>\n\n</think>\n\n15"},
        {"content": "\n</think>15"},
        {"content": "<think>"},
        {"content": "The tag <think> opens a thought"},
        {"content": None, "reasoning": " "},
        {"content": ["<think>well"], "reasoning": ["well"], "reasoning_content": 1},
        {},
    ],
)
def test_no_thinking_part_is_made_up(message: dict[str, Any]) -> None:
    assert read(saying(**message)) == Answer(thinks=False)


def test_thinking_that_is_only_counted_is_seen() -> None:
    usage = {"completion_tokens_details": {"reasoning_tokens": 64}}

    assert read(saying(content="") | {"usage": usage}) == Answer(thinks=True)


@pytest.mark.parametrize(
    "document",
    [
        {"error": {"message": "no such effort", "code": 400}},
        {"error": "no such effort"},
        {"message": "no such effort"},
        {"detail": "no such\n  effort"},
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_servers_complaint_is_found_where_it_puts_it(document: Any, status: int) -> None:
    assert read(document, status) == Refusal(status, "no such effort")


def test_a_long_complaint_becomes_a_line_that_no_terminal_obeys() -> None:
    reply = read_reply(502, b"<html>\x1b[2J\n" + b"x" * 5000)

    assert isinstance(reply, Refusal)
    assert reply.message.startswith("<html> [2J x")
    assert len(reply.message) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("choices", "message", "reasoning", "content", "prompt_token_ids", "usage"),
                    *("prompt_tokens", "completion_tokens_details", "reasoning_tokens", "error"),
                    *("data", "id", "detail"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(document=JSON, status=st.sampled_from([200, 204, 302, 400, 599]))
def test_any_document_is_some_reply(document: Any, status: int) -> None:
    body = json.dumps(document).encode()

    assert isinstance(read_reply(status, body), Answer | Refusal | Nonsense)
    names = read_names(status, body)
    assert names is None or all(isinstance(name, str) for name in names)


@given(body=st.binary())
def test_any_bytes_are_some_reply(body: bytes) -> None:
    assert isinstance(read_reply(200, body), Nonsense)
    assert read_names(200, body) is None


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b'{"choices":' * 50_000, b"<html>Hello"])
def test_what_is_no_chat_completion_is_nonsense(body: bytes) -> None:
    assert isinstance(read_reply(200, body), Nonsense)
