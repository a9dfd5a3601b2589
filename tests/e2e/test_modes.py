"""The other ways in which Envoy can hand over a body. BUFFERED has the rest of this folder."""

from collections.abc import Iterator

import pytest

from support.http2 import post_with_trailers
from support.stack import (
    FULL_DUPLEX,
    LAW,
    MATH,
    STREAMED,
    Stack,
    another_envoy,
    chat_body,
)


@pytest.fixture(scope="module")
def duplex_envoy(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with another_envoy(shared_stack, tmp_path_factory.mktemp("duplex"), FULL_DUPLEX) as stack:
        yield stack


@pytest.fixture(scope="module")
def streamed_envoy(
    shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with another_envoy(shared_stack, tmp_path_factory.mktemp("streamed"), STREAMED) as stack:
        yield stack


@pytest.fixture(params=["duplex_envoy", "streamed_envoy"])
def any_mode(request: pytest.FixtureRequest) -> Stack:
    stack: Stack = request.getfixturevalue(request.param)
    return stack.forget()


def test_in_full_duplex_body_route_and_headers_follow_the_decision(duplex_envoy: Stack) -> None:
    answer = duplex_envoy.forget().chat(MATH)

    arrived = duplex_envoy.thinker.only()
    assert answer.json == {"served_by": "thinker"}
    assert arrived.json["reasoning_effort"] == "high"
    assert arrived.headers["x-semrouter-category"] == "math"
    assert answer.headers["x-semrouter-reason"] == "routed"


def test_streamed_headers_are_gone_before_the_decision_so_only_the_body_follows(
    streamed_envoy: Stack,
) -> None:
    answer = streamed_envoy.forget().chat(MATH)

    arrived = streamed_envoy.talker.only()
    assert answer.json == {"served_by": "talker"}
    assert arrived.json["model"] == "thinker"
    assert arrived.json["reasoning_effort"] == "high"


def test_a_body_in_many_chunks_arrives_whole(any_mode: Stack) -> None:
    padding = "x" * 2_000_000

    any_mode.chat(LAW, user=padding)

    arrived = any_mode.talker.only()
    assert arrived.json["user"] == padding
    assert arrived.json["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_chunked_body_arrives_whole(any_mode: Stack) -> None:
    any_mode.request(chat_body(LAW), chunked=True)

    assert any_mode.talker.only().json["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize("size", [0, 10, 500_000])
def test_what_passes_through_loses_no_byte(any_mode: Stack, size: int) -> None:
    any_mode.request(b"x" * size, path="/v1/embeddings", chunked=size > 10)

    arrived = any_mode.talker.only()
    assert arrived.path == "/v1/embeddings"
    assert arrived.body == b"x" * size


def test_a_get_passes_through(any_mode: Stack) -> None:
    any_mode.request(b"", method="GET", path="/v1/responses/resp_1")

    assert any_mode.talker.only().path == "/v1/responses/resp_1"


def test_the_models_are_listed_by_the_router(any_mode: Stack) -> None:
    answer = any_mode.request(b"", method="GET", path="/v1/models")

    assert [model["id"] for model in answer.json["data"]] == ["auto", "MoM", "talker", "thinker"]
    assert any_mode.talker.arrived == []


def test_a_pinned_model_keeps_its_bytes(any_mode: Stack) -> None:
    body = b'{ "model" : "talker",  "messages": [{"role": "user", "content": "Hi"}] }'

    any_mode.request(body)

    assert any_mode.talker.only().body == body


def test_a_body_that_is_not_json_is_refused(any_mode: Stack) -> None:
    answer = any_mode.request(b"this is no JSON")

    assert answer.status == 400
    assert answer.json["error"]["code"] == "unparsable"
    assert any_mode.talker.arrived == any_mode.thinker.arrived == []


def test_spoofed_headers_are_gone(any_mode: Stack) -> None:
    any_mode.request(chat_body(LAW), headers={"x-semrouter-anything": "else"})

    assert "x-semrouter-anything" not in any_mode.talker.only().headers


def test_an_answer_streams_through_unharmed(any_mode: Stack) -> None:
    answer = any_mode.chat(LAW, stream=True)

    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.body.count(b"\n\n") == 51


def test_a_body_with_trailers_is_refused_before_envoy_could_lose_or_double_it(
    any_mode: Stack,
) -> None:
    reply = post_with_trailers(any_mode.address, "/v1/chat/completions", chat_body(LAW))

    assert reply.status == 400
    assert b"trailers" in reply.body
    assert any_mode.talker.arrived == []


def test_a_buffered_body_with_trailers_arrives_once(stack: Stack) -> None:
    reply = post_with_trailers(stack.address, "/v1/chat/completions", chat_body(LAW))

    assert reply.status == 200
    assert stack.talker.only().json["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_body_over_the_limit_is_refused_also_where_envoy_sets_none(any_mode: Stack) -> None:
    answer = any_mode.chat("x" * any_mode.router.config.server.max_body)

    assert answer.status == 413
    assert any_mode.talker.arrived == any_mode.thinker.arrived == []
