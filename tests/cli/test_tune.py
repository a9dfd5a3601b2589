"""`semrouter tune` as a user runs it, on prompts of our own."""

import json
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.cli.app import main
from semrouter_extproc.cli.tune import counted
from support.sentence_models import write_older

ROWS = 60


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a small encoder that knows nothing: n-grams tell sums from towns."""
    return str(write_older(tmp_path_factory.mktemp("models") / "bert"))


@pytest.fixture(scope="module")
def centroids(tmp_path_factory: pytest.TempPathFactory, encoder: str) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    examples = [
        {"text": text, "category": category}
        for number in range(10)
        for category, text in (("sums", sum_of(number)), ("towns", town(number)))
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in examples))
    examples_file, fitted = str(folder / "examples.jsonl"), str(folder / "fitted")
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--examples", examples_file, "--out", fitted, "--encoder", encoder, "--json"])
    assert not exit_.value.code
    return folder / "fitted"


def sum_of(number: int) -> str:
    return f"What is {37 + number} times {91 - number}, minus {number * 13}?"


def town(number: int) -> str:
    return f"Write a friendly greeting from town {number} for a holiday postcard."


def records(folder: Path, *, gains: bool) -> Path:
    """Write records in which reasoning gets sums right, or makes no difference at all."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(ROWS):
        for category, text in (("sums", sum_of(number)), ("towns", town(number))):
            direct = int(rng.random() < 0.4)
            thought = 1 if gains and category == "sums" else direct
            rows.append(
                {
                    "text": text,
                    "category": category,
                    "direct": {"correct": direct, "tokens": 20},
                    "reasoning": {"correct": thought, "tokens": 300},
                }
            )
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def tune(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["tune", *arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_it_prints_the_frontier_the_change_and_the_configuration(
    capsys: pytest.CaptureFixture[str], centroids: Path, encoder: str, tmp_path: Path
) -> None:
    code, out, _ = tune(
        capsys,
        *("--encoder", encoder, "--centroids", str(centroids)),
        *("--out", str(tmp_path / "out")),
        *("--records", str(records(tmp_path, gains=True)), "--token-share", "0.5"),
    )

    assert code == 0
    assert f"Learned from {2 * ROWS} records." in out
    assert "Telling prompts apart gains" in out
    assert "Matched random" in out
    assert "Reasoned before" in out
    assert "learned: {token_share: 0.5}" in out
    assert (tmp_path / "out/outcomes.safetensors").is_file()


def test_where_nothing_is_gained_it_says_so(
    capsys: pytest.CaptureFixture[str], centroids: Path, encoder: str, tmp_path: Path
) -> None:
    _, out, _ = tune(
        capsys,
        *("--encoder", encoder, "--centroids", str(centroids)),
        *("--out", str(tmp_path / "out")),
        *("--records", str(records(tmp_path, gains=False))),
    )
    assert "Nothing to gain by telling prompts apart" in out


def test_it_says_how_many_records_were_left_aside() -> None:
    assert "16,384 of 40,000 records, drawn at random" in counted(16_384, 40_000)


def test_json_is_one_document(
    capsys: pytest.CaptureFixture[str], centroids: Path, encoder: str, tmp_path: Path
) -> None:
    code, out, _ = tune(
        capsys,
        *("--encoder", encoder, "--centroids", str(centroids)),
        *("--out", str(tmp_path / "out"), "--json"),
        *("--records", str(records(tmp_path, gains=True))),
        *("--token-share", "0.3", "--token-share", "0.5"),
    )
    report = json.loads(out)

    assert code == 0
    assert [point["token_share"] for point in report["points"]] == [0.3, 0.5]
    assert report["rows"] == 2 * ROWS


def test_records_of_one_arm_are_refused_with_the_way_out(
    capsys: pytest.CaptureFixture[str], centroids: Path, encoder: str, tmp_path: Path
) -> None:
    logs = tmp_path / "logs.jsonl"
    logs.write_text('{"text": "why?", "reasoning": {"correct": 1, "tokens": 9}}\n')
    code, out, err = tune(
        capsys,
        *("--encoder", encoder, "--centroids", str(centroids)),
        *("--records", str(logs), "--out", str(tmp_path / "out")),
    )

    assert (code, out) == (2, "")
    assert "only the arm `reasoning` was observed" in err
    assert "small random share of traffic" in err
    assert "Traceback" not in err
