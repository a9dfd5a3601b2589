"""The answers of always on and always off, as `semrouter tune` and `evaluate` read them."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from when_to_reason.answers import Way
from when_to_reason.figures import Outcome, Row

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.records import DIRECT, REASONING


def write_records(path: Path, rows: Iterable[Row]) -> int:
    """Write a row for each question with a known answer, and return how many that are.

    The text is the question alone, as in the data: by it an evaluation sees what a fit saw.
    """
    records = [
        {
            "id": question.id,
            "text": question.text,
            "category": question.category,
            REASONING: _arm(outcomes[Way.ALWAYS_ON]),
            DIRECT: _arm(outcomes[Way.ALWAYS_OFF]),
        }
        for question, outcomes in rows
        if outcomes[Way.ALWAYS_ON].right is not None
    ]
    try:
        path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in records))
    except OSError as error:
        raise ConfigError("--records-out", [f"{path}: {error.strerror or error}"]) from None
    return len(records)


def _arm(outcome: Outcome) -> dict[str, object]:
    return {
        "correct": int(bool(outcome.right)),
        "tokens": outcome.answer.tokens,
        "parsed": outcome.letter is not None,
        "truncated": outcome.answer.truncated,
    }
