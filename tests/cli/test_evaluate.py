"""`semrouter evaluate` as a user runs it, on prompts of our own."""

import json
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.cli.app import main
from support.sentence_models import write_older

KINDS = {
    "sums": "What is {} times {}, minus seven?",
    "towns": "Write a friendly greeting from town {} to town {} for a holiday postcard.",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a small encoder that knows nothing: n-grams tell sums from towns."""
    return str(write_older(tmp_path_factory.mktemp("models") / "bert"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder: str) -> Path:
    """Return a folder with an artefact `fitted`, and files that it is and is not fitted on."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_examples(folder / "seen.jsonl", range(10))
    write_examples(folder / "unseen.jsonl", range(10, 25))
    write_records(folder / "records.jsonl")
    fitted = ["--out", str(folder / "fitted"), "--encoder", encoder]
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--examples", str(folder / "seen.jsonl"), *fitted, "--json"])
    assert not exit_.value.code
    return folder


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_examples(path: Path, numbers: range) -> None:
    rows: list[dict[str, object]] = [
        {"text": text.format(number, 3 * number), "category": category}
        for number in numbers
        for category, text in KINDS.items()
    ]
    write_lines(path, rows)


def write_records(path: Path) -> None:
    """Write records in which reasoning gets sums right, and nothing else."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for number in range(60):
        for category, text in KINDS.items():
            direct = int(rng.random() < 0.4)
            rows.append(
                {
                    "text": text.format(number, number + 9),
                    "category": category,
                    "direct": {"correct": direct, "tokens": 20},
                    "reasoning": {"correct": direct or int(category == "sums"), "tokens": 300},
                }
            )
    write_lines(path, rows)


def evaluate(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str, *arguments: str
) -> tuple[int, str, str]:
    artefact = ["--centroids", str(folder / "fitted"), "--encoder", encoder]
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", *artefact, *arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_one_command_gives_the_figures_and_the_page(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str, tmp_path: Path
) -> None:
    given = ["--examples", str(folder / "unseen.jsonl"), "--records", str(folder / "records.jsonl")]
    code, out, _ = evaluate(capsys, folder, encoder, *given, "--out", str(tmp_path), "--json")
    document = json.loads(out)

    assert code == 0
    assert document["classification"]["accuracy"] == 1
    assert document["policy"]["router"]["gain"] > 0.1
    assert document == json.loads((tmp_path / "report.json").read_bytes())
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_people_get_a_table_and_the_area(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str
) -> None:
    given = ["--records", str(folder / "records.jsonl"), "--token-share", "0.6"]
    code, out, _ = evaluate(capsys, folder, encoder, *given)

    assert code == 0
    for name in ("always on", "matched random", "per category", "router", "oracle"):
        assert name in out
    assert "Area between router and random" in out


def test_rows_that_it_was_fitted_on_are_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str
) -> None:
    code, _, err = evaluate(capsys, folder, encoder, "--examples", str(folder / "seen.jsonl"))

    assert code == 2
    assert "the artefact was fitted on all of these 20 rows" in err
    assert "--seen-too" in err


def test_told_to_they_are_scored_with_a_note(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str
) -> None:
    given = ["--examples", str(folder / "seen.jsonl"), "--seen-too"]
    code, out, _ = evaluate(capsys, folder, encoder, *given)

    assert code == 0
    assert "20 of the 20 labelled prompts were learned from by this artefact" in out


def test_nothing_to_judge_by_is_a_fault_of_the_command_line(
    capsys: pytest.CaptureFixture[str], folder: Path, encoder: str
) -> None:
    code, _, err = evaluate(capsys, folder, encoder)

    assert code == 2
    assert "--examples FILE, --records FILE, or both" in err
