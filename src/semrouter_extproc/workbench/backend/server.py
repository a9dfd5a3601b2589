"""vLLM's OpenAI server on this machine's CPU."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.backend.cache import default_cache
from semrouter_extproc.workbench.backend.environment import vllm_environment
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.weights import smollm2_weights
from semrouter_extproc.workbench.loopback import answers
from semrouter_extproc.workbench.processes import await_ready, foreign_environment, guarded
from semrouter_extproc.workbench.progress import Progress

MODEL: Final = "smollm2"
"""The model's name for clients."""

ALIASES: Final = ("auto", "MoM")
"""Names the server also takes, for requests that reach it without the router."""

CHAT_TEMPLATE: Final = Path(__file__).with_name("chat_template.jinja")

_CONTEXT_TOKENS: Final = 2048
_READY_WITHIN: Final = 600.0
_LOG_PREFIX: Final = re.compile(r"^(\(.*?pid=\d+\) )?([A-Z]+ [\d-]+ [\d:]+ \[.*?\] )?")


@dataclass(frozen=True, slots=True)
class Installation:
    """What the server is started from: an interpreter that has vLLM, and a model's folder."""

    interpreter: Path
    weights: Path


def install(progress: Progress, cache: Path | None = None) -> Installation:
    """Set up vLLM and its model in `cache`, or find them there.

    The first time takes minutes. Raises `EnvironmentProblem`.
    """
    require(Machine.here())
    cache = cache or default_cache()
    interpreter = vllm_environment(cache, progress)
    return Installation(interpreter, smollm2_weights(interpreter, cache, progress))


@contextmanager
def running_vllm(
    installation: Installation, address: Address, log: Path, progress: Progress
) -> Iterator[None]:
    """Run a vLLM that answers at `address`, for as long as the block lasts.

    Raises `EnvironmentProblem`, with the end of `log`, if it does not get ready.
    """
    progress.step("Starting vLLM (about a minute)")
    with serving("vLLM", _command(installation, address), address, log, progress):
        yield


@contextmanager
def serving(
    name: str,
    command: Sequence[str | Path],
    address: Address,
    log: Path,
    progress: Progress,
    *,
    seconds: float = _READY_WITHIN,
    **settings: str,
) -> Iterator[None]:
    """Run a server of vLLM's, ready within `seconds`, for as long as the block lasts.

    `settings` are variables of its environment. Raises `EnvironmentProblem`, with the end of
    `log`, if it does not get ready.
    """
    with (
        log.open("w") as output,
        guarded(command, output=output, environment=_settings() | settings) as process,
    ):
        await_ready(
            name,
            process,
            partial(answers, address, "/health"),
            log=log,
            progress=_MessagesOnly(progress),
            seconds=seconds,
        )
        yield


class _MessagesOnly:
    """Leaves out what vLLM puts before a log line's message: process, level, time, source."""

    def __init__(self, progress: Progress) -> None:
        self.step = progress.step
        self._progress = progress

    def detail(self, text: str) -> None:
        """Show the message."""
        self._progress.detail(_LOG_PREFIX.sub("", text))


def _command(installation: Installation, address: Address) -> list[str | Path]:
    return [
        *(installation.interpreter, "-m", "vllm.entrypoints.openai.api_server"),
        *("--host", address.host, "--port", str(address.port)),
        *("--model", installation.weights),
        *("--served-model-name", MODEL, *ALIASES),
        *("--chat-template", CHAT_TEMPLATE),
        *("--max-model-len", str(_CONTEXT_TOKENS)),
        # Compiling takes longer than all that a small model will ever answer here.
        "--enforce-eager",
        "--disable-uvicorn-access-log",
    ]


def _settings() -> dict[str, str]:
    cores = len(os.sched_getaffinity(0))
    return foreign_environment(
        HF_HUB_OFFLINE="1",
        DO_NOT_TRACK="1",
        VLLM_NO_USAGE_STATS="1",
        # Also where there is a GPU.
        VLLM_TARGET_DEVICE="cpu",
        VLLM_CPU_KVCACHE_SPACE="1",
        # Pinned threads would fight with whatever else runs on their cores. One core stays
        # free for Envoy and the router.
        VLLM_CPU_OMP_THREADS_BIND="nobind",
        OMP_NUM_THREADS=str(max(1, cores - 1)),
    )
