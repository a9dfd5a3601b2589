"""A share of the requests on a real disk, and no request that waits for it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.observe.journal import Journal
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.observe.observer import Handled, is_sampled
from semrouter_extproc.observe.recorder import LARGEST_BODY, Recorder

CHAT = "/v1/chat/completions"
DECISION = Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math", 0.75)
BODY = b'{"model": "auto", "messages": [{"role": "user", "content": "Why?"}]}'
BOUND = 16 * 1024 * 1024


def handled(body: bytes = BODY, name: str = "a", wish: str | None = None) -> Handled:
    now = time.time_ns()
    return Handled(name, CHAT, body, DECISION, began=now, ended=now, wish=wish)


class Scene:
    """A recorder at work, what it counts, and what it has left on the disk."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.registry = CollectorRegistry()
        self.recorder = Recorder(
            Journal(folder, BOUND),
            metrics=Metrics(self.registry),
            **{"share": 1.0, "redact": False, **options},
        )

    def record(self, body: bytes = BODY, name: str = "a", wish: str | None = None) -> None:
        self.recorder.handled(handled(body, name, wish))

    def rows(self) -> list[Any]:
        files = sorted(self.folder.glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]

    def counted(self, outcome: str) -> float:
        labels = {"outcome": outcome}
        return self.registry.get_sample_value("semrouter_recordings_total", labels) or 0


@contextmanager
def scene(folder: Path, **options: Any) -> Iterator[Scene]:
    scene = Scene(folder, **options)
    try:
        yield scene
    finally:
        scene.recorder.close()


def test_a_row_says_what_was_asked_and_what_was_decided(tmp_path: Path) -> None:
    before = time.time()
    with scene(tmp_path) as recorded:
        recorded.record(wish="off")

    (row,) = recorded.rows()
    assert before <= row.pop("time") <= time.time()
    assert row == {
        "id": "a",
        "path": CHAT,
        "body": json.loads(BODY),
        "decision": {
            "model": "qwen3",
            "reasoning": "on",
            "reason": "routed",
            "category": "math",
            "confidence": 0.75,
        },
        "wish": "off",
    }
    assert recorded.counted("written") == 1


def test_a_body_keeps_its_bytes_but_its_line_ends(tmp_path: Path) -> None:
    pretty = b'{\r\n  "temperature": 0.50,\n  "model": "a\\nb", "model": "auto"\n}'
    with scene(tmp_path) as recorded:
        recorded.record(pretty)

    (file,) = tmp_path.glob("*.jsonl")
    assert b'{    "temperature": 0.50,   "model": "a\\nb", "model": "auto" }' in file.read_bytes()


@pytest.mark.parametrize("body", [b'{"top_p": NaN}', '{"user": "ü"}'.encode("utf-16"), b"\xff{"])
def test_what_is_no_plain_json_is_kept_as_a_text(tmp_path: Path, body: bytes) -> None:
    with scene(tmp_path) as recorded:
        recorded.record(body)

    (row,) = recorded.rows()
    assert row["body"] == body.decode(json.detect_encoding(body), "replace")


def test_with_redaction_no_text_reaches_the_disk_but_the_decision_does(tmp_path: Path) -> None:
    canary = "Zanzibar-4711"
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": canary}]})
    with scene(tmp_path, redact=True) as recorded:
        recorded.record(body.encode(), wish=canary)
        recorded.record(f'{{"user": "{canary}", "top_p": NaN}}'.encode())
        recorded.record(f"{canary} is no JSON".encode())

    told = b"".join(file.read_bytes() for file in tmp_path.glob("*"))
    row, _ = recorded.rows()
    assert canary.encode() not in told
    assert row["redacted"]
    assert row["body"]["messages"] == [{"role": "user", "content": len(canary)}]
    assert row["decision"]["category"] == "math"
    assert recorded.counted("failed") == 1


def test_the_share_is_chosen_by_the_id_alone(tmp_path: Path) -> None:
    names = [f"request-{number}" for number in range(2000)]
    with scene(tmp_path, share=0.1) as recorded:
        for name in names:
            recorded.record(name=name)

    kept = {row["id"] for row in recorded.rows()}
    assert kept == {name for name in names if is_sampled(name, 0.1)}
    assert 140 < len(kept) < 260
    assert kept <= {name for name in names if is_sampled(name, 0.2)}


def test_requests_without_an_id_and_enormous_ones_are_counted_and_left(tmp_path: Path) -> None:
    with scene(tmp_path) as recorded:
        recorded.record(name="")
        recorded.record(b"x" * (LARGEST_BODY + 1))

    assert recorded.rows() == []
    assert (recorded.counted("no_id"), recorded.counted("too_large")) == (1, 1)


def test_everything_that_waits_is_written_when_the_recorder_closes(tmp_path: Path) -> None:
    with scene(tmp_path) as recorded:
        for number in range(1000):
            recorded.record(name=str(number))

    assert [row["id"] for row in recorded.rows()] == [str(number) for number in range(1000)]


def test_a_disk_that_takes_nothing_costs_a_count_and_one_line_of_log(tmp_path: Path) -> None:
    blocked = tmp_path / "recorded"
    blocked.write_text("a file, where the folder should be")
    with structlog.testing.capture_logs() as logged, scene(blocked) as recorded:
        for _ in range(5):
            recorded.record()

    assert recorded.counted("failed") == 5
    assert [line["event"].partition(";")[0] for line in logged] == ["recording failed"]


def test_recording_goes_on_when_the_disk_is_back(tmp_path: Path) -> None:
    blocked = tmp_path / "recorded"
    blocked.write_text("a file, where the folder should be")
    with scene(blocked) as recorded:
        recorded.record(name="lost")
        give_up = time.monotonic() + 5
        while not recorded.counted("failed") and time.monotonic() < give_up:
            time.sleep(0.005)
        blocked.unlink()
        recorded.record(name="kept")

    assert [row["id"] for row in recorded.rows()] == ["kept"]


class HangingJournal(Journal):
    """A journal whose disk takes the first line only after `release`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, BOUND)
        self.release = threading.Event()

    def append(self, line: bytes) -> None:
        self.release.wait(10)
        super().append(line)


def test_a_disk_that_hangs_delays_no_request_and_fills_no_memory(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    journal = HangingJournal(tmp_path)
    recorder = Recorder(journal, share=1.0, redact=False, metrics=Metrics(registry))
    body = b'{"user": "%s"}' % (b"x" * 1_000_000)

    started = time.monotonic()
    for number in range(50):
        recorder.handled(handled(body, str(number)))
    recorder.close(patience=0.05)
    taken = time.monotonic() - started
    journal.release.set()
    recorder.close(patience=10)

    dropped = registry.get_sample_value("semrouter_recordings_total", {"outcome": "dropped"})
    written = registry.get_sample_value("semrouter_recordings_total", {"outcome": "written"})
    assert taken < 1
    assert dropped is not None
    assert written == 50 - dropped
    assert 10 < written < 20
