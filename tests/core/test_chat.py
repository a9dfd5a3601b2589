import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.chat import ChatRequest, parse
from semrouter_extproc.errors import MalformedRequest


def request(**members: object) -> ChatRequest:
    return parse(json.dumps(members).encode())


def test_a_chat_completion_is_read() -> None:
    found = request(model="auto", messages=[{"role": "user", "content": "Hello"}])

    assert found.model == "auto"
    assert [(message.role, message.content) for message in found.messages] == [("user", "Hello")]


def test_members_keep_their_exact_bytes_and_order() -> None:
    found = parse(b'{"temperature": 1e-07, "model": "auto", "seed": 1.0, "x": {"b": 1, "a": 2}}')

    assert [(name, bytes(raw)) for name, raw in found.members.items()] == [
        ("temperature", b"1e-07"),
        ("model", b'"auto"'),
        ("seed", b"1.0"),
        ("x", b'{"b": 1, "a": 2}'),
    ]


def test_the_last_of_duplicate_members_counts_as_it_does_in_vllm() -> None:
    body = b'{"model": "big", "model": "auto"}'

    assert parse(body).model == json.loads(body)["model"] == "auto"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model": "auto", "temperature": NaN}', id="NaN"),
        pytest.param(b'\xef\xbb\xbf{"model": "auto"}', id="byte order mark"),
        pytest.param('{"model": "auto"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"model": "auto", "user": "\\ud800"}', id="lone surrogate"),
    ],
)
def test_what_only_a_lenient_parser_reads_is_no_way_around_the_router(body: bytes) -> None:
    assert json.loads(body)["model"] == parse(body).model == "auto"


def test_a_lone_surrogate_inside_a_message_is_read() -> None:
    found = parse(b'{"messages": [{"role": "user", "content": "caf\\ud800"}]}')

    assert found.messages[0].content == "caf\ud800"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "no JSON object"),
        (b"{", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b'"auto"', "no JSON object"),
        (b'{"model": 7}', "`model`"),
        (b'{"messages": "hi"}', "`messages`"),
        (b'{"messages": [{"content": 7}]}', "`messages`"),
        (b'{"messages": ["hi"]}', "`messages`"),
        (b'{"chat_template_kwargs": true}', "`chat_template_kwargs`"),
        (b'{"messages": [{"content": "\xff"}]}', "`messages`"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "no JSON object"),
    ],
)
def test_what_no_server_would_accept_is_refused_by_name(body: bytes, complaint: str) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        parse(body)


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "high"}},
        {"thinking": {"type": "disabled"}},
        {"enable_thinking": False},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": True}},
        {"chat_template_kwargs": {"reasoning_effort": "high"}},
    ],
)
def test_every_parameter_about_reasoning_is_the_clients_own_decision(
    members: dict[str, object],
) -> None:
    assert request(model="auto", **members).decides_reasoning


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"reasoning_effort": None},
        {"chat_template_kwargs": None},
        {"chat_template_kwargs": {"custom": 1}},
        {"chat_template_kwargs": {"enable_thinking": None}},
    ],
)
def test_saying_nothing_about_reasoning_leaves_it_to_the_router(
    members: dict[str, object],
) -> None:
    assert not request(model="auto", **members).decides_reasoning


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except MalformedRequest:
        return
    assert isinstance(json.loads(body), dict)
