import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from when_to_reason.answers import Answer, Settings, Way
from when_to_reason.asking import ask_all, client_of
from when_to_reason.questions import Question

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import reserved_ports

QUESTION = Question("q/1", "Six legs?", "biology", ("Ant", "Cow"), answer="A")
THROUGH_ROUTER = {"x-semrouter-reasoning": "on", "x-semrouter-reason": "routed"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}


def settings(concurrency: int = 1) -> Settings:
    return Settings(
        model="thinker",
        dialect="qwen3",
        server="127.0.0.1:1",
        max_tokens=100,
        concurrency=concurrency,
        prompt="p",
        router="r",
    )


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "choices": [choice]}


def last(usage: dict[str, int]) -> dict[str, object]:
    return {**chunk({}), "choices": [], "usage": usage}


@asynccontextmanager
async def server(
    chunks: Iterable[dict[str, object]], headers: dict[str, str]
) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """Answer every request with a stream of chunks, and keep what was asked."""
    events = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"
    lines = {"content-type": "text/event-stream", "connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n{events}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield Address("127.0.0.1", listening.sockets[0].getsockname()[1]), asked


async def asked_of(
    address: Address, ways: Iterable[Way], *, concurrency: int = 1
) -> tuple[list[Answer], list[str]]:
    answers: list[Answer] = []
    async with client_of(address, "none") as client:
        failures = await ask_all(
            client,
            [("q/1", way) for way in ways],
            {"q/1": QUESTION},
            settings(concurrency),
            answers.append,
        )
    return answers, failures


async def test_an_answer_has_its_tokens_its_end_and_what_is_said_after_the_thoughts() -> None:
    stream = [
        chunk({"reasoning_content": "Answer: B?"}),
        chunk({"content": "Answer: "}),
        chunk({"content": "A"}, "stop"),
        last(USAGE),
    ]
    async with server(stream, THROUGH_ROUTER) as (address, _):
        (answer,), failures = await asked_of(address, [Way.ROUTED])
    assert failures == []
    assert (answer.said, answer.tokens, answer.finish) == ("Answer: A", 7, "stop")
    assert answer.reasoning.thinks
    assert 0 < answer.first_token <= answer.seconds


async def test_thoughts_that_were_cut_off_say_nothing() -> None:
    stream = [chunk({"content": "Perhaps. Answer: B"}, "length"), last(USAGE)]
    async with server(stream, THROUGH_ROUTER) as (address, _):
        (answer,), _ = await asked_of(address, [Way.ALWAYS_ON])
    assert answer.truncated
    assert answer.said == ""


async def test_only_the_ways_that_are_fixed_say_so_in_the_header() -> None:
    stream = [chunk({"content": "A"}, "stop"), last(USAGE)]
    async with server(stream, THROUGH_ROUTER) as (address, asked):
        await asked_of(address, Way)
    said = [request.lower().partition(b"x-reasoning: ")[2][:3].strip() for request in asked]
    assert said == [b"on", b"off", b""]


async def test_an_answer_that_went_past_the_router_does_not_count() -> None:
    stream = [chunk({"content": "A"}, "stop"), last(USAGE)]
    async with server(stream, {}) as (address, _):
        answers, failures = await asked_of(address, [Way.ROUTED])
    assert answers == []
    assert failures == ["q/1, routed: the answer did not come through the router"]


async def test_a_stream_without_its_end_does_not_count() -> None:
    async with server([chunk({"content": "Answer: A"})], THROUGH_ROUTER) as (address, _):
        answers, (failure,) = await asked_of(address, [Way.ROUTED])
    assert answers == []
    assert "broke off" in failure


async def test_a_server_that_is_gone_is_not_asked_for_ever() -> None:
    with reserved_ports(1) as (address,):
        answers, failures = await asked_of(address, [Way.ROUTED] * 50, concurrency=2)
    assert answers == []
    assert 5 <= len(failures) <= 6
