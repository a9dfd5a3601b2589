"""The conversations that come with the package, beside what Envoy says today."""

from pathlib import Path

import pytest

from semrouter_extproc.testing.conversations import Conversation, read, recorded, write
from semrouter_extproc.testing.recording import MODES, record, requests, title

RECORDED = {each.name: each for each in recorded()}
QUICK = ("chat", "get", "trailers", "upload")


def kinds(conversation: Conversation) -> list[str | None]:
    """Return the kinds of the messages; how a long body is cut is a matter of its arrival."""
    found = [each.WhichOneof("request") for each in conversation.requests]
    return [kind for kind, before in zip(found, [None, *found], strict=False) if kind != before]


def test_every_request_is_recorded_in_every_mode() -> None:
    titles = {title(mode, name) for mode in MODES for name in requests()}

    assert RECORDED.keys() == titles


@pytest.mark.parametrize("mode", MODES)
def test_envoy_still_says_what_was_recorded(mode: str) -> None:
    chosen = {name: sent for name, sent in requests().items() if name in QUICK}

    for said in record(mode, chosen):
        before = RECORDED[said.name]
        assert kinds(said) == kinds(before)
        assert said.body == before.body
        assert said.mode == before.mode
        assert said.headers.keys() == before.headers.keys()


def test_a_conversation_survives_being_written_and_read(tmp_path: Path) -> None:
    conversation = RECORDED["buffered-trailers"]
    write(conversation, tmp_path)

    (file,) = tmp_path.iterdir()
    assert read(file) == conversation
