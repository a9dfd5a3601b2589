"""Starting, stopping, dying and giving up, with a real Envoy in front."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from semrouter_extproc.config import parse
from semrouter_extproc.extproc.service import SERVICE
from support.eventually import eventually
from support.ports import free_port
from support.processes import RouterProcess
from support.stack import MATH, Stack, chat_body, running_stack

if TYPE_CHECKING:
    from support.client import Answer


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack for a test that does not leave it as it found it."""
    with running_stack(tmp_path, drain_delay="2s", drain_timeout="5s") as stack:
        yield stack


def health(stack: Stack) -> int:
    with grpc.insecure_channel(str(stack.router.config.server.grpc)) as channel:
        request = health_pb2.HealthCheckRequest()
        status: int = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status
        return status


def test_a_request_past_the_deadline_goes_where_the_static_tier_guesses(tmp_path: Path) -> None:
    with running_stack(tmp_path, deadline="1ms") as stack:
        answer = stack.chat(MATH)

        assert answer.headers["x-semrouter-reason"] == "deadline"
        assert stack.thinker.only().json["model"] == "thinker"
        assert stack.router.metric('semrouter_rungs_total{rung="guess"}') == 1


def test_what_the_static_tier_cannot_guess_takes_the_default_past_the_deadline(
    tmp_path: Path,
) -> None:
    with running_stack(tmp_path, deadline="1ms") as stack:
        answer = stack.chat("xq " * 160)

        arrived = stack.talker.only()
        assert answer.headers["x-semrouter-reason"] == "deadline"
        assert arrived.json["model"] == "talker"
        assert arrived.json["chat_template_kwargs"] == {"enable_thinking": False}


def test_without_a_router_requests_go_to_the_default_model_as_they_are(own_stack: Stack) -> None:
    own_stack.router.kill()

    answer = own_stack.chat(MATH)

    assert answer.status == 200
    assert own_stack.talker.only().body == chat_body(MATH)
    assert "x-semrouter-reason" not in answer.headers


def test_a_stream_outlives_the_death_of_the_router(own_stack: Stack) -> None:
    connection = HTTPConnection(*own_stack.address, timeout=30)
    connection.request(
        "POST",
        "/v1/chat/completions",
        chat_body(MATH, stream=True),
        {"content-type": "application/json"},
    )
    response = connection.getresponse()
    first = response.read(20)

    own_stack.router.kill()

    assert (first + response.read()).endswith(b"data: [DONE]\n\n")
    connection.close()


def test_a_router_that_drains_keeps_answering_and_then_leaves_without_an_error(
    own_stack: Stack,
) -> None:
    answers: list[Answer] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answers.append(own_stack.chat(MATH))

    client = threading.Thread(target=keep_asking)
    client.start()
    assert eventually(lambda: len(answers) > 5)
    assert health(own_stack) == health_pb2.HealthCheckResponse.SERVING

    own_stack.router.terminate()

    assert eventually(lambda: own_stack.router.get("/readyz")[0] == 503)
    assert health(own_stack) == health_pb2.HealthCheckResponse.NOT_SERVING
    assert own_stack.router.wait() == 0
    count = len(answers)
    assert eventually(lambda: len(answers) > count + 5)
    stop.set()
    client.join()
    assert {answer.status for answer in answers} == {200}
    # Then nobody routes any more, and the default model answers.
    assert "x-semrouter-reason" not in answers[-1].headers


def test_a_second_signal_ends_the_wait(tmp_path: Path) -> None:
    with running_stack(tmp_path, drain_delay="60s") as stack:
        stack.router.terminate()
        assert eventually(lambda: stack.router.get("/readyz")[0] == 503)
        stack.router.terminate()

        assert stack.router.wait(15) == 0


def test_a_second_signal_ends_also_the_wait_for_streams(tmp_path: Path) -> None:
    never_ends: SimpleQueue[bytes] = SimpleQueue()
    with (
        running_stack(tmp_path, drain_delay="0s", drain_timeout="60s") as stack,
        grpc.insecure_channel(str(stack.router.config.server.grpc)) as channel,
    ):
        call = channel.stream_stream(f"/{SERVICE}/Process", bytes, bytes)(
            iter(never_ends.get, None)
        )
        assert eventually(lambda: health(stack) == health_pb2.HealthCheckResponse.SERVING)
        stack.router.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            stack.router.wait(3)

        stack.router.terminate()

        assert stack.router.wait(15) == 0
        call.cancel()  # type: ignore[no-untyped-call]  # untyped in the stubs
    never_ends.put(b"")


def test_clients_that_hang_up_take_their_prompts_out_of_the_queue(stack: Stack) -> None:
    count = 60
    before = stack.router.metric("semrouter_batch_size_sum")
    sockets = []
    for number in range(count):
        body = chat_body(f"{number} " + "a long story about many things " * 200)
        connection = socket.create_connection(stack.address)
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        sockets.append(connection)
    assert eventually(lambda: stack.router.metric("semrouter_queue_depth") > 0)

    for connection in sockets:
        connection.close()

    assert eventually(lambda: stack.router.metric("semrouter_queue_depth") == 0)
    encoded = stack.router.metric("semrouter_batch_size_sum") - before
    assert encoded < count


@pytest.mark.parametrize("port", ["grpc", "admin"])
def test_a_taken_port_is_one_clear_line(tmp_path: Path, shared_stack: Stack, port: str) -> None:
    taken = getattr(shared_stack.router.config.server, port)
    free = {name: f"127.0.0.1:{free_port()}" for name in ("grpc", "admin")}
    page = shared_stack.router.config.model_dump(mode="json")
    page["server"] |= free | {port: str(taken)}
    router = RouterProcess(parse(page, source="test"), tmp_path)

    assert router.wait() == 2
    assert router.log.read_text().splitlines()[-1] == (
        f"semrouter: configuration: server.{port}: cannot listen on {taken}; is it taken?"
    )
