import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from semrouter_extproc.artefact import load, save
from semrouter_extproc.artefact.outcomes import load_outcomes
from semrouter_extproc.errors import ArtefactError, ConfigError
from semrouter_extproc.workbench.examples import Example, ExampleFile
from semrouter_extproc.workbench.fit import fit
from semrouter_extproc.workbench.tune import TuneReport, tune_files
from support.paired import GREETING, PUZZLE, KindEncoder, paired


@pytest.fixture(scope="module")
def centroids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("centroids")
    examples = tuple(
        Example(f"{kind}/{number}", f"{kind} of number {number}", kind)
        for kind in (PUZZLE, GREETING)
        for number in range(10)
    )
    save(folder, fit([ExampleFile("kinds.jsonl", "0" * 64, examples)], KindEncoder()).artefact)
    return folder


def records_file(path: Path, *, rows: int = 300, gain: float = 0.4) -> Path:
    records = paired(rows, gain=gain)
    lines = (
        {
            "id": records.ids[row],
            "text": records.texts[row],
            "category": records.categories[row],
            **{
                arm: {"correct": int(records.scores[row, at]), "tokens": records.tokens[row, at]}
                for at, arm in enumerate(records.arms)
            },
        }
        for row in range(rows)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def tuned(
    centroids: Path, out: Path, *, gain: float = 0.4, shares: Sequence[float] = (0.5,)
) -> TuneReport:
    records = records_file(out.parent / "records.jsonl", gain=gain)
    return tune_files(str(centroids), [records], out, KindEncoder(), token_shares=shares)


def test_the_copy_has_the_categories_and_the_policy(centroids: Path, tmp_path: Path) -> None:
    report = tuned(centroids, tmp_path / "out")
    found = load_outcomes(tmp_path / "out")

    assert load(tmp_path / "out").meta == load(centroids).meta
    assert load_outcomes(centroids) is None
    assert found is not None
    assert found.outcomes.arms == ("direct", "reasoning")
    assert report.gain.low > 0
    assert not report.by_lot
    assert report.rows == report.given == 300


def test_the_report_says_which_categories_reason(centroids: Path, tmp_path: Path) -> None:
    (point,) = tuned(centroids, tmp_path / "out").points
    greeting, puzzle = point.changes

    assert (greeting.category, puzzle.category) == (GREETING, PUZZLE)
    assert greeting.before is None
    assert puzzle.after > 0.8
    assert greeting.after < 0.2
    assert point.spent == pytest.approx(0.5, abs=0.02)
    assert point.score > point.matched


def test_a_policy_is_compared_with_the_one_before(centroids: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    tuned(centroids, first, gain=0.4)
    (point,) = tuned(first, second, gain=0.0).points

    greeting, puzzle = point.changes
    assert puzzle.before is not None
    assert puzzle.before > 0.8
    # Nothing is gained any more, so that lots treat all alike.
    assert puzzle.after == greeting.after == pytest.approx(0.47, abs=0.03)


def test_an_artefact_can_be_tuned_in_its_place(centroids: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    tuned(centroids, folder)
    (point,) = tuned(folder, folder).points
    assert [change.before is None for change in point.changes] == [False, False]


def test_too_few_records_are_refused(centroids: Path, tmp_path: Path) -> None:
    few = records_file(tmp_path / "few.jsonl", rows=19)
    with pytest.raises(ConfigError, match="19 rows, at least 20"):
        tune_files(str(centroids), [few], tmp_path / "out", KindEncoder())


def test_an_artefact_of_another_encoder_is_refused(centroids: Path, tmp_path: Path) -> None:
    class Other(KindEncoder):
        fingerprint = "other@sha256:0000000000000000"

    with pytest.raises(ArtefactError, match="fitted with encoder kind"):
        tune_files(str(centroids), [], tmp_path / "out", Other())
