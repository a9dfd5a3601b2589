from dataclasses import replace
from io import StringIO

from rich.console import Console

from semrouter_extproc.config import Address
from semrouter_extproc.core import headers
from semrouter_extproc.workbench.backend.server import MODEL
from semrouter_extproc.workbench.demo.board import Board
from semrouter_extproc.workbench.demo.client import Answer, Failure
from semrouter_extproc.workbench.demo.prompts import PROMPTS, Prompt
from semrouter_extproc.workbench.demo.proof import Counts, doubts
from semrouter_extproc.workbench.demo.verdict import conclude, curl_line
from semrouter_extproc.workbench.waiting import waiting_on

_TRUE = Answer(
    headers={
        "server": "envoy",
        "x-envoy-upstream-service-time": "812",
        headers.REASON: "routed",
        headers.REASONING: "on",
        headers.CATEGORY: "physics",
        headers.CONFIDENCE: "0.912",
    },
    completion="chatcmpl-1",
    model=MODEL,
    tokens=40,
    seconds=1.5,
)


def _without(header: str) -> Answer:
    kept = {name: value for name, value in _TRUE.headers.items() if name != header}
    return replace(_TRUE, headers=kept)


def _text_of(board: Board) -> str:
    console = Console(file=StringIO(), width=140)
    console.print(board.table())
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


def test_answers_of_vllm_through_envoy_leave_no_doubt() -> None:
    assert list(doubts([_TRUE, _TRUE], Counts(envoy=2, vllm=2))) == []


def test_every_sign_of_another_way_is_a_doubt() -> None:
    suspicious: list[Answer | Failure] = [
        _without("server"),
        _without("x-envoy-upstream-service-time"),
        _without(headers.REASON),
        replace(_TRUE, completion="made-up"),
        replace(_TRUE, model="another"),
        Failure("connection refused"),
    ]
    for outcome in suspicious:
        assert len(list(doubts([outcome], Counts(envoy=1, vllm=1)))) == 1


def test_counts_that_differ_from_the_requests_are_doubts() -> None:
    assert len(list(doubts([_TRUE], Counts(envoy=0, vllm=1)))) == 1
    assert len(list(doubts([_TRUE], Counts(envoy=1, vllm=2)))) == 1


def test_the_exit_code_is_0_only_without_doubts() -> None:
    console = Console(file=StringIO())

    assert conclude(Board([]), [], console) == 0
    assert conclude(Board([]), ["request 1 failed"], console) == 1


def test_the_table_shows_the_decision_and_both_totals() -> None:
    board = Board([Prompt("Why is ice slippery?", stream=True), Prompt("Who was Solon?")])
    board.routed = [_TRUE, replace(_TRUE, tokens=2)]
    board.always_on = [replace(_TRUE, tokens=50), replace(_TRUE, tokens=51)]

    text = _text_of(board)

    row = next(line for line in text.splitlines() if "slippery" in line)
    assert row.split()[:1] == ["[stream]"]
    assert row.split()[-8:] == ["physics", "0.912", "on", "routed", "40", "1.5", "50", "1.5"]
    total = next(line for line in text.splitlines() if "Total" in line)
    assert total.split() == ["Total", "42", "3.0", "101", "3.0"]


def test_the_table_can_be_drawn_before_and_after_a_failure() -> None:
    board = Board([Prompt("Why is ice slippery?")])
    assert "slippery" in _text_of(board)

    board.routed = [Failure("connection refused")]
    assert "failed" in _text_of(board)


def test_the_prompts_show_every_way_of_asking() -> None:
    assert len(PROMPTS) >= 12
    assert len({prompt.text for prompt in PROMPTS}) == len(PROMPTS)
    assert any(prompt.stream for prompt in PROMPTS)
    assert any(prompt.parts for prompt in PROMPTS)
    assert any(prompt.thinking is not None for prompt in PROMPTS)
    assert any(prompt.model == MODEL for prompt in PROMPTS)


def test_the_line_to_try_is_one_line() -> None:
    line = curl_line(Address("127.0.0.1", 8080))

    assert line.startswith("curl -i --noproxy '*' http://127.0.0.1:8080/v1/chat/completions ")
    assert "\n" not in line


def test_a_wait_is_told_in_lines_where_nothing_can_move() -> None:
    console = Console(file=StringIO(), width=80)
    with waiting_on(console) as progress:
        progress.step("Starting [vLLM]")
        progress.detail("too soon to be worth a line")

    assert console.file.getvalue() == "Starting [vLLM]\n"  # type: ignore[attr-defined]  # a StringIO
