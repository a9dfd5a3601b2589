import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.apis import (
    APIS,
    CHAT_COMPLETIONS,
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    Api,
)
from semrouter_extproc.core.request import Request, parse
from semrouter_extproc.errors import MalformedRequest

EVERY_API = pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.path)


def chat(body: bytes) -> Request:
    return parse(body, CHAT_COMPLETIONS)


def test_members_keep_their_exact_bytes_and_order() -> None:
    found = chat(b'{"temperature": 1e-07, "model": "auto", "seed": 1.0, "x": {"b": 1, "a": 2}}')

    assert [(name, bytes(raw)) for name, raw in found.members.items()] == [
        ("temperature", b"1e-07"),
        ("model", b'"auto"'),
        ("seed", b"1.0"),
        ("x", b'{"b": 1, "a": 2}'),
    ]


def test_the_last_of_duplicate_members_counts_as_it_does_in_vllm() -> None:
    body = b'{"model": "big", "model": "auto"}'

    assert chat(body).model == json.loads(body)["model"] == "auto"


@EVERY_API
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model": "auto", "temperature": NaN}', id="NaN"),
        pytest.param(b'{"model": "auto", "temperature": 1e400}', id="1e400"),
        pytest.param(b'\xef\xbb\xbf{"model": "auto"}', id="byte order mark"),
        pytest.param('{"model": "auto"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"model": "auto", "user": "\\ud800"}', id="lone surrogate"),
    ],
)
def test_what_only_a_lenient_parser_reads_is_no_way_around_the_router(
    body: bytes, api: Api
) -> None:
    assert json.loads(body)["model"] == parse(body, api).model == "auto"


@EVERY_API
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "no JSON object"),
        (b"{", "no JSON object"),
        (b'{"model": "auto"} and more', "no JSON object"),
        (b"[1]", "no JSON object"),
        (b'"auto"', "no JSON object"),
        (b'{"model": 7}', "`model`"),
        (b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "no JSON object"),
    ],
)
def test_what_no_server_would_accept_is_refused_by_name(
    body: bytes, complaint: str, api: Api
) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        parse(body, api)


@pytest.mark.parametrize(
    ("api", "members", "complaint"),
    [
        (CHAT_COMPLETIONS, {"messages": "hi"}, "`messages`"),
        (CHAT_COMPLETIONS, {"messages": [{"content": 7}]}, "`messages`"),
        (CHAT_COMPLETIONS, {"messages": ["hi"]}, "`messages`"),
        (CHAT_COMPLETIONS, {"chat_template_kwargs": True}, "`chat_template_kwargs`"),
        (RESPONSES, {"input": 7}, "`input`"),
        (RESPONSES, {"input": [{"role": "user", "content": 7}]}, "`input`"),
        (RESPONSES, {"instructions": ["x"]}, "`instructions`"),
        (MESSAGES, {"messages": [{"role": "user", "content": 7}]}, "`messages`"),
        (MESSAGES, {"system": 7}, "`system`"),
        (COMPLETIONS, {"prompt": {"a": 1}}, "`prompt`"),
    ],
)
def test_a_conversation_of_the_wrong_kind_is_refused_by_name(
    api: Api, members: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        parse(json.dumps(members).encode(), api)


def test_a_member_of_a_member_is_found_and_null_is_nothing() -> None:
    found = chat(b'{"reasoning": {"effort": "low", "summary": null}, "thinking": null, "n": 1}')

    effort = found.member(("reasoning", "effort"))

    assert effort is not None
    assert bytes(effort) == b'"low"'
    assert found.member(("reasoning", "summary")) is None
    assert found.member(("thinking",)) is None
    assert found.member(("thinking", "type")) is None
    assert found.member(("n", "effort")) is None


@EVERY_API
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(api: Api, body: bytes) -> None:
    try:
        parse(body, api)
    except MalformedRequest:
        return
    assert isinstance(json.loads(body), dict)
