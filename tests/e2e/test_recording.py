"""Traffic through the real Envoy, recorded, joined with its access log, and decided again."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from semrouter_extproc.cli.app import main
from semrouter_extproc.config import Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import serving
from semrouter_extproc.workbench.records import read_records
from support.canned_upstream import CannedUpstream
from support.client import send
from support.ports import free_port
from support.processes import RouterProcess, running_router
from support.stack import LAW, MATH, chat_body

CHAT = "/v1/chat/completions"
CANARY = "Zanzibar-4711"


def recording_config(model: CannedUpstream, folder: Path, redact: str) -> Config:
    document = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
        "default": {"model": "qwen3", "reasoning": "off"},
        "routes": {"math": {"reasoning": "on"}, "law": {"reasoning": "off"}},
        "clients": {"reasoning_header": True},
        "recorder": {"folder": str(folder), "share": 1, "redact": redact},
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "deadline": "5s",
            "drain_delay": "0s",
        },
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "message_timeout": "10s",
        },
    }
    return parse(document, source="the test's configuration")


@dataclass(frozen=True)
class Front:
    """Envoy, a router that records, and a model that bills nine tokens for each answer."""

    config: Config
    envoy: EnvoyProcess
    router: RouterProcess
    recorded: Path

    def ask(self, prompt: str, wish: str = "auto", **members: Any) -> str:
        """Send a prompt and return the id of the answer."""
        body = chat_body(prompt, **members)
        headers = {"x-reasoning": wish}
        answer = send(self.config.envoy.listen, body, method="POST", path=CHAT, headers=headers)
        return answer.headers["x-request-id"]

    def drain(self, requests: int) -> Path:
        """End the router, so that all is written, and return the log of that many requests."""
        self.router.terminate()
        assert self.router.wait() == 0
        give_up = time.monotonic() + 10
        while self.envoy.access_log.read_bytes().count(b"\n") < requests:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        return self.envoy.access_log


@contextmanager
def running_front(folder: Path, *, redact: str = "none") -> Iterator[Front]:
    with ExitStack() as stack:
        model = stack.enter_context(serving(CannedUpstream()))
        config = recording_config(model, folder / "recorded", redact)
        router = stack.enter_context(running_router(config, folder))
        envoy = stack.enter_context(EnvoyProcess(render(config), folder))
        yield Front(config, envoy, router, folder / "recorded")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(each) for each in arguments])
    return int(exit_.value.code or 0)


def test_recorded_traffic_becomes_records_and_is_decided_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_front(tmp_path) as front:
        ids = [front.ask(prompt, wish) for prompt in (MATH, LAW) for wish in ("on", "off")]
        front.ask("Why is the sky blue?")
        front.ask(MATH, stream=True)
        log = front.drain(6)
    scores, rows, page = (tmp_path / name for name in ("scores.csv", "rows.jsonl", "page.yaml"))
    judged = [f"{name},{number % 2}" for number, name in enumerate(ids)]
    scores.write_text("\n".join(["id,score", *judged]))
    page.write_text(yaml.safe_dump(front.config.model_dump(mode="json")))

    joined = run(
        *("records", "--recorded", front.recorded, "--access-log", log, "--scores", scores),
        *("--out", rows, "--json"),
    )
    facts = json.loads(capsys.readouterr().out)
    replayed = run("replay", "--log", front.recorded, "--config", page, "--limit", "0%", "--json")
    report = json.loads(capsys.readouterr().out)

    assert (joined, replayed) == (0, 0)
    assert facts["requests"] == {"paired": 4, "unscored": 2}
    records = read_records([rows])
    assert set(records.arms) == {"direct", "reasoning"}
    assert records.categories == ("math", "law")
    assert records.tokens.tolist() == [[9, 9], [9, 9]]
    arms = [
        arm for row in rows.read_text().splitlines() for arm in json.loads(row)["arms"].values()
    ]
    assert all(arm["seconds"] > 0 for arm in arms)
    assert records.scores[:, records.arms.index("direct")].tolist() == [1, 1]
    assert (report["compared"], report["changed"]) == (6, 0)


def test_with_redaction_no_word_of_a_prompt_is_on_the_routers_disk(tmp_path: Path) -> None:
    with running_front(tmp_path, redact="text") as front:
        name = front.ask(f"Compute the integral of {CANARY}.", user=CANARY)
        front.drain(1)

    (file,) = front.recorded.glob("*.jsonl")
    (row,) = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert row["id"] == name
    assert row["decision"]["category"]
    assert CANARY.encode() not in file.read_bytes()
    assert CANARY not in front.router.log.read_text()
