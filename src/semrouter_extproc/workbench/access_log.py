"""What Envoy wrote about requests: `envoy.access_log` has the fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.files import read_content


class Line(msgspec.Struct, frozen=True):
    """One request and its answer; `completion_tokens` is None where the answer told none."""

    request_id: str
    code: int = 0
    model: str | None = None
    reasoning: str | None = None
    category: str | None = None
    completion_tokens: float | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class AccessLog:
    """The lines of a file. `others` counts those that are none: Envoy's own, for example."""

    lines: Sequence[Line]
    others: int


def read_access_log(path: Path) -> AccessLog:
    """Read a file, plain or gzipped. Raises ConfigError if no line of it is of the log."""
    faults: list[str] = []
    content = read_content(path, faults)
    if content is None:
        raise ConfigError("access log", faults)
    written = [line for line in content.raw.split(b"\n") if line.strip()]
    lines = [line for line in map(_line, written) if line is not None]
    if not lines:
        told = "no line is a JSON object with `request_id`; is it the output of Envoy?"
        raise ConfigError("access log", [f"{path}: {told}"])
    return AccessLog(lines, len(written) - len(lines))


def _line(written: bytes) -> Line | None:
    try:
        return msgspec.json.decode(written, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
