"""An artefact of our own, judged from end to end with an encoder that knows two kinds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.artefact import save
from semrouter_extproc.artefact.outcomes import save_outcomes
from semrouter_extproc.errors import ArtefactError, ConfigError
from semrouter_extproc.workbench.evaluation.evaluate import Asked, evaluate, write
from semrouter_extproc.workbench.evaluation.results import Report
from semrouter_extproc.workbench.examples import Example, ExampleFile
from semrouter_extproc.workbench.fit import fit
from semrouter_extproc.workbench.outcomes_fit import learn_outcomes
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.records import Records
from semrouter_extproc.workbench.tune import tuned_by
from support.paired import GREETING, PUZZLE, KindEncoder, features, paired
from support.reports import report


def labelled(numbers: Sequence[int]) -> list[Example]:
    return [
        Example(f"{kind}/{number}", f"{kind} of number {number:05}", kind)
        for number in numbers
        for kind in (PUZZLE, GREETING)
    ]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an artefact fitted on the first numbers of each kind."""
    folder = tmp_path_factory.mktemp("fitted")
    file = ExampleFile("kinds.jsonl", "0" * 64, tuple(labelled(range(20))))
    save(folder, fit([file], KindEncoder()).artefact)
    return folder


def lines(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def examples_file(path: Path, numbers: Sequence[int]) -> Path:
    return lines(path, [asdict(row) for row in labelled(numbers)])


def records_file(path: Path, records: Records) -> Path:
    def outcome(row: int, arm: int) -> dict[str, float]:
        return {"score": records.scores[row, arm], "tokens": records.tokens[row, arm]}

    rows: list[dict[str, object]] = [
        {
            "id": records.ids[row],
            "text": records.texts[row],
            "category": records.categories[row],
            "direct": outcome(row, 0),
            "reasoning": outcome(row, 1),
        }
        for row in range(len(records.ids))
    ]
    return lines(path, rows)


def others(*, gain: float) -> Records:
    """Return records of prompts that `paired` does not have."""
    fresh = paired(200, gain=gain, seed=9)
    return replace(fresh, texts=tuple(f"{text}, and one more" for text in fresh.texts))


def tuned(artefact: Path, records: Records) -> None:
    learned = learn_outcomes(records, features(records))
    save_outcomes(artefact, tuned_by(learned, records, KindEncoder.fingerprint))


@pytest.fixture
def copy(artefact: Path, tmp_path: Path) -> Path:
    """Return a copy of the artefact that a test may tune."""
    folder = tmp_path / "tuned"
    folder.mkdir()
    for file in artefact.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def judged(artefact: Path, **asked: object) -> Report:
    return evaluate(str(artefact), Asked(**asked), KindEncoder(), Silent())  # type: ignore[arg-type]


def test_unseen_prompts_are_placed_and_scored(artefact: Path, tmp_path: Path) -> None:
    found = judged(artefact, examples=[examples_file(tmp_path / "new.jsonl", range(100, 130))])

    assert found.classification is not None
    assert (found.classification.rows, found.classification.accuracy) == (60, 1)
    assert (found.policy, found.notes) == (None, ())


def test_prompts_that_were_all_learned_from_are_refused(artefact: Path, tmp_path: Path) -> None:
    renamed = examples_file(tmp_path / "renamed.jsonl", range(10))
    with pytest.raises(ConfigError, match=r"fitted on all of these 20 rows \(puzzle/0, .*seen-too"):
        judged(artefact, examples=[renamed])


def test_prompts_that_were_learned_from_are_left_out_and_counted(
    artefact: Path, tmp_path: Path
) -> None:
    mixed = examples_file(tmp_path / "mixed.jsonl", range(15, 25))
    found = judged(artefact, examples=[mixed])

    assert found.classification is not None
    assert found.classification.rows == 10
    assert found.notes == (
        "10 of the 20 labelled prompts were learned from by this artefact, and are left out.",
    )


def test_told_to_it_judges_by_them_and_says_so(artefact: Path, tmp_path: Path) -> None:
    seen = examples_file(tmp_path / "seen.jsonl", range(10))
    found = judged(artefact, examples=[seen], seen_too=True)

    assert found.classification is not None
    assert found.classification.rows == 20
    assert "Figures about categories flatter it" in found.notes[0]


def test_a_category_that_the_artefact_does_not_know_is_named(
    artefact: Path, tmp_path: Path
) -> None:
    strange = lines(tmp_path / "strange.jsonl", [{"text": "boo", "category": "ghost"}])
    with pytest.raises(ConfigError, match="category 'ghost' is not one of the artefact's"):
        judged(artefact, examples=[strange])


def test_records_alone_suffice(artefact: Path, tmp_path: Path) -> None:
    path = records_file(tmp_path / "records.jsonl", paired(300, gain=0.45))
    policy = judged(artefact, records=[path], token_share=0.55).policy

    assert policy is not None
    assert "each prompt judged by what the other 4 of 5 folds teach" in policy.predictions
    assert policy.router.gain_ci95[0] > 0
    assert policy.areas.router is not None
    assert policy.areas.router.share > 0.2


def test_records_in_which_nothing_can_be_gained_are_said_to_be_such(
    artefact: Path, tmp_path: Path
) -> None:
    path = records_file(tmp_path / "records.jsonl", paired(300, gain=0.0))
    found = judged(artefact, records=[path])

    assert any("nothing to gain by telling prompts apart" in note for note in found.notes)


def test_what_was_tuned_elsewhere_is_judged_as_it_is(copy: Path, tmp_path: Path) -> None:
    tuned(copy, paired(300, gain=0.45))
    found = judged(copy, records=[records_file(tmp_path / "others.jsonl", others(gain=0.45))])

    assert found.policy is not None
    assert "on prompts that it has not seen" in found.policy.predictions
    assert found.policy.router.gain_ci95[0] > 0


def test_the_records_that_taught_the_artefact_are_left_out_where_others_are_enough(
    copy: Path, tmp_path: Path
) -> None:
    known = paired(300, gain=0.45)
    tuned(copy, known)
    seen = known.where(np.arange(300) < 50)
    paths = [
        records_file(tmp_path / "seen.jsonl", seen),
        records_file(tmp_path / "others.jsonl", relabelled(others(gain=0.45))),
    ]
    found = judged(copy, records=paths)

    assert found.policy is not None
    assert found.policy.rows == 200
    assert "50 of the 250 records taught this artefact" in found.notes[0]
    assert "on prompts that it has not seen" in found.policy.predictions


def relabelled(records: Records) -> Records:
    """Give records ids of their own."""
    return replace(records, ids=tuple(f"other/{each}" for each in records.ids))


def test_what_was_tuned_on_the_records_is_learned_again_without_each(
    copy: Path, tmp_path: Path
) -> None:
    records = paired(300, gain=0.45)
    tuned(copy, records)
    path = records_file(tmp_path / "records.jsonl", records)
    found = judged(copy, records=[path])
    flattered = judged(copy, records=[path], seen_too=True)

    assert found.policy is not None
    assert "other 4 of 5 folds" in found.policy.predictions
    assert "300 of the 300 records taught this artefact" in found.notes[0]
    assert "Figures about policies flatter it" in flattered.notes[0]


def test_arms_that_are_drawn_by_lot_are_judged_by_their_mean(copy: Path, tmp_path: Path) -> None:
    tuned(copy, paired(300, gain=0.0))
    found = judged(copy, records=[records_file(tmp_path / "others.jsonl", others(gain=0.3))])

    assert found.policy is not None
    assert "draws arms by lot" in found.policy.predictions
    assert found.policy.router.gain == pytest.approx(0, abs=1e-9)
    assert found.policy.router.mcnemar is None


def test_too_few_records_are_refused(artefact: Path, tmp_path: Path) -> None:
    path = records_file(tmp_path / "few.jsonl", paired(6, gain=0.1))
    with pytest.raises(ConfigError, match="--records: 6 rows, at least 20 are needed"):
        judged(artefact, records=[path])


def test_another_encoder_is_refused(artefact: Path) -> None:
    class Other(KindEncoder):
        fingerprint = "other@sha256:0000000000000000"

    with pytest.raises(ArtefactError, match="the configured encoder is other@"):
        evaluate(str(artefact), Asked(), Other(), Silent())


def test_the_report_and_its_page_lie_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "down", report(), "<!DOCTYPE html>")
    document = json.loads((tmp_path / "deep/down/report.json").read_bytes())

    assert np.isfinite(document["policy"]["router"]["accuracy"])
    assert (tmp_path / "deep/down/report.html").read_text() == "<!DOCTYPE html>"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match=r"file: cannot be written"):
        write(tmp_path / "file", report(), "")
