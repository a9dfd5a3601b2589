"""Fuzz a target by coverage, from the corpus beside this file, and keep what is new in it.

    make fuzz TARGET=request RUNS=1000000

Targets are those of support/fuzzing.py. A case that breaks a promise is written beside this file
as `crash-...`; mend the fault, and keep the case in the corpus.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import atheris

FOLDER: Final = Path(__file__).parent

with atheris.instrument_imports(include=["semrouter_extproc"]):
    from support.fuzzing import TARGETS

_CHOICES: Final = 4
"""Bytes before the body of a `request`."""

_STRANGE: Final[Sequence[Any]] = (
    *(None, True, 0, -1, 1e308, float("nan"), 10**400, "", "auto", "on", "/no_think", "\ud800"),
    *([], {}, [[]], [None], {"": {}}, [{"role": "user", "content": "x"}], "x" * 300, ["\x00"]),
)
_NAMES: Final = (
    *("model", "messages", "prompt", "input", "system", "instructions", "role", "content", "type"),
    *("text", "chat_template_kwargs", "enable_thinking", "thinking", "reasoning", "effort", ""),
    *("reasoning_effort", "max_tokens", "tools", "tool_calls", "budget_tokens", "mod\u00ebl"),
)


def mutated_body(data: bytes, most: int, seed: int) -> bytes:
    """Change a body as JSON; as bytes where it is none, and half of the time."""
    random = Random(seed)  # noqa: S311 - chance, not a secret
    choices, body = data[:_CHOICES], data[_CHOICES:]
    try:
        document = json.loads(body) if random.random() < 0.5 else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        found: bytes = atheris.Mutate(data, most)
        return found
    _change(document, random)
    return (choices + json.dumps(document).encode())[:most]


def _change(document: Any, random: Random) -> None:
    """Put something strange somewhere into an object or a list."""
    inner = [each for each in _values(document) if isinstance(each, dict | list) and each]
    if inner and random.random() < 0.7:
        _change(random.choice(inner), random)
    elif isinstance(document, dict):
        names = [*document, random.choice(_NAMES)]
        document[random.choice(names)] = random.choice(_STRANGE)
    else:
        document[random.randrange(len(document))] = random.choice(_STRANGE)


def _values(document: Any) -> list[Any]:
    return list(document.values()) if isinstance(document, dict) else list(document)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--longest", type=int, default=4096, help="bytes of a case")
    arguments = parser.parse_args()
    corpus = FOLDER / "corpus" / arguments.target
    options = [
        f"-runs={arguments.runs}",
        f"-max_len={arguments.longest}",
        "-rss_limit_mb=2048",
        "-timeout=10",
        "-print_final_stats=1",
        f"-artifact_prefix={FOLDER}/",
    ]
    more = {"custom_mutator": mutated_body} if arguments.target == "request" else {}
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[arguments.target], **more)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
