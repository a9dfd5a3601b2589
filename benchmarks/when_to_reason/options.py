"""What the command line says."""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from when_to_reason.answers import Settings
from when_to_reason.centroids import folder_for
from when_to_reason.questions import PROMPT, rows_in
from when_to_reason.stack import Backend, require_valid

from semrouter_extproc.config import Address
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.backend.cache import digest
from semrouter_extproc.workbench.backend.server import MODEL

_ABOUT: Final = """\
The paper's experiment, live: questions of MMLU-Pro through a real Envoy, the router and a real
model, always on, always off and routed. Without --base-url everything runs here, vLLM with a model
of 135M parameters included, for about five minutes; tokens and latency are measured, and no
accuracy, which such a model does not have. With it, a model of your own is asked.

Every answer is kept as it comes. The same command again asks only what is missing.
Writes results/when_to_reason.json and .md beside the other benchmarks' (BENCH_RESULTS).
"""
_SERVER: Final = re.compile(r"http://(?P<address>[^\s/?#@]+:\d+)/v1/?")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is asked unless the user says otherwise."""

    questions: int
    concurrency: int
    max_tokens: int


HERE: Final = Scale(questions=28, concurrency=4, max_tokens=192)
ELSEWHERE: Final = Scale(questions=700, concurrency=8, max_tokens=8192)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, checked. `backend` is None where everything is to run here."""

    data: Path
    out: Path
    records_out: Path | None
    questions: int
    settings: Settings
    backend: Backend | None
    api_key: str

    @property
    def judges(self) -> bool:
        """Whether accuracy means anything: that of the small model does not."""
        return self.backend is not None


def read_options() -> Options:
    """Read the command line; raises ConfigError, or exits as argparse does."""
    given = _parser().parse_args()
    scale = HERE if given.base_url is None else ELSEWHERE
    backend = _backend(given)
    return Options(
        data=given.data,
        out=given.out,
        records_out=given.records_out,
        questions=given.questions or scale.questions,
        settings=Settings(
            model=backend.model if backend else MODEL,
            dialect=backend.dialect if backend else "qwen3",
            server=str(backend.address) if backend else None,
            max_tokens=given.max_tokens or scale.max_tokens,
            concurrency=given.concurrency or scale.concurrency,
            prompt=digest(PROMPT),
            router=folder_for(rows_in(given.data)).name,
        ),
        backend=backend,
        api_key=_api_key(given.api_key_env),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "data", type=Path, metavar="DATA", help="the folder of labelled data, or a file of its rows"
    )
    add("--base-url", metavar="URL", help="your model's server, http://HOST:PORT/v1; plain HTTP")
    add("--model", metavar="NAME", help="what that server calls the model")
    add(
        "--dialect",
        metavar="NAME",
        help="how it is switched (qwen3); `semrouter dialects` lists all",
    )
    add("--api-key-env", metavar="VAR", help="the variable that holds the server's key")
    add("--questions", type=_count, metavar="N", help=_scale("questions"))
    add("--concurrency", type=_count, metavar="K", help=f"at a time; {_scale('concurrency')}")
    add("--max-tokens", type=_count, metavar="N", help=f"of an answer; {_scale('max_tokens')}")
    add("--out", type=Path, default=Path("when-to-reason"), metavar="FOLDER", help="for answers")
    add("--records-out", type=Path, metavar="FILE", help="write pairs for `semrouter tune` as well")
    return parser


def _scale(name: str) -> str:
    return f"{getattr(HERE, name)} here, {getattr(ELSEWHERE, name)} with --base-url"


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _backend(given: argparse.Namespace) -> Backend | None:
    """Return the user's server, or None for the one here."""
    if given.base_url is None:
        _refuse_without_server(given)
        return None
    found = _SERVER.fullmatch(given.base_url)
    if found is None:
        raise ConfigError(
            "--base-url",
            [f"write http://HOST:PORT/v1, in plain HTTP as Envoy needs it, not {given.base_url}"],
        )
    if given.model is None:
        raise ConfigError("--model", ["say what the server of --base-url calls the model"])
    host, _, port = found["address"].rpartition(":")
    backend = Backend(given.model, given.dialect or "qwen3", Address(host.strip("[]"), int(port)))
    require_valid(backend)
    return backend


def _refuse_without_server(given: argparse.Namespace) -> None:
    for name in ("model", "dialect", "api_key_env"):
        if getattr(given, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(option, ["means something only with --base-url"])


def _api_key(variable: str | None) -> str:
    if variable is None:
        return "none"
    key = os.environ.get(variable)
    if not key:
        raise ConfigError("--api-key-env", [f"the variable {variable} is not set"])
    return key
