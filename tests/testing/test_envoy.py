"""What `testing.envoy` says of an answer is what a real Envoy does with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing import recording
from semrouter_extproc.testing.conversations import Conversation, recorded
from semrouter_extproc.testing.envoy import Answered, Broken, Forwarded
from semrouter_extproc.testing.plain_envoy import bootstrap
from semrouter_extproc.testing.playing import play
from semrouter_extproc.testing.serving import serving_processor
from semrouter_extproc.testing.upstream import Upstream, running_upstream
from semrouter_extproc.workbench.loopback import reserved_ports
from support.client import Answer, send

NEW_BODY = b'{"new": true}'

Reply = Callable[[pb.ProcessingRequest, int], list[pb.ProcessingResponse] | None]
"""What a processor says to a message in a mode; None ends the stream, an exception breaks it."""


def passing(message: pb.ProcessingRequest, mode: int) -> list[pb.ProcessingResponse]:
    """Let everything go on as it is."""
    return [recording.passing(message, mode)]


def setting(*, action: int = pb.OVERWRITE_IF_EXISTS_OR_ADD, **header: Any) -> Reply:
    """Set one header with the headers."""

    def reply(message: pb.ProcessingRequest, mode: int) -> list[pb.ProcessingResponse]:
        answers = passing(message, mode)
        if message.HasField("request_headers"):
            option = answers[0].request_headers.response.header_mutation.set_headers.add()
            option.append_action = action  # type: ignore[assignment]  # an enum's number
            option.header.CopyFrom(pb.HeaderValue(**header))
        return answers

    return reply


def with_body(*, length: str | None) -> Reply:
    """Replace the whole body, with this content-length."""

    def reply(message: pb.ProcessingRequest, mode: int) -> list[pb.ProcessingResponse]:
        answers = passing(message, mode)
        # The end of a body may come alone, as an empty chunk.
        if message.request_body.body:
            common = answers[0].request_body.response
            common.body_mutation.body = NEW_BODY
            if length is not None:
                option = common.header_mutation.set_headers.add()
                option.header.key, option.header.raw_value = "content-length", length.encode()
        return answers

    return reply


def saying(answer: pb.ProcessingResponse, *, times: int = 1) -> Reply:
    return lambda _message, _mode: [answer] * times


def after_the_headers(then: Reply) -> Reply:
    """Pass the headers, and do something else with the body."""
    return lambda message, mode: (
        passing(message, mode) if message.HasField("request_headers") else then(message, mode)
    )


def breaking(_: pb.ProcessingRequest, __: int) -> None:
    raise ValueError("broken on purpose")


def leaving(_: pb.ProcessingRequest, __: int) -> None:
    """Say nothing more."""


def teapot() -> pb.ProcessingResponse:
    answer = pb.ImmediateResponse(status=pb.HttpStatus(code=418), body=b"short and stout")
    option = answer.headers.set_headers.add()
    option.header.key, option.header.raw_value = "x-tea", b"yes"
    return pb.ProcessingResponse(immediate_response=answer)


HEADERS = pb.ProcessingResponse(request_headers=pb.HeadersResponse())
TRAILERS = pb.ProcessingResponse(request_trailers=pb.TrailersResponse())
ON_ANSWERS = pb.ProcessingResponse(response_headers=pb.HeadersResponse())

REPLIES: Mapping[str, Reply] = {
    "passing": passing,
    "a header": setting(key="x-new", raw_value=b"1"),
    "a header by value": setting(key="x-new", value="1"),
    "a header that was there": setting(key="content-type", raw_value=b"text/plain"),
    "a header if absent, absent": setting(key="x-new", raw_value=b"1", action=pb.ADD_IF_ABSENT),
    "a header if absent, there": setting(
        key="content-type", raw_value=b"text/plain", action=pb.ADD_IF_ABSENT
    ),
    "a header if there, absent": setting(
        key="x-new", raw_value=b"1", action=pb.OVERWRITE_IF_EXISTS
    ),
    "the host": setting(key="host", raw_value=b"elsewhere"),
    "the method": setting(key=":method", raw_value=b"PUT"),
    "a line end": setting(key="x-new", raw_value=b"1\r\nx-evil: 1"),
    "a body with its length": with_body(length=str(len(NEW_BODY))),
    "a body without a length": with_body(length=None),
    "a body with another length": with_body(length="5"),
    "headers twice": saying(HEADERS, times=2),
    "trailers": saying(TRAILERS),
    "of the response": saying(ON_ANSWERS),
    "nothing": saying(pb.ProcessingResponse()),
    "headers again": after_the_headers(saying(HEADERS)),
    "a teapot": saying(teapot()),
    "a teapot after the headers": after_the_headers(saying(teapot())),
    "a break": breaking,
    "a break after the headers": after_the_headers(breaking),
    "an end": leaving,
    "an end after the headers": after_the_headers(leaving),
}


@dataclass
class Processor:
    """Says what a test wants it to say."""

    reply: Reply = passing

    def process(
        self, messages: Iterator[bytes], _: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse]:
        mode = pb.NONE
        for raw in messages:
            message = pb.ProcessingRequest.FromString(raw)
            if message.HasField("protocol_config"):
                mode = message.protocol_config.request_body_mode
            answers = self.reply(message, mode)
            if answers is None:
                return
            yield from answers


@dataclass
class Site:
    """A real Envoy, a processor and a model."""

    listen: Address
    processor: Processor
    address: Address
    model: Upstream
    conversation: Conversation


@contextmanager
def running_site(mode: str, folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        processor = Processor()
        address = stack.enter_context(serving_processor(processor.process))
        model = stack.enter_context(running_upstream("model"))
        listen, admin = stack.enter_context(reserved_ports(2))
        where = Address("127.0.0.1", model.port)
        page = bootstrap(mode, listen=listen, admin=admin, processor=address, model=where)
        stack.enter_context(EnvoyProcess(page, folder))
        name = recording.title(mode, "chat")
        (chat,) = (each for each in recorded() if each.name == name)
        yield Site(listen, processor, address, model, chat)


@pytest.fixture(scope="module", params=recording.MODES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    mode: str = request.param
    with running_site(mode, tmp_path_factory.mktemp(mode)) as site:
        yield site


@pytest.mark.parametrize("said", REPLIES)
def test_envoy_does_what_is_said_of_it(site: Site, said: str) -> None:
    site.processor.reply = REPLIES[said]
    site.model.arrived.clear()
    foretold = play(str(site.address), site.conversation).outcome

    answer = send(
        site.listen,
        site.conversation.body,
        method="POST",
        path="/v1/chat/completions",
        headers={},
    )

    match foretold:
        case Forwarded(headers=headers, body=body):
            assert answer.status == 200
            arrived = site.model.only()
            assert arrived.body == body
            for name in ("content-type", "x-new", "content-length"):
                assert arrived.headers.get(name) == _text(headers.get(name)), name
            assert arrived.method == "POST"
        case Answered(status=status, headers=headers, body=body):
            assert (answer.status, answer.body) == (status, body)
            assert answer.headers["x-tea"] == "yes"
            assert site.model.arrived == []
        case Broken(why=why):
            assert _is_broken(answer, site.model), why
        case None:
            pytest.fail("the processor was not heard")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _is_broken(answer: Answer, model: Upstream) -> bool:
    """Say whether a client, or the model, was told something wrong."""
    return answer.status == 500 or not model.arrived or not model.only().body
