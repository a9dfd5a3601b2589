"""One request's stream as lists: what Envoy says, what it is answered."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.policy import Reason
from semrouter_extproc.core.rules import Clients
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.extproc.processor import RequestProcessor
from semrouter_extproc.observe.journal import Journal
from semrouter_extproc.observe.metrics import Metrics, Rung
from semrouter_extproc.observe.observer import Handled
from semrouter_extproc.observe.recorder import Recorder
from support import tiny

BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": tiny.MATH}]}).encode()
REWRITTEN = {
    "model": "thinker",
    "messages": [{"role": "user", "content": tiny.MATH}],
    "reasoning_effort": "high",
}
CHAT = {
    ":method": "POST",
    ":path": "/v1/chat/completions",
    "content-type": "application/json",
}


def headers(
    values: dict[str, str] = CHAT,
    *,
    mode: int | None = pb.BUFFERED,
    end_of_stream: bool = False,
) -> pb.ProcessingRequest:
    message = pb.ProcessingRequest(
        request_headers=pb.HttpHeaders(
            headers=pb.HeaderMap(
                headers=[
                    pb.HeaderValue(key=key, raw_value=value.encode())
                    for key, value in values.items()
                ]
            ),
            end_of_stream=end_of_stream,
        )
    )
    if mode is not None:
        message.protocol_config.request_body_mode = mode  # type: ignore[assignment]  # an enum's number
    return message


def chunk(body: bytes, *, end_of_stream: bool = True) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=end_of_stream))


TRAILERS = pb.ProcessingRequest(request_trailers=pb.HttpTrailers())


async def exchange(*messages: pb.ProcessingRequest) -> list[list[pb.ProcessingResponse]]:
    """Run a stream to its end; it must end with the last message, and not before."""
    processor = RequestProcessor(tiny.router(), max_body=1_000_000)
    answers = []
    for message in messages:
        assert not processor.finished
        answers.append(await processor.handle(message))
    assert processor.finished
    return answers


def kinds(answers: list[pb.ProcessingResponse]) -> list[str | None]:
    return [answer.WhichOneof("response") for answer in answers]


def set_headers(mutation: pb.HeaderMutation) -> dict[str, str]:
    for option in mutation.set_headers:
        assert option.append_action == pb.OVERWRITE_IF_EXISTS_OR_ADD
        assert not option.header.value
    return {option.header.key: option.header.raw_value.decode() for option in mutation.set_headers}


def duplex_body(answers: list[pb.ProcessingResponse]) -> bytes:
    return b"".join(
        answer.request_body.response.body_mutation.streamed_response.body for answer in answers
    )


async def test_a_buffered_request_is_answered_once_with_everything() -> None:
    (first,), (second,) = await exchange(headers(), chunk(BODY))

    assert first == pb.ProcessingResponse(
        request_headers=pb.HeadersResponse(response=pb.CommonResponse())
    )
    common = second.request_body.response
    assert json.loads(common.body_mutation.body) == REWRITTEN
    assert common.clear_route_cache
    told = set_headers(common.header_mutation)
    assert told.pop("x-semrouter-confidence")
    assert told == {
        "x-semrouter-model": "thinker",
        "x-semrouter-category": "math",
        "x-semrouter-reasoning": "high",
        "x-semrouter-reason": "routed",
        "content-length": str(len(common.body_mutation.body)),
    }


async def test_an_envoy_that_does_not_name_its_mode_is_taken_to_buffer() -> None:
    _, (answer,) = await exchange(headers(mode=None), chunk(BODY))

    assert json.loads(answer.request_body.response.body_mutation.body) == REWRITTEN


async def test_a_buffered_body_is_whole_also_when_trailers_follow() -> None:
    _, (answer,) = await exchange(headers(), chunk(BODY, end_of_stream=False))

    assert json.loads(answer.request_body.response.body_mutation.body) == REWRITTEN


async def test_a_pinned_model_is_told_but_its_body_stays() -> None:
    _, (answer,) = await exchange(headers(), chunk(b'{"model": "thinker"}'))

    common = answer.request_body.response
    assert not common.HasField("body_mutation")
    assert set_headers(common.header_mutation) == {
        "x-semrouter-model": "thinker",
        "x-semrouter-reasoning": "unchanged",
        "x-semrouter-reason": "pinned_model",
    }


async def test_the_models_are_listed_at_once() -> None:
    listing = {":method": "GET", ":path": "/v1/models?limit=5"}

    ((answer,),) = await exchange(headers(listing, end_of_stream=True))

    immediate = answer.immediate_response
    assert immediate.status.code == 200
    assert set_headers(immediate.headers) == {"content-type": "application/json"}
    listed = json.loads(immediate.body)["data"]
    assert [model["id"] for model in listed] == ["auto", "thinker", "talker"]


async def test_each_path_is_read_in_the_shape_of_its_api() -> None:
    responses = {**CHAT, ":path": "/v1/responses"}
    body = json.dumps({"model": "auto", "input": tiny.MATH}).encode()

    _, (answer,) = await exchange(headers(responses), chunk(body))

    told = json.loads(answer.request_body.response.body_mutation.body)
    assert told == {"model": "thinker", "input": tiny.MATH, "reasoning": {"effort": "high"}}


async def test_a_refusal_has_the_shape_of_its_api() -> None:
    anthropic = {**CHAT, ":path": "/v1/messages"}

    _, (answer,) = await exchange(headers(anthropic), chunk(b"{"))

    assert answer.immediate_response.status.code == 400
    assert json.loads(answer.immediate_response.body)["type"] == "error"


async def test_the_clients_header_reaches_the_decision() -> None:
    listening = tiny.router(rules=tiny.rules(clients=Clients(header_counts=True)))
    processor = RequestProcessor(listening, max_body=1_000_000)

    await processor.handle(headers({**CHAT, "x-reasoning": "low"}))
    (answer,) = await processor.handle(chunk(BODY))

    told = json.loads(answer.request_body.response.body_mutation.body)
    assert told["reasoning_effort"] == "low"


async def test_an_unknown_model_is_refused_where_the_configuration_says_so() -> None:
    strict = tiny.router(rules=tiny.rules(clients=Clients(unknown_models_pass=False)))
    processor = RequestProcessor(strict, max_body=1_000_000)

    await processor.handle(headers())
    (answer,) = await processor.handle(chunk(b'{"model": "gpt-9"}'))

    error = json.loads(answer.immediate_response.body)["error"]
    assert answer.immediate_response.status.code == 400
    assert error["code"] == "unknown_model"
    assert "'gpt-9' does not exist" in error["message"]


@pytest.mark.parametrize(
    "values",
    [
        {**CHAT, ":path": "/v1/embeddings"},
        {**CHAT, ":path": "/v1/chat/completions/"},
        {**CHAT, ":method": "PUT"},
        {**CHAT, "content-type": "text/plain"},
        {**CHAT, "content-type": "multipart/form-data; boundary=x"},
        {},
    ],
)
@pytest.mark.parametrize("mode", [pb.BUFFERED, pb.BUFFERED_PARTIAL, pb.NONE])
async def test_what_is_no_chat_completion_is_answered_once_and_left(
    values: dict[str, str], mode: int
) -> None:
    ((answer,),) = await exchange(headers(values, mode=mode))

    assert answer == pb.ProcessingResponse(
        request_headers=pb.HeadersResponse(response=pb.CommonResponse())
    )


@pytest.mark.parametrize(
    "values",
    [
        {**CHAT, ":path": "/v1/chat/completions?api-version=1"},
        {**CHAT, "content-type": "application/json; charset=utf-8"},
        {**CHAT, "content-type": "Application/JSON"},
        {key: value for key, value in CHAT.items() if key != "content-type"},
    ],
)
async def test_every_way_to_say_chat_completion_is_understood(values: dict[str, str]) -> None:
    _, (answer,) = await exchange(headers(values), chunk(BODY))

    assert json.loads(answer.request_body.response.body_mutation.body) == REWRITTEN


@pytest.mark.parametrize("mode", [pb.BUFFERED, pb.STREAMED, pb.FULL_DUPLEX_STREAMED])
async def test_a_request_without_a_body_is_answered_once_and_left(mode: int) -> None:
    ((answer,),) = await exchange(headers(mode=mode, end_of_stream=True))

    assert answer.WhichOneof("response") == "request_headers"


async def test_spoofed_headers_are_removed_from_what_passes_through() -> None:
    spoofed = {"x-semrouter-model": "big", "x-semrouter-new": "1", ":path": "/"}

    ((answer,),) = await exchange(headers(spoofed, mode=pb.BUFFERED))

    assert list(answer.request_headers.response.header_mutation.remove_headers) == [
        "x-semrouter-model",
        "x-semrouter-new",
    ]
    assert answer.request_headers.response.clear_route_cache


async def test_a_compressed_body_is_refused_before_it_is_sent() -> None:
    ((answer,),) = await exchange(headers({**CHAT, "content-encoding": "zstd"}))

    assert answer.immediate_response.status.code == 415
    assert "zstd" in json.loads(answer.immediate_response.body)["error"]["message"]


@pytest.mark.parametrize("mode", [pb.BUFFERED, pb.STREAMED, pb.FULL_DUPLEX_STREAMED])
async def test_a_body_that_cannot_be_read_is_refused_in_openais_shape(mode: int) -> None:
    *_, answers = await exchange(headers(mode=mode), chunk(b"{"))

    (answer,) = answers
    refusal = answer.immediate_response
    assert refusal.status.code == 400
    assert json.loads(refusal.body)["error"].keys() == {"message", "type", "param", "code"}
    assert set_headers(refusal.headers)["x-semrouter-reason"] == "unparsable"
    assert set_headers(refusal.headers)["content-type"] == "application/json"


async def test_full_duplex_holds_everything_until_the_decision() -> None:
    first, second, third = await exchange(
        headers({**CHAT, "x-semrouter-new": "1"}, mode=pb.FULL_DUPLEX_STREAMED),
        chunk(BODY[:20], end_of_stream=False),
        chunk(BODY[20:]),
    )

    assert first == second == []
    assert kinds(third) == ["request_headers", "request_body"]
    mutation = third[0].request_headers.response.header_mutation
    assert set_headers(mutation)["x-semrouter-model"] == "thinker"
    assert list(mutation.remove_headers) == ["x-semrouter-new"]
    body = duplex_body(third[1:])
    assert json.loads(body) == REWRITTEN
    assert set_headers(mutation)["content-length"] == str(len(body))
    assert third[-1].request_body.response.body_mutation.streamed_response.end_of_stream


async def test_full_duplex_sends_a_large_body_in_chunks_of_which_only_the_last_ends_it() -> None:
    large = json.loads(BODY) | {"user": "x" * 200_000}

    _, answers = await exchange(
        headers(mode=pb.FULL_DUPLEX_STREAMED), chunk(json.dumps(large).encode())
    )

    ends = [
        answer.request_body.response.body_mutation.streamed_response.end_of_stream
        for answer in answers[1:]
    ]
    assert ends == [False] * 3 + [True]
    assert json.loads(duplex_body(answers[1:])) == large | REWRITTEN


@pytest.mark.parametrize("mode", [pb.STREAMED, pb.FULL_DUPLEX_STREAMED])
async def test_a_streamed_body_with_trailers_is_refused(mode: int) -> None:
    *_, (answer,) = await exchange(headers(mode=mode), chunk(BODY, end_of_stream=False), TRAILERS)

    assert answer.immediate_response.status.code == 400
    assert "trailers" in json.loads(answer.immediate_response.body)["error"]["message"]


@pytest.mark.parametrize("mode", [pb.STREAMED, pb.FULL_DUPLEX_STREAMED])
async def test_a_streamed_body_over_the_limit_is_refused_before_it_has_all_come(mode: int) -> None:
    half = b"x" * 600_000

    *_, (answer,) = await exchange(
        headers(mode=mode), chunk(half, end_of_stream=False), chunk(half, end_of_stream=False)
    )

    assert answer.immediate_response.status.code == 413
    assert "1000000 bytes" in json.loads(answer.immediate_response.body)["error"]["message"]


@pytest.mark.parametrize("encoding", ["", "identity", "Identity "])
async def test_an_encoding_that_changes_nothing_is_none(encoding: str) -> None:
    _, (answer,) = await exchange(headers({**CHAT, "content-encoding": encoding}), chunk(BODY))

    assert json.loads(answer.request_body.response.body_mutation.body) == REWRITTEN


async def test_full_duplex_echoes_what_passes_through_to_its_last_byte() -> None:
    path = {**CHAT, ":path": "/v1/embeddings"}

    first, second, third = await exchange(
        headers(path, mode=pb.FULL_DUPLEX_STREAMED),
        chunk(b"some ", end_of_stream=False),
        chunk(b"bytes"),
    )

    assert kinds(first) == ["request_headers"]
    assert duplex_body(second + third) == b"some bytes"


async def test_streamed_follows_what_passes_through_to_its_end() -> None:
    path = {**CHAT, ":path": "/v1/embeddings"}

    first, second, third = await exchange(
        headers(path, mode=pb.STREAMED),
        chunk(b"some ", end_of_stream=False),
        chunk(b"bytes"),
    )

    assert kinds(first) == ["request_headers"]
    unchanged = pb.ProcessingResponse(request_body=pb.BodyResponse(response=pb.CommonResponse()))
    assert second == third == [unchanged]


async def test_full_duplex_passes_trailers_through() -> None:
    path = {**CHAT, ":path": "/v1/embeddings"}

    *_, last = await exchange(
        headers(path, mode=pb.FULL_DUPLEX_STREAMED), chunk(b"x", end_of_stream=False), TRAILERS
    )

    assert kinds(last) == ["request_trailers"]


async def test_streamed_swallows_chunks_and_replaces_the_last() -> None:
    first, second, third = await exchange(
        headers(mode=pb.STREAMED), chunk(BODY[:20], end_of_stream=False), chunk(BODY[20:])
    )

    assert kinds(first) == ["request_headers"]
    mutation = second[0].request_body.response.body_mutation
    assert mutation.WhichOneof("mutation") == "body"
    assert mutation.body == b""
    assert json.loads(third[0].request_body.response.body_mutation.body) == REWRITTEN


@pytest.mark.parametrize("phase", ["response_headers", "response_body", "response_trailers"])
async def test_a_response_phase_is_answered_in_kind_and_left(phase: str) -> None:
    message = pb.ProcessingRequest()
    getattr(message, phase).SetInParent()

    ((answer,),) = await exchange(message)

    assert answer.WhichOneof("response") == phase


async def test_a_phase_from_the_future_ends_the_stream() -> None:
    ((*answers,),) = await exchange(pb.ProcessingRequest())

    assert answers == []


NAMED = {**CHAT, "x-request-id": "a-1", "x-reasoning": "low"}


@contextmanager
def recorded(folder: Path) -> Iterator[tuple[Recorder, list[Any]]]:
    """Give a recorder of everything, and the rows that it has written when the block ends."""
    metrics = Metrics(CollectorRegistry())
    journal = Journal(folder, 16 * 1024 * 1024)
    recorder = Recorder(journal, share=1.0, redact=False, metrics=metrics)
    rows: list[Any] = []
    yield recorder, rows
    recorder.close()
    for file in folder.glob("*.jsonl"):
        rows.extend(json.loads(line) for line in file.read_bytes().splitlines())


@pytest.mark.parametrize("mode", [pb.BUFFERED, pb.STREAMED, pb.FULL_DUPLEX_STREAMED])
async def test_the_clients_own_body_is_recorded_with_what_was_decided(
    tmp_path: Path, mode: int
) -> None:
    with recorded(tmp_path) as (recorder, rows):
        processor = RequestProcessor(tiny.router(), max_body=1_000_000, observers=[recorder])
        await processor.handle(headers(NAMED, mode=mode))
        await processor.handle(chunk(BODY))

    (row,) = rows
    assert (row["id"], row["path"], row["wish"]) == ("a-1", CHAT[":path"], "low")
    assert row["body"] == json.loads(BODY)
    assert row["decision"]["model"] == "thinker"
    assert row["decision"]["reason"] == "routed"


async def test_what_was_refused_or_not_read_is_not_recorded(tmp_path: Path) -> None:
    with recorded(tmp_path) as (recorder, rows):
        for values, body in ((NAMED, b"{"), ({**NAMED, ":path": "/v1/embeddings"}, b"{}")):
            processor = RequestProcessor(tiny.router(), max_body=1_000_000, observers=[recorder])
            await processor.handle(headers(values))
            await processor.handle(chunk(body))

    assert rows == []


class Notebook:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.pages: list[Handled] = []

    def handled(self, request: Handled) -> None:
        self.pages.append(request)


async def test_observers_are_told_what_was_classified_and_how_long_it_took() -> None:
    notebook = Notebook()
    processor = RequestProcessor(
        tiny.router(), max_body=1_000_000, observers=[notebook], traceparent="00-aa-bb-01"
    )
    before = time.time_ns()
    await processor.handle(headers(NAMED))
    await processor.handle(chunk(BODY))

    (page,) = notebook.pages
    assert (page.id, page.text, page.traceparent) == ("a-1", tiny.MATH, "00-aa-bb-01")
    assert page.rung is Rung.ENCODER
    assert before <= page.began <= page.ended <= time.time_ns()
    assert not page.refused


async def test_observers_are_told_of_what_is_refused() -> None:
    notebook = Notebook()
    processor = RequestProcessor(tiny.router(), max_body=1_000_000, observers=[notebook])
    await processor.handle(headers(NAMED))
    await processor.handle(chunk(b"{"))

    (page,) = notebook.pages
    assert page.refused
    assert page.decision.reason is Reason.UNPARSABLE


GATEWAYS = "x-gateway-model-name"


async def test_one_more_header_names_the_model() -> None:
    processor = RequestProcessor(tiny.router(), max_body=1_000_000, model_header=GATEWAYS)
    (first,) = await processor.handle(headers({**CHAT, GATEWAYS: "mine"}))
    (second,) = await processor.handle(chunk(BODY))

    assert list(first.request_headers.response.header_mutation.remove_headers) == [GATEWAYS]
    assert set_headers(second.request_body.response.header_mutation)[GATEWAYS] == "thinker"


async def test_in_full_duplex_the_one_more_header_replaces_the_clients() -> None:
    processor = RequestProcessor(tiny.router(), max_body=1_000_000, model_header=GATEWAYS)
    await processor.handle(headers({**CHAT, GATEWAYS: "mine"}, mode=pb.FULL_DUPLEX_STREAMED))
    first, *_ = await processor.handle(chunk(BODY))

    mutation = first.request_headers.response.header_mutation
    assert set_headers(mutation)[GATEWAYS] == "thinker"
    assert list(mutation.remove_headers) == []


STEPS = st.one_of(
    st.builds(
        headers,
        st.dictionaries(st.sampled_from(list(CHAT)), st.sampled_from([*CHAT.values(), "x"])),
        mode=st.sampled_from([None, *pb.BodySendMode.values()]),
        end_of_stream=st.booleans(),
    ),
    st.builds(chunk, st.sampled_from([BODY, b"", b"{", b"x"]), end_of_stream=st.booleans()),
    st.just(TRAILERS),
    st.just(pb.ProcessingRequest()),
)


@given(st.lists(STEPS, max_size=6))
def test_no_order_of_messages_makes_the_processor_raise(
    messages: list[pb.ProcessingRequest],
) -> None:
    async def run() -> None:
        processor = RequestProcessor(tiny.router(), max_body=1_000_000)
        for message in messages:
            for answer in await processor.handle(message):
                assert answer.WhichOneof("response")

    asyncio.run(run())
