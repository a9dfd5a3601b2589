"""Clients that try to choose for the router, through a real Envoy."""

import json
import socket

import pytest

from support.stack import LAW, MATH, Stack, chat_body

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "name",
    [
        *("x-semrouter-model", "X-SEMROUTER-MODEL", "X-Semrouter-Model"),
        *("x-semrouter-reason", "x-semrouter-", "x-semrouter-new"),
    ],
)
def test_our_headers_are_removed_in_every_spelling(stack: Stack, name: str) -> None:
    answer = stack.request(chat_body(LAW), headers={name: "thinker"})

    arrived = stack.talker.only()
    assert answer.json == {"served_by": "talker"}
    assert "thinker" not in arrived.headers.values()


@pytest.mark.parametrize("name", ["x_semrouter_model", "x-semrouter_model", "X_SEMROUTER-MODEL"])
def test_what_a_server_could_take_for_our_header_is_refused(stack: Stack, name: str) -> None:
    assert stack.request(chat_body(LAW), headers={name: "thinker"}).status == 400
    assert stack.talker.arrived == stack.thinker.arrived == []


def test_our_headers_cannot_be_declared_a_matter_of_the_connection(stack: Stack) -> None:
    stack.request(chat_body(MATH), headers={"connection": "keep-alive, x-semrouter-model"})

    assert stack.thinker.only().headers["x-semrouter-model"] == "thinker"


@pytest.mark.parametrize(
    "model",
    [
        "talker\r\nx-evil: 1",
        "talker\nx-evil: 1",
        'talker", "model": "thinker',
        "thinker\x00",
        "ｔｈｉｎｋｅｒ",  # noqa: RUF001 - that is the trick
        "thinker ",
        "m" * 10_000,
    ],
)
def test_no_name_of_a_model_becomes_a_header_or_another_model(stack: Stack, model: str) -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": MATH}]}).encode()
    answer = stack.request(body)

    arrived = stack.talker.only()
    assert arrived.body == body
    assert answer.headers["x-semrouter-reason"] == "pinned_model"
    assert "x-semrouter-model" not in answer.headers
    assert "x-evil" not in answer.headers.keys() | arrived.headers.keys()


@pytest.mark.parametrize("name", ['"model"', r'"mod\u0065l"', r'"\u006d\u006f\u0064\u0065\u006c"'])
def test_of_a_name_twice_the_model_reads_what_was_decided_by(stack: Stack, name: str) -> None:
    message = json.dumps([{"role": "user", "content": MATH}])
    body = f'{{"model": "talker", "messages": [], {name}: "auto", "messages": {message}}}'

    stack.request(body.encode())

    arrived = stack.thinker.only()
    pairs = json.loads(arrived.body, object_pairs_hook=list)
    assert sorted(name for name, _ in pairs) == ["messages", "model", "reasoning_effort"]
    assert arrived.json["messages"][0]["content"] == MATH


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_no_encoding_leads_around_the_router(stack: Stack, encoding: str) -> None:
    stack.request(chat_body(MATH).decode().encode(encoding))

    assert stack.thinker.only().json["reasoning_effort"] == "high"


def test_a_request_inside_a_request_is_one_request(stack: Stack) -> None:
    """Two lengths that disagree are the oldest way to smuggle a second request past a proxy."""
    body = chat_body(LAW)
    inner = b"POST %s HTTP/1.1\r\nhost: x\r\nx-semrouter-model: thinker\r\n\r\n" % CHAT.encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(stack.address, timeout=10) as client:
        client.sendall(head.encode() + body + inner)
        told = client.recv(65536)

    assert told.startswith(b"HTTP/1.1 400")
    assert stack.talker.arrived == stack.thinker.arrived == []
