"""What the documents' commands find: files by the names that they use, and servers to ask."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from semrouter_extproc.config import Config
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.client import send
from support.documents import ROOT
from support.eventually import eventually
from support.front import running_page
from support.ports import free_port
from support.stack import LAW, MATH, chat_body

CASES = 12
QUESTIONS = {
    "billing": ("Why was my invoice higher in month {}?", "My card {} was charged twice."),
    "technical": ("The settings page {} shows a blank screen.", "Upload {} stops half-way."),
}


@dataclass(frozen=True)
class Addresses:
    """Where the router and Envoy of a page are."""

    grpc: str
    admin: str
    listen: str
    envoy_admin: str

    @classmethod
    def free(cls) -> "Addresses":
        return cls(*(f"127.0.0.1:{free_port()}" for _ in range(4)))

    @classmethod
    def of(cls, config: Config) -> "Addresses":
        server, envoy = config.server, config.envoy
        return cls(*map(str, (server.grpc, server.admin, envoy.listen, envoy.admin)))

    @property
    def sections(self) -> dict[str, Any]:
        return {
            "server": {"grpc": self.grpc, "admin": self.admin, "deadline": "5s"},
            "envoy": {
                "listen": self.listen,
                "admin": self.envoy_admin,
                "message_timeout": "10s",
            },
        }


@dataclass(frozen=True)
class Site:
    """A running router behind Envoy, and the files of its traffic."""

    model: CannedUpstream
    addresses: Addresses
    files: Path


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Run a router that has recorded some questions, each asked with and without reasoning."""
    files = folder / "files"
    recorded = files / "recorded"
    recorded.mkdir(parents=True)
    with serving(CannedUpstream()) as model:
        page = {
            "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
            "default": {"model": "qwen3"},
            "clients": {"reasoning_header": True},
            "recorder": {"folder": str(recorded), "share": 1, "redact": "none"},
        }
        with running_page(page, folder) as (config, router):
            ids = [_ask(config, text, wish) for text in (MATH, LAW) for wish in ("on", "off")]
            log, written = folder / "access.log", 'semrouter_recordings_total{outcome="written"}'
            assert eventually(lambda: router.metric(written) == len(ids))
            assert eventually(lambda: log.read_text().count("\n") >= len(ids))
            _write_traffic(files, log, ids)
            _write_examples(files)
            yield Site(model, Addresses.of(config), files)


def _ask(config: Config, prompt: str, wish: str) -> str:
    headers = {"x-reasoning": wish}
    path = "/v1/chat/completions"
    answer = send(config.envoy.listen, chat_body(prompt), method="POST", path=path, headers=headers)
    return answer.headers["x-request-id"]


def furnish(folder: Path, site: Site, addresses: Addresses) -> None:
    """Lay out what the documents name."""
    shutil.copytree(site.files, folder, dirs_exist_ok=True)
    page = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": [site.model.address]}},
        "default": {"model": "qwen3"},
        **addresses.sections,
    }
    for name in ("semrouter.yaml", "old.yaml", "new.yaml"):
        (folder / name).write_text(yaml.safe_dump(page))
    for name in ("Makefile", "config/semrouter.yaml", "deploy/envoy/envoy.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(moved((ROOT / name).read_text(), site, addresses))


def moved(text: str, site: Site, addresses: Addresses) -> str:
    """Return a command or a page with addresses of this test's, and folders that it may use."""
    ports = yaml.safe_dump(addresses.sections)
    page_end = "default: {model: qwen3, reasoning: off}\n"
    for printed, here in {
        page_end: page_end + ports,
        "127.0.0.1:8000": site.model.address,
        "127.0.0.1:8080": addresses.listen,
        "0.0.0.0:8080": addresses.listen,
        "envoy:8080": addresses.listen,
        "127.0.0.1:50051": addresses.grpc,
        "127.0.0.1:9190": addresses.admin,
        "127.0.0.1:9901": addresses.envoy_admin,
        "/var/lib/semrouter/": "",
        # Without it, every Envoy of a machine shares one piece of memory.
        "envoy -c": "envoy --use-dynamic-base-id -c",
    }.items():
        text = text.replace(printed, here)
    return text


def _write_traffic(files: Path, access_log: Path, ids: list[str]) -> None:
    shutil.copy(access_log, files)
    scores = [f"{name},{number % 2}" for number, name in enumerate(ids)]
    (files / "scores.csv").write_text("\n".join(["id,score", *scores]))


def _write_examples(files: Path) -> None:
    """Write two kinds of questions, of which one gains from reasoning."""
    for name, numbers in (("tickets.jsonl", range(CASES)), ("new.jsonl", range(50, 50 + CASES))):
        rows = [{"text": text, "category": kind} for text, kind in _questions(numbers)]
        _write(files / name, rows)
    answered = [
        {
            "id": f"{kind}/{number}",
            "text": text,
            "category": kind,
            "reasoning": {"correct": 1, "tokens": 800},
            "direct": {"correct": int(kind == "billing"), "tokens": 60},
        }
        for number, (text, kind) in enumerate(_questions(range(100, 100 + CASES)))
    ]
    for name in ("asked-both-ways.jsonl", "records.jsonl"):
        _write(files / name, answered)


def _questions(numbers: range) -> Iterator[tuple[str, str]]:
    for number in numbers:
        for kind, texts in QUESTIONS.items():
            yield from ((text.format(number), kind) for text in texts)


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
