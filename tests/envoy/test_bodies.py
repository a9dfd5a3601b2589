"""How large bodies and answers may be, and how they pass the real Envoy."""

import gzip
import json
import time
from contextlib import closing

import pytest

from support.canned_upstream import EVENT_GAP_SECONDS
from support.scene import MAX_BODY, Scene, chat_body


def test_a_body_of_the_largest_size_passes_though_rewriting_lengthens_it(scene: Scene) -> None:
    answer = scene.send(chat_body(MAX_BODY))

    ((_, _, body),) = scene.plain.arrived
    assert answer.status == 200
    assert len(body) > MAX_BODY


@pytest.mark.parametrize("excess", [1, 5_000, 1_000_000])
def test_a_larger_body_is_refused_and_nobody_sees_it(scene: Scene, excess: int) -> None:
    assert scene.send(chat_body(MAX_BODY + excess)).status == 413
    assert scene.router.heard == []
    assert scene.plain.arrived == []


def test_uploads_to_other_paths_have_no_such_limit(scene: Scene) -> None:
    scene.send(b"x" * 3 * MAX_BODY, "/v1/audio/transcriptions")

    ((_, _, body),) = scene.plain.arrived
    assert len(body) == 3 * MAX_BODY


def test_an_answer_may_be_longer_than_the_largest_request(scene: Scene) -> None:
    answer = scene.ask(answer_bytes=5 * MAX_BODY)

    assert answer.status == 200
    assert len(answer.body) > 5 * MAX_BODY


def test_each_event_of_a_stream_arrives_when_it_is_sent(scene: Scene) -> None:
    times = []
    with closing(scene.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", b'{"model":"plain","stream":true}')
        answer = connection.getresponse()
        while answer.read1():
            times.append(time.monotonic())

    assert len(times) >= 4
    assert times[-1] - times[0] > 2.5 * EVENT_GAP_SECONDS


def test_the_router_reads_what_a_client_gzipped(scene: Scene) -> None:
    scene.send(gzip.compress(chat_body(1000)), content_encoding="gzip")

    ((_, headers, body),) = scene.plain.arrived
    assert "content-encoding" not in headers
    assert json.loads(body)["added"] == "by the router"
