"""What of a request may lie on a disk when its texts may not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.observe.redaction import without_text

CANARY = "Zanzibar-4711"


def redacted(document: object) -> Any:
    return without_text(json.dumps(document).encode(), is_model_known=True)


def test_a_chat_keeps_its_shape_and_its_lengths() -> None:
    bare = redacted(
        {
            "model": "auto",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": CANARY}]},
            ],
            "temperature": 0.5,
            "stream": True,
            "reasoning_effort": "high",
            "chat_template_kwargs": {"enable_thinking": False},
        }
    )

    assert bare == {
        "model": "auto",
        "messages": [
            {"role": "system", "content": 9},
            {"role": "user", "content": [{"type": "text", "text": len(CANARY)}]},
        ],
        "temperature": 0.5,
        "stream": True,
        "reasoning_effort": "high",
        "chat_template_kwargs": {"enable_thinking": False},
    }


@pytest.mark.parametrize(
    "members",
    [
        {"messages": [{"role": "user", "content": CANARY}]},
        {"messages": [{"role": CANARY, "content": [CANARY, {"type": CANARY}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": CANARY}}]}]},
        {"messages": [{"content": [{"type": "tool_use", "input": {CANARY: 1, "x": CANARY}}]}]},
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": CANARY}}]}]},
        {"input": [{"type": "function_call_output", "output": CANARY}], "instructions": CANARY},
        {"prompt": [CANARY, CANARY]},
        {"system": [{"type": "text", "text": CANARY}]},
        {"tools": [{"function": {"name": CANARY, "parameters": {"properties": {CANARY: {}}}}}]},
        {"metadata": {CANARY: CANARY}, "user": CANARY, "stop": [CANARY], CANARY: CANARY},
        {"reasoning_effort": CANARY, "thinking": {"type": CANARY}, "response_format": CANARY},
        {"chat_template_kwargs": {"enable_thinking": CANARY, CANARY: True}},
        {"temperature": [CANARY], "stream_options": {"include_usage": CANARY}},
    ],
)
def test_no_text_of_the_users_remains_wherever_it_stands(members: dict[str, object]) -> None:
    assert CANARY not in json.dumps(redacted({"model": "auto", **members}))


def test_tokens_and_numbers_of_a_prompt_are_text_too() -> None:
    assert redacted({"prompt": [[17, 4711], [4711]]}) == {"prompt": [2, 1]}
    assert redacted({"messages": [{"content": 4711}]}) == {"messages": [{"content": None}]}


def test_what_has_a_name_of_the_users_own_is_left_out_and_weighed() -> None:
    assert redacted({"model": "auto", "mine": "1234"}) == {"model": "auto", "left_out_bytes": 10}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(CANARY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "content", "role", "type", "input", "thinking", CANARY]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_gives_its_text_away(document: object) -> None:
    assert CANARY not in json.dumps(redacted(document))


@pytest.mark.parametrize("body", [b'{"prompt": NaN}', '{"prompt": "ü"}'.encode("utf-16")])
def test_what_only_python_reads_is_redacted_as_well(body: bytes) -> None:
    assert without_text(body, is_model_known=True).keys() == {"prompt"}


def test_only_a_model_that_is_known_is_named_and_only_where_it_belongs() -> None:
    body = b'{"model": "secret", "messages": [{"role": "user", "model": "secret"}]}'

    assert without_text(body, is_model_known=False) == {
        "model": "unknown",
        "messages": [{"role": "user", "left_out_bytes": 13}],
    }
