"""Every shape in which a body can come, through the real Envoy."""

import gzip
import json
import socket

import pytest

from support.stack import LAW, MATH, Stack, chat_body


def test_a_body_that_is_not_json_is_refused_as_openai_would(stack: Stack) -> None:
    answer = stack.request(b"this is no JSON")

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert "no JSON object" in answer.json["error"]["message"]
    assert stack.talker.arrived == stack.thinker.arrived == []


def test_an_empty_body_passes_through(stack: Stack) -> None:
    stack.request(b"")

    assert stack.talker.only().body == b""


def test_another_content_type_passes_through(stack: Stack) -> None:
    stack.request(b"plain text", headers={"content-type": "text/plain"})

    assert stack.talker.only().body == b"plain text"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_passes_through(stack: Stack, method: str) -> None:
    body = b"" if method == "GET" else chat_body(MATH)

    stack.request(body, method=method)

    arrived = stack.talker.only()
    assert (arrived.method, arrived.body) == (method, body)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/chat/completions/x", "/tokenize", "/"])
def test_another_path_passes_through(stack: Stack, path: str) -> None:
    stack.request(chat_body(MATH), path=path)

    arrived = stack.talker.only()
    assert (arrived.path, arrived.body) == (path, chat_body(MATH))


def test_a_query_does_not_hide_the_path(stack: Stack) -> None:
    stack.request(chat_body(MATH), path="/v1/chat/completions?api-version=1")

    assert stack.thinker.only().json["model"] == "thinker"


def test_a_gzipped_body_is_unpacked_before_it_is_read(stack: Stack) -> None:
    stack.request(gzip.compress(chat_body(MATH)), headers={"content-encoding": "gzip"})

    arrived = stack.thinker.only()
    assert arrived.json["reasoning_effort"] == "high"
    assert "content-encoding" not in arrived.headers
    assert arrived.headers["content-length"] == str(len(arrived.body))


def test_an_encoding_that_nobody_unpacks_is_refused(stack: Stack) -> None:
    answer = stack.request(b"\x8b...", headers={"content-encoding": "br"})

    assert answer.status == 415
    assert "content-encoding br" in answer.json["error"]["message"]
    assert answer.headers["x-semrouter-reason"] == "unsupported_encoding"
    assert stack.talker.arrived == stack.thinker.arrived == []


def test_a_chunked_body_arrives_whole(stack: Stack) -> None:
    stack.request(chat_body(MATH), chunked=True)

    arrived = stack.thinker.only()
    assert arrived.json["messages"][0]["content"] == MATH
    assert arrived.headers["content-length"] == str(len(arrived.body))


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(stack: Stack) -> None:
    body = chat_body(MATH)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    )
    with socket.create_connection(stack.address, timeout=30) as connection:
        connection.sendall(head.encode())
        told = connection.recv(4096)
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert told.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert stack.thinker.only().json["model"] == "thinker"


def test_a_body_of_three_megabytes_is_rewritten(stack: Stack) -> None:
    history = [{"role": "assistant", "content": "x" * 3_000_000}]
    messages = [*history, {"role": "user", "content": LAW}]

    stack.request(json.dumps({"model": "auto", "messages": messages}).encode())

    arrived = stack.talker.only()
    assert arrived.json["messages"] == messages
    assert arrived.json["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_body_over_the_limit_is_refused_by_envoy(stack: Stack) -> None:
    too_large = stack.router.config.server.max_body + 1

    answer = stack.request(chat_body("x" * too_large))

    assert answer.status == 413
    assert stack.talker.arrived == stack.thinker.arrived == []


def test_a_body_just_under_the_limit_is_rewritten(stack: Stack) -> None:
    room = stack.router.config.server.max_body - len(chat_body(""))

    assert stack.chat("x" * room).status == 200
    assert stack.talker.only().json["model"] == "talker"


TURN = b'"messages": [{"role": "user", "content": "%s"}]' % MATH.encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model": "talker", "model": "auto", %s}' % TURN, id="duplicate model"),
        pytest.param(b'{"model": "auto", "messages": [], %s}' % TURN, id="duplicate messages"),
        pytest.param(b'{"model": "auto", "temperature": NaN, %s}' % TURN, id="NaN"),
        pytest.param(b'{"model": "auto", "temperature": 1e400, %s}' % TURN, id="1e400"),
        pytest.param(b'{"model": "auto", "user": "\\ud800", %s}' % TURN, id="lone surrogate"),
        pytest.param(b'\xef\xbb\xbf{"model": "auto", %s}' % TURN, id="byte order mark"),
        pytest.param((b'{"model": "auto", %s}' % TURN).decode().encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"model": null, %s}' % TURN, id="model is null"),
        pytest.param(b"{%s}" % TURN, id="no model"),
    ],
)
def test_what_vllm_reads_is_routed_and_says_the_same(stack: Stack, body: bytes) -> None:
    stack.request(body)

    meant = json.loads(body) | {"model": "thinker", "reasoning_effort": "high"}
    assert json.dumps(stack.thinker.only().json, sort_keys=True) == json.dumps(
        meant, sort_keys=True
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model": "auto", %s} {}' % TURN, id="trailing garbage"),
        pytest.param(b'{"model": "auto", "user": "\xff", %s}' % TURN, id="invalid UTF-8"),
        pytest.param(b'{"model": 7, %s}' % TURN, id="a number as model"),
        pytest.param(b'{"model": ["auto"], %s}' % TURN, id="a list as model"),
        pytest.param(b'{"a": %s1%s, %s}' % (b"[" * 10_000, b"]" * 10_000, TURN), id="nesting"),
        pytest.param(b'{"model": "auto", "messages": {}}', id="no list of messages"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"model": "auto", "messages": [', id="cut short"),
    ],
)
def test_what_vllm_refuses_is_refused_and_never_half_rewritten(stack: Stack, body: bytes) -> None:
    answer = stack.request(body)

    assert answer.status == 400
    assert answer.json["error"]["code"] == "unparsable"
    assert stack.talker.arrived == stack.thinker.arrived == []
