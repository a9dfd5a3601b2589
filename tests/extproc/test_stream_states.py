"""The ext_proc stream, told anything in any order, and what must hold at every moment of it."""

import re
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from semrouter_extproc.core.policy import Reason
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing.conversations import Conversation
from semrouter_extproc.testing.envoy import Answered, Envoy, Forwarded
from support.envoy_talk import (
    BODIES,
    CHAT,
    FULL_DUPLEX,
    MAX_BODY,
    ONCE,
    REQUESTS,
    RESPONSES,
    STREAMING,
    TRAILERS,
    Exchange,
    body_of,
    chunk,
    conversations,
    given_back,
    headers_of,
    is_last,
    is_ours,
    kind_of,
    kinds,
    lengths_agree,
)
from support.streams import HASTY, PATIENT, Aborted, StreamInMemory

WHOLE = (pb.BUFFERED, *STREAMING)
MODES = st.sampled_from([*WHOLE, *WHOLE, None, pb.NONE, pb.BUFFERED_PARTIAL, pb.GRPC])
STEADY = settings(derandomize=True, deadline=None, database=None)


def is_open(states: "StreamStates") -> bool:
    return not states.stream.is_over


class StreamStates(RuleBasedStateMachine):
    """A stream that is told anything, by an Envoy, a gRPC and an encoder that do as they like."""

    @initialize(
        deadline=st.sampled_from([PATIENT, HASTY]),
        body=st.sampled_from(BODIES),
        opening=st.sampled_from([*[CHAT] * 5, None, *REQUESTS]),
        mode=MODES,
        beginning=st.sampled_from([0, 30, 1000]),
    )
    def connect(
        self,
        deadline: float,
        body: bytes,
        opening: dict[str, str] | None,
        mode: int | None,
        beginning: int,
    ) -> None:
        self.stream = StreamInMemory(deadline=deadline, max_body=MAX_BODY)
        self.is_hasty = deadline == HASTY
        self.rest = body
        self.said: list[pb.ProcessingRequest | None] = []
        self.given_up = False
        if opening is not None:
            self.say(headers_of(opening, mode, end_of_stream=False))
        if beginning:
            self.part_of_a_body(beginning, end_of_stream=beginning > len(body))

    def say(self, message: pb.ProcessingRequest | None) -> None:
        self.said.append(message)
        self.stream.say(message)

    @precondition(is_open)
    @rule(values=st.sampled_from(REQUESTS), mode=MODES, end_of_stream=st.booleans())
    def headers(self, values: dict[str, str], mode: int | None, *, end_of_stream: bool) -> None:
        self.say(headers_of(values, mode, end_of_stream=end_of_stream))

    @rule(size=st.sampled_from([30, 1, 0]), end_of_stream=st.booleans())
    def part_of_a_body(self, size: int, *, end_of_stream: bool) -> None:
        piece, self.rest = self.rest[:size], self.rest[size:]
        self.say(chunk(piece, end_of_stream=end_of_stream))

    @rule()
    def rest_of_a_body(self) -> None:
        self.say(chunk(self.rest, end_of_stream=True))

    @precondition(is_open)
    @rule(message=st.sampled_from([TRAILERS, *RESPONSES, pb.ProcessingRequest(), None]))
    def message_that_ends(self, message: pb.ProcessingRequest | None) -> None:
        self.say(message)

    @precondition(is_open)
    @rule()
    def hang_up(self) -> None:
        self.given_up = self.stream.is_waiting
        said = len(self.answers)
        self.stream.hang_up()
        assert self.stream.is_over
        assert len(self.answers) == said

    @precondition(is_open)
    @rule(how=st.sampled_from([StreamInMemory.encode, StreamInMemory.drain]))
    def encoder_answers(self, how: Callable[[StreamInMemory], None]) -> None:
        how(self.stream)
        assert not self.stream.is_waiting

    def teardown(self) -> None:
        left = self.stream.close()
        assert not left
        assert not (self.given_up and self.stream.encoded)

    @invariant()
    def it_never_raises(self) -> None:
        assert Reason.INTERNAL_ERROR not in self.stream.reasons
        if self.stream.fault is not None:
            assert isinstance(self.stream.fault, Aborted)
            # There is nothing to say where the stream ends first, or a message is unknown.
            last, _, answers = self.exchanges[-1]
            assert kind_of(last) == ""
            assert not answers

    @invariant()
    def it_waits_for_no_encoder_past_its_deadline(self) -> None:
        assert not (self.is_hasty and self.stream.is_waiting)

    @invariant()
    def each_message_has_the_answers_that_envoy_allows(self) -> None:
        for message, mode, answers in self.exchanges:
            allowed = FULL_DUPLEX if mode == pb.FULL_DUPLEX_STREAMED else ONCE
            unanswered = message is self.exchanges[-1][0] and not answers and self.is_cut_off
            assert unanswered or re.fullmatch(allowed[kind_of(message)], kinds(answers))

    @invariant()
    def nothing_follows_an_immediate_response(self) -> None:
        said = kinds(self.answers)
        assert "immediate_response" not in said.removesuffix("immediate_response ")

    @invariant()
    def the_stream_ends_with_the_last_answer(self) -> None:
        if self.exchanges and self.exchanges[-1][2]:
            assert self.stream.is_over or not is_last(*self.exchanges[-1])

    @invariant()
    def a_length_is_that_of_the_body(self) -> None:
        assert all(map(lengths_agree, self.stream.answered))

    @invariant()
    def full_duplex_gives_every_byte_back_once(self) -> None:
        headers = [each for each, *_ in self.exchanges if kind_of(each) == "request_headers"]
        if len(headers) != 1 or self.exchanges[0][:2] != (headers[0], pb.FULL_DUPLEX_STREAMED):
            return
        received = b"".join(body_of(message) for message, *_ in self.exchanges)
        sent = given_back(self.answers)
        if kinds(self.exchanges[0][2]) == "request_headers ":
            assert sent == received
        else:
            assert not sent or is_ours(sent, received)

    @property
    def is_cut_off(self) -> bool:
        """Whether the last message waits for its answer, or never gets one."""
        return self.stream.is_waiting or self.given_up

    @property
    def exchanges(self) -> list[Exchange]:
        """Each message that was read, the mode by then, and its answers."""
        mode: int = pb.BUFFERED
        found = []
        for message, answers in zip(self.said, self.stream.answered, strict=False):
            if message is not None and message.HasField("protocol_config"):
                mode = message.protocol_config.request_body_mode
            found.append((message, mode, answers))
        return found

    @property
    def answers(self) -> list[pb.ProcessingResponse]:
        return [answer for answers in self.stream.answered for answer in answers]


def test_a_stream_keeps_its_word_whatever_it_is_told() -> None:
    run_state_machine_as_test(
        StreamStates, settings=settings(STEADY, max_examples=300, stateful_step_count=6)
    )


@STEADY
@given(conversations())
def test_envoy_takes_all_that_it_is_told_of_a_request(conversation: Conversation) -> None:
    stream = StreamInMemory(deadline=PATIENT, max_body=MAX_BODY)
    stream.encode()
    envoy = Envoy(conversation)
    heard = 0
    while not stream.is_over and (message := envoy.next()) is not None:
        stream.say(message)
        answers = [answer for answers in stream.answered for answer in answers]
        for answer in answers[heard:]:
            envoy.hear(answer)
        heard = len(answers)
    if stream.is_over:
        envoy.end()
    assert all(map(lengths_agree, stream.answered))
    is_over, outcome = stream.is_over, envoy.outcome
    assert not stream.close()

    assert is_over
    assert Reason.INTERNAL_ERROR not in stream.reasons
    assert isinstance(outcome, Forwarded | Answered)
    if isinstance(outcome, Forwarded):
        assert is_ours(outcome.body, conversation.body)
