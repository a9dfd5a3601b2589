import json
from typing import Any

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.config.dialects import Backend, built_in_families
from semrouter_extproc.core.models import Model, Remedy, ShortBudget
from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from semrouter_extproc.workbench.doctor.endpoint import Endpoint
from semrouter_extproc.workbench.doctor.questions import Question, question
from semrouter_extproc.workbench.doctor.replies import Answer, Nonsense, Refusal, Reply, Silence
from semrouter_extproc.workbench.loopback import serving
from support import dialects
from support.model_server import ModelServer, babbling
from support.ports import free_port

OK = b"HTTP/1.1 200 OK\r\n"
QUESTION = Question(b'{"return_token_ids":true}', b'{"plain":true}')


def asking(address: Address, seconds: float = 20) -> Reply:
    return Endpoint(address, seconds=seconds).ask(QUESTION)


def spelt(dialect: Dialect, level: Reasoning, backend: Backend = Backend.VLLM) -> Any:
    guard = ShortBudget(below=1024, then=Remedy.OFF, cap=0)
    return json.loads(
        question(Model("small", dialect, 32, short_budget=guard), backend, level).body
    )


def test_a_question_spells_the_level_as_the_router_does_and_asks_for_the_prompt() -> None:
    body = spelt(dialects.SWITCH, Reasoning.ON)

    assert body["model"] == "small"
    assert body["chat_template_kwargs"] == {"enable_thinking": True}
    assert body["temperature"] == 0
    assert body["return_token_ids"] is True
    assert body["max_tokens"] == 64


def test_a_level_that_grants_thinking_is_asked_for_as_it_is_spelt() -> None:
    row = built_in_families()["seed-oss"].row(Backend.VLLM)
    assert row is not None
    dialect = row.dialect("seed-oss", Backend.VLLM)

    for level, spelling in dialect.spellings.items():
        ((path, value),) = spelling.members.items()
        assert spelt(dialect, level)[path[0]][path[1]] == value


def test_a_question_says_words_where_the_router_puts_them() -> None:
    assert spelt(dialects.WORDS, Reasoning.OFF)["messages"][0] == {
        "role": "system",
        "content": "detailed thinking off",
    }
    assert spelt(dialects.COMMANDS, Reasoning.ON)["messages"][-1]["content"].endswith("\n\n/think")


def test_a_question_has_a_limit_that_the_backend_takes() -> None:
    claude = Dialect(
        "claude",
        {Reasoning.ON: Spelling({("thinking", "budget_tokens"): 2048})},
    )

    openais = spelt(dialects.EFFORTS, Reasoning.LOW, Backend.OPENAI)
    assert "max_tokens" not in openais
    assert openais["max_completion_tokens"] == 64
    assert spelt(claude, Reasoning.ON, Backend.ANTHROPIC)["max_tokens"] > 2048


def test_a_server_that_refuses_unknown_members_is_asked_again_without_them() -> None:
    def strict(asked: Any) -> tuple[int, Any]:
        if asked and "return_token_ids" in asked:
            return 400, {"error": {"message": "unknown member"}}
        return 200, {"choices": [{"message": {"content": "12"}}]}

    with serving(ModelServer(strict)) as server:
        assert asking(server.address) == Answer()
        assert server.asked == [{"return_token_ids": True}, {"plain": True}]


def test_a_refusal_of_the_plain_question_stands() -> None:
    with serving(ModelServer(lambda _: (422, {"detail": "never"}))) as server:
        assert asking(server.address) == Refusal(422, "never")


def test_a_key_is_sent_to_servers_that_want_one() -> None:
    with serving(ModelServer(lambda _: (200, {"data": [{"id": "small"}]}))) as server:
        names = Endpoint(server.address, seconds=20, api_key="k-1").names()

    assert names == frozenset({"small"})
    assert server.arrived[0][0]["authorization"] == "Bearer k-1"


def test_a_closed_port_is_silence() -> None:
    assert asking(Address("127.0.0.1", free_port())) == Silence("connection refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_that_leads_nowhere_is_a_reply(host: str) -> None:
    assert isinstance(asking(Address(host, 80)), Silence | Nonsense)


def test_a_server_that_says_nothing_is_silence_once_its_time_is_up() -> None:
    with babbling(hold=True) as address:
        assert asking(address, seconds=0.2) == Silence("no answer within 0.2 s")


def test_a_server_that_never_comes_to_an_end_is_silence_once_its_time_is_up() -> None:
    with babbling(OK + b"\r\n", *100 * [b" "], gap=0.1) as address:
        assert asking(address, seconds=0.4) == Silence("no answer within 0.4 s")


def test_an_answer_without_measure_is_not_read_to_its_end() -> None:
    with babbling(OK + b"\r\n", *20 * [b" " * 1024 * 1024]) as address:
        assert asking(address) == Nonsense("an answer of more than 4 MiB")


def test_a_server_that_goes_away_is_silence() -> None:
    with babbling() as address:
        assert isinstance(asking(address), Silence)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        OK + b"content-length: 10\r\n\r\n<html>",
        OK + b"content-length: 6\r\n\r\n<html>",
        OK + b"content-length: -5\r\n\r\n[]",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        OK + b"x" * 100_000 + b"\r\n\r\n",
        OK + b"\r\n" + b'{"choices": [{"message": "12"}]}',
        OK + b"content-type: text/event-stream\r\n\r\ndata: [DONE]\n\n",
    ],
)
def test_what_is_no_chat_completion_is_nonsense(said: bytes) -> None:
    with babbling(said) as address:
        assert isinstance(asking(address), Nonsense)
