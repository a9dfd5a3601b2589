"""Our own router, by the kit that is there for every processor."""

import json
from collections.abc import Iterator

import pytest

from semrouter_extproc.config import parse
from semrouter_extproc.testing.__main__ import is_faulty, main
from semrouter_extproc.testing.conversations import Conversation, recorded
from semrouter_extproc.testing.envoy import Answered, Forwarded
from semrouter_extproc.testing.playing import play
from support.ports import free_port
from support.processes import running_router

ANSWERED = {"get": 200, "gzip": 415, "not-json": 400}
UNCHANGED = {"empty", "upload"}


def kind(conversation: Conversation) -> str:
    """Return what is asked, whatever the mode."""
    _, _, name = conversation.name.partition("d-" if "duplex" not in conversation.name else "med-")
    return name


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    page = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:1"]}},
        "default": {"model": "qwen3"},
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "deadline": "5s",
        },
        "envoy": {"message_timeout": "10s"},
    }
    config = parse(page, source="the test's configuration")
    with running_router(config, tmp_path_factory.mktemp("router")):
        yield str(config.server.grpc)


@pytest.mark.parametrize("conversation", recorded(), ids=lambda each: each.name)
def test_envoy_gets_what_it_needs_and_the_stream_ends(
    address: str, conversation: Conversation
) -> None:
    played = play(address, conversation)

    assert not is_faulty(conversation, played)
    assert not played.held
    what = kind(conversation)
    match played.outcome:
        case Answered(status=status):
            # Trailers after a streamed body cannot go on.
            assert status == ANSWERED.get(what, 400 if what == "trailers" else None)
        case Forwarded(body=body) if what in UNCHANGED:
            assert body == conversation.body
        case Forwarded(body=body):
            assert json.loads(body)["model"] == "qwen3"
            assert json.loads(body)["messages"] == json.loads(conversation.body)["messages"]
        case _:
            assert conversation.hung_up


def test_the_report_ends_with_0_where_nothing_is_broken(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([address])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert shown.count("forwarded") > 20
    assert "BROKEN" not in shown


def test_the_report_ends_with_1_where_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"127.0.0.1:{free_port()}", "--patience", "1"])

    assert ended.value.code == 1
    shown = capsys.readouterr().out
    assert shown.count("BROKEN") == shown.count("UNAVAILABLE") > 20
