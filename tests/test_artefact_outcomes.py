import json
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.artefact.outcomes import (
    OUTCOMES,
    OUTCOMES_TENSORS,
    load_outcomes,
    points_of,
    save_outcomes,
)
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.errors import ArtefactError
from semrouter_extproc.workbench.evaluation.leakage import seen_before
from semrouter_extproc.workbench.outcomes_fit import Learned, learn_outcomes
from semrouter_extproc.workbench.tune import tuned_by
from support.paired import features, paired


def saved(folder: Path, *, gain: float) -> Learned:
    records = paired(200, gain=gain)
    learned = learn_outcomes(records, features(records))
    save_outcomes(folder, tuned_by(learned, records, "kind@sha256:0"))
    return learned


def loaded(folder: Path) -> Outcomes:
    found = load_outcomes(folder)
    assert found is not None
    return found.outcomes


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written, read = saved(tmp_path, gain=0.5).outcomes, loaded(tmp_path)

    assert written.model is not None
    assert read.model is not None
    assert read.arms == written.arms
    assert (read.model.weights == written.model.weights).all()
    assert (read.model.landmarks == written.model.landmarks).all()
    assert read.frontier.prices == pytest.approx(written.frontier.prices, abs=1e-8)
    assert points_of(read.frontier) == points_of(written.frontier)


def test_lots_need_no_arrays_and_leave_none(tmp_path: Path) -> None:
    saved(tmp_path, gain=0.5)
    with_arrays = (tmp_path / OUTCOMES_TENSORS).stat().st_size
    saved(tmp_path, gain=0.0)

    assert (tmp_path / OUTCOMES_TENSORS).stat().st_size < with_arrays / 10
    assert loaded(tmp_path).model is None


def test_a_folder_without_outcomes_has_none(tmp_path: Path) -> None:
    assert load_outcomes(tmp_path) is None


def test_the_texts_that_were_learned_from_are_known_again(tmp_path: Path) -> None:
    saved(tmp_path, gain=0.0)
    found = load_outcomes(tmp_path)
    assert found is not None
    texts = [*paired(200, gain=0.0).texts, "a prompt that nobody learned from"]
    assert seen_before(found.seen, texts).tolist() == [True] * 200 + [False]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (OUTCOMES, b"{}"),
        (OUTCOMES, b"\xff"),
        (OUTCOMES_TENSORS, b"nonsense"),
        (OUTCOMES_TENSORS, None),
    ],
)
def test_a_damaged_folder_says_what_to_do(name: str, content: bytes | None, tmp_path: Path) -> None:
    saved(tmp_path, gain=0.5)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=r"run `semrouter tune` again"):
        load_outcomes(tmp_path)


def test_a_frontier_without_a_price_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, gain=0.0)
    document = json.loads((tmp_path / OUTCOMES).read_bytes())
    document["frontier"] = []
    (tmp_path / OUTCOMES).write_text(json.dumps(document))
    with pytest.raises(ArtefactError, match="do not fit together"):
        load_outcomes(tmp_path)


def test_rounding_for_review_changes_no_decision(tmp_path: Path) -> None:
    records = paired(200, gain=0.5)
    written, read = saved(tmp_path, gain=0.5), loaded(tmp_path)
    pairs = zip(written.outcomes.frontier.prices, read.frontier.prices, strict=True)
    arms = [(written.left_out.worth(exact), written.left_out.worth(kept)) for exact, kept in pairs]
    # At a price that is a row's own, the last digit may decide that row.
    assert np.mean([(one != other).mean() for one, other in arms]) <= 1 / len(records.ids)
