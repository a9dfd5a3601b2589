"""The router, behind an Envoy of each kind, for harm to be done to it and to what it relies on."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import yaml

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.testing.faults import Bench, Cell, processed
from semrouter_extproc.testing.fronts import MESSAGE_TIMEOUT, Bootstraps, Kind, running_fronts
from semrouter_extproc.testing.upstream import Upstream, running_upstream
from semrouter_extproc.testing.victim import Victim
from support.ports import free_port
from support.stack import FULL_DUPLEX, MATH, STREAMED, bootstrap_of, chat_body

FAULTY_ROUTER: Final = Path(__file__).with_name("faulty_router.py")

_MODES: Final[dict[str, dict[str, Any]]] = {
    "BUFFERED": {},
    "STREAMED": STREAMED,
    "FULL_DUPLEX_STREAMED": FULL_DUPLEX,
}


@dataclass(frozen=True)
class RouterBench:
    """A bench with the files that the router goes by. `encoder` says how its encoder fails."""

    bench: Bench
    page: Path
    encoder: Path
    config: Config

    def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        with urlopen(f"http://{self.config.server.admin}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@contextmanager
def running_bench(
    folder: Path, *, package: Path | None = None, **sections: Any
) -> Iterator[RouterBench]:
    """Run router, model and Envoys for as long as the block lasts.

    The router is that of `package`, a folder to import from, if it is given.
    """
    with ExitStack() as stack:
        model = stack.enter_context(running_upstream("model", events=5))
        config = parse(_page(model, sections), source="the bench's page")
        page, encoder = folder / "semrouter.yaml", folder / "encoder-fault"
        page.write_text(yaml.safe_dump(config.model_dump(mode="json")))
        encoder.write_text("")
        command: tuple[str | Path, ...] = (
            *_importing(package),
            sys.executable,
            FAULTY_ROUTER,
            page,
            encoder,
        )
        victim = Victim(command, config.server.grpc, folder / "router.log")
        stack.enter_context(victim.running())
        fronts = stack.enter_context(running_fronts(bootstraps(config), folder))
        bench = Bench(victim, fronts, model, ask, naming=reason)
        yield RouterBench(bench, page, encoder, config)


def _importing(package: Path | None) -> Sequence[str]:
    if package is None:
        return ()
    # What is compiled is not kept: that a copy changed within a second would not be seen.
    return ("env", "PYTHONDONTWRITEBYTECODE=1", f"PYTHONPATH={package}")


def _page(model: Upstream, sections: dict[str, Any]) -> dict[str, Any]:
    return {
        "models": {
            "thinker": {"dialect": "gpt-oss", "endpoints": [model.address]},
            "talker": {"dialect": "qwen3", "endpoints": [model.address]},
        },
        "default": {"model": "talker", "reasoning": "off"},
        "routes": {"math": {"reasoning": "high", "model": "thinker"}},
        # So that every prompt needs the encoder.
        "classifier": {"static_tier": False, "cache": 0},
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "deadline": "1500ms",
        },
        "envoy": {"message_timeout": MESSAGE_TIMEOUT},
        **sections,
    }


def bootstraps(config: Config) -> Bootstraps:
    """Return the router's own bootstraps, in each body mode."""

    def bootstrap_for(kind: Kind, listen: Address, admin: Address) -> str:
        ours = {"listen": listen, "admin": admin, "fail_open": kind.fail_open}
        envoy = config.envoy.model_copy(update=ours)
        return bootstrap_of(config.model_copy(update={"envoy": envoy}), _MODES[kind.mode])

    return bootstrap_for


def ask(number: int) -> bytes:
    """Return a question that nobody has asked before."""
    return chat_body(f"{MATH} (question {number})", stream=True)


def reason(cell: Cell) -> str:
    """Name an answer by the reason that the router gives for its route, if it tells."""
    model = json.loads(cell.arrived[0].body)["model"]
    return cell.answer.headers.get("x-semrouter-reason") or f"{processed(cell)} ({model})"
