"""An artefact held against labelled prompts and paired records, and what is said about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from semrouter_extproc.artefact import Artefact, load, require_encoder, resolve
from semrouter_extproc.artefact.outcomes import Tuned, load_outcomes
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ArtefactError, ConfigError
from semrouter_extproc.workbench.evaluation import paper
from semrouter_extproc.workbench.evaluation.baselines import NEIGHBOURS, by_neighbours
from semrouter_extproc.workbench.evaluation.classification import report_classification
from semrouter_extproc.workbench.evaluation.leakage import refuse_if_all_seen, seen_before
from semrouter_extproc.workbench.evaluation.policy_report import Contenders, report_policies
from semrouter_extproc.workbench.evaluation.predicting import (
    Foretold,
    foretold_by,
    foretold_by_other_folds,
)
from semrouter_extproc.workbench.evaluation.results import (
    ClassificationReport,
    PolicyReport,
    Report,
)
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.features import Features, features_of
from semrouter_extproc.workbench.fit import classified
from semrouter_extproc.workbench.outcomes_fit import FOLDS, folds_of
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.records import Records, read_records

FEWEST_RECORDS: Final = 4 * FOLDS
USUAL_TOKEN_SHARE: Final = round(paper.TOKEN_SHARE, 3)
"""What the paper's router spends."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to judge by, and how. `seen_too` judges by rows that it learned from, too."""

    examples: Sequence[Path] = ()
    records: Sequence[Path] = ()
    token_share: float = USUAL_TOKEN_SHARE
    seen_too: bool = False


def evaluate(centroids: str, asked: Asked, encoder: AnyEncoder, progress: Progress) -> Report:
    """Judge the artefact `centroids`, a folder or a built-in one.

    Raises ConfigError for files that cannot be used, or that hold nothing but rows which the
    artefact was fitted on, and ArtefactError for one that is damaged or of another encoder.
    """
    folder = resolve(centroids)
    artefact = load(folder)
    require_encoder(artefact, encoder.fingerprint, encoder.dimensions)
    judge = _Judge(folder, artefact, asked, encoder, progress)
    classification = judge.classification() if asked.examples else None
    policy = judge.policy() if asked.records else None
    return Report(
        centroids=centroids,
        encoder=encoder.fingerprint,
        notes=tuple(judge.notes),
        classification=classification,
        policy=policy,
    )


class _Judge:
    """One evaluation; `notes` gathers what its readers must know."""

    def __init__(
        self,
        folder: Path,
        artefact: Artefact,
        asked: Asked,
        encoder: AnyEncoder,
        progress: Progress,
    ) -> None:
        self._folder = folder
        self._artefact = artefact
        self._asked = asked
        self._encoder = encoder
        self._progress = progress
        self.notes: list[str] = []

    def classification(self) -> ClassificationReport:
        given = [row for file in read_examples(self._asked.examples) for row in file.examples]
        labels = self._artefact.centroids.labels
        _require_known(given, labels)
        examples = self._judged_by(given)
        features = self._features([row.text for row in examples])
        probabilities = classified(features, self._artefact.centroids)
        return report_classification(examples, probabilities, labels, paper.SWITCH)

    def policy(self) -> PolicyReport:
        given = _enough(read_records(self._asked.records))
        taught = self._taught(given)
        records = given if taught is None else self._unseen(given, taught)
        features = self._features(records.texts)
        self._progress.step(f"Judging policies on {len(records.ids):,} records")
        folds = folds_of(records.texts)
        foretold = self._foretold(records, features, taught)
        if foretold.warning:
            self.notes.append(foretold.warning)
        placed, placed_by = self._placed(records, features)
        contenders = Contenders(
            router=foretold.expected,
            nearest=by_neighbours(features.vectors, records.scores, records.tokens, folds),
            neighbours=NEIGHBOURS,
            folds=folds,
            placed=placed,
            table=paper.SWITCH,
            predictions=foretold.source,
            hand_set_by=placed_by,
        )
        return report_policies(records, contenders, self._asked.token_share)

    def _judged_by(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Leave out what the artefact was fitted on, unless it is asked for."""
        seen = seen_before(self._artefact.seen, (row.text for row in examples))
        learned_from = (
            f"{seen.sum():,} of the {len(seen):,} labelled prompts were learned from by this "
            "artefact"
        )
        if self._asked.seen_too:
            if seen.any():
                self.notes.append(f"{learned_from}. Figures about categories flatter it.")
            return examples
        refuse_if_all_seen("--examples", [row.id for row in examples], seen)
        if seen.any():
            self.notes.append(f"{learned_from}, and are left out.")
        return [row for row, known in zip(examples, seen, strict=True) if not known]

    def _features(self, texts: Sequence[str]) -> Features:
        self._progress.step(f"Encoding {len(texts):,} prompts")
        return features_of(texts, self._encoder, self._progress)

    def _taught(self, records: Records) -> Tuned | None:
        """Return what the artefact learned from other records, None if it is about other arms."""
        found = load_outcomes(self._folder)
        return found if found and found.outcomes.arms == records.arms else None

    def _unseen(self, records: Records, taught: Tuned) -> Records:
        """Leave out the records that taught the artefact, where enough others are there."""
        seen = seen_before(taught.seen, records.texts)
        unseen = records.where(~seen)
        if self._asked.seen_too or not seen.any() or len(unseen.ids) < FEWEST_RECORDS:
            return records
        self.notes.append(
            f"{seen.sum():,} of the {len(seen):,} records taught this artefact when to reason, and "
            "are left out."
        )
        return unseen

    def _foretold(self, records: Records, features: Features, taught: Tuned | None) -> Foretold:
        """Ask the artefact, or other folds if it has seen the records or is about others."""
        if taught is None:
            return foretold_by_other_folds(records, features)
        seen = int(seen_before(taught.seen, records.texts).sum())
        if not seen:
            return foretold_by(taught.outcomes, records, features)
        if not self._asked.seen_too:
            self.notes.append(
                f"{seen:,} of the {len(records.ids):,} records taught this artefact when to "
                "reason. So it is not asked: the router is learned again, from other folds."
            )
            return foretold_by_other_folds(records, features)
        self.notes.append(
            f"{seen:,} of the {len(records.ids):,} records taught this artefact when to reason, "
            "and it is judged on them all the same. Figures about policies flatter it."
        )
        return foretold_by(taught.outcomes, records, features)

    def _placed(self, records: Records, features: Features) -> tuple[Sequence[str], str]:
        """Return each record's category for the hand-set table, and where it is from."""
        reasoned = ", ".join(sorted(filter(paper.SWITCH.get, paper.SWITCH)))
        table = f"the paper's, which reasons in {reasoned}"
        if paper.SWITCH.keys() >= set(records.categories):
            return records.categories, f"{table}; by the true category of each prompt"
        seen = int(seen_before(self._artefact.seen, records.texts).sum())
        if seen:
            self.notes.append(
                f"The artefact learned its categories from {seen:,} of the {len(records.ids):,} "
                "records' prompts, so the hand-set table finds them better than it would."
            )
        found = classified(features, self._artefact.centroids).argmax(axis=1)
        labels = self._artefact.centroids.labels
        return [labels[index] for index in found], f"{table}; by the category found"


def _require_known(examples: Sequence[Example], labels: Sequence[str]) -> None:
    strangers = sorted({row.category for row in examples} - set(labels))
    if strangers:
        raise ConfigError(
            "--examples",
            [f"category {name!r} is not one of the artefact's" for name in strangers],
        )


def _enough(records: Records) -> Records:
    if len(records.ids) < FEWEST_RECORDS:
        fault = f"{len(records.ids)} rows, at least {FEWEST_RECORDS} are needed"
        raise ConfigError("--records", [fault])
    return records


def write(folder: Path, report: Report, page: str) -> None:
    """Write the report as `report.json` and `report.html`, creating the folder.

    Raises ArtefactError.
    """
    document = msgspec.json.format(msgspec.json.encode(report), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_bytes(document + b"\n")
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from error
