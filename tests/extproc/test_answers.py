"""What Envoy tells of answers, in its own messages, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from envoy_data_plane.envoy.config.core.v3 import Metadata
from envoy_data_plane.envoy.data.accesslog.v3 import (
    AccessLogCommon,
    HttpAccessLogEntry,
    HttpRequestProperties,
    HttpResponseProperties,
)
from envoy_data_plane.envoy.service.accesslog.v3 import (
    StreamAccessLogsMessage,
    StreamAccessLogsMessageHttpAccessLogEntries,
)
from envoy_data_plane.google.protobuf import Struct
from prometheus_client import CollectorRegistry

from semrouter_extproc.extproc._pb import access_log_pb2 as ours
from semrouter_extproc.extproc.answers import ACCESS_LOGS, AnswerListener, answers_in
from semrouter_extproc.observe.answers import Answered, Decided
from semrouter_extproc.observe.metrics import Metrics

DECIDED = {
    "x-semrouter-model": "qwen3",
    "x-semrouter-category": "math",
    "x-semrouter-reasoning": "on",
    "x-semrouter-reason": "routed",
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 900}


def entry(
    told: dict[str, str] = DECIDED, usage: dict[str, Any] | None = USAGE, status: int | None = 200
) -> HttpAccessLogEntry:
    metadata = {} if usage is None else {"semrouter.usage": Struct.from_dict(usage)}
    return HttpAccessLogEntry(
        common_properties=AccessLogCommon(
            metadata=Metadata(filter_metadata=metadata),
            time_to_first_downstream_tx_byte=timedelta(milliseconds=250),
            time_to_last_downstream_tx_byte=timedelta(seconds=3, milliseconds=500),
        ),
        request=HttpRequestProperties(path="/v1/messages?key=secret", request_headers=told),
        response=HttpResponseProperties(response_code=status),
    )


def message(*entries: HttpAccessLogEntry) -> bytes:
    entries_in = StreamAccessLogsMessageHttpAccessLogEntries(log_entry=list(entries))
    return bytes(StreamAccessLogsMessage(http_logs=entries_in))


def read(*entries: HttpAccessLogEntry) -> list[Answered]:
    return list(answers_in(ours.StreamAccessLogsMessage.FromString(message(*entries))))


def test_an_answer_is_read_from_envoys_own_message() -> None:
    (answer,) = read(entry())

    assert answer == Answered(
        path="/v1/messages",
        decided=Decided("qwen3", "math", "on"),
        status=200,
        prompt_tokens=7,
        completion_tokens=900,
        first_byte=0.25,
        seconds=3.5,
    )


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (None, None)),
        ({"completion_tokens": 3}, (None, 3)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (0, 0)),
        ({"prompt_tokens": -1, "completion_tokens": float("inf")}, (None, None)),
        ({"prompt_tokens": "7"}, (0, None)),
    ],
)
def test_tokens_that_nobody_told_are_not_known(
    usage: dict[str, Any] | None, tokens: tuple[int | None, int | None]
) -> None:
    (answer,) = read(entry(usage=usage))

    assert (answer.prompt_tokens, answer.completion_tokens) == tokens


def test_a_request_that_no_router_decided_about_is_left_out() -> None:
    assert read(entry(told={}), entry()) == read(entry())


def test_a_request_that_was_never_answered_has_no_status() -> None:
    assert read(entry(status=None))[0].status == 0


class Listening:
    """A listener on a port, and what it has counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.listener = AnswerListener(Metrics(self.registry).answers)
        self.channel: grpc.aio.Channel

    def call(self) -> Any:
        channel: Any = self.channel  # the stubs know no call without serializers
        method = channel.stream_unary(f"/{ACCESS_LOGS}/StreamAccessLogs")
        return method()

    def answers(self) -> float:
        labels = {
            "model": "qwen3",
            "category": "math",
            "reasoning": "on",
            "status": "2xx",
            "usage": "told",
        }
        return self.registry.get_sample_value("semrouter_answers_total", labels) or 0

    async def has_counted(self, count: int) -> bool:
        async with asyncio.timeout(5):
            while self.answers() < count:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        return self.answers() == count


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    found = Listening()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((found.listener.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as found.channel:
        yield found
    await server.stop(0)


async def test_what_is_told_is_counted_as_it_comes(listening: Listening) -> None:
    call = listening.call()

    await call.write(message(entry(), entry()))
    assert await listening.has_counted(2)
    await call.write(message(entry()))
    assert await listening.has_counted(3)
    await call.done_writing()
    assert await call == b""


async def test_a_listener_that_is_closed_ends_its_streams_and_takes_no_more(
    listening: Listening,
) -> None:
    call = listening.call()
    await call.write(message(entry()))
    assert await listening.has_counted(1)

    listening.listener.close()

    async with asyncio.timeout(5):
        assert await call == b""
        assert await listening.call() == b""


def numbered(count: int) -> Iterator[HttpAccessLogEntry]:
    for number in range(count):
        yield entry(told=DECIDED | {"x-semrouter-model": f"invented-{number}"})


async def test_invented_labels_are_bounded(listening: Listening) -> None:
    call = listening.call()

    await call.write(message(entry(), *numbered(3000), entry()))

    assert await listening.has_counted(2)
    (family,) = [each for each in listening.registry.collect() if each.name == "semrouter_answers"]
    assert len(family.samples) <= 1001
    (other,) = [each for each in family.samples if each.labels["model"] == "other"]
    assert other.value == 3000 - 999
