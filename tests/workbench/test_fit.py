import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.artefact import load, require_likeness, save
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.static import classify_static
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.evaluation.leakage import seen_before
from semrouter_extproc.workbench.examples import Example, ExampleFile
from semrouter_extproc.workbench.fit import Fit, fit, fit_files, is_held_out
from semrouter_extproc.workbench.provenance import Background
from support.encoders import HashEncoder
from support.learnable import random_prompts
from support.prompts import PROMPTS


def many_rows() -> tuple[ExampleFile, ...]:
    """Few texts, many times over: a hash encoder knows the ones it has seen."""
    plain = {"math": ("prove the theorem", "solve it"), "law": ("sue them", "read the contract")}
    examples = tuple(
        Example(f"{name}/{number}", texts[number % 2], name)
        for name, texts in plain.items()
        for number in range(200)
    )
    return (ExampleFile("prompts.jsonl", "0" * 64, examples),)


class Lines:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.details: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def detail(self, text: str) -> None:
        self.details.append(text)


def rows(*, categories: int = 4, per_category: int = 12) -> tuple[ExampleFile, ...]:
    examples = tuple(
        Example(f"{name}/{number}", text, name)
        for name in list(PROMPTS)[:categories]
        for number, text in enumerate(PROMPTS[name][:per_category])
    )
    return (ExampleFile("prompts.jsonl", "0" * 64, examples),)


def placed(texts: Sequence[str], encoder: AnyEncoder, centroids: Centroids) -> list[Classification]:
    """Classify texts as the router does."""
    return [
        classify(vector, buckets_of(text), centroids)
        for vector, text in zip(encode_texts(encoder, texts), texts, strict=True)
    ]


@cache
def encoder() -> TorchEncoder:
    return TorchEncoder(device="cpu", precision="float32")


@cache
def fitted() -> Fit:
    return fit(rows(per_category=10), encoder())


@pytest.mark.parametrize("category", PROMPTS)
def test_ten_prompts_per_category_are_enough_to_place_new_ones(category: str) -> None:
    found = placed(PROMPTS[category][10:], encoder(), fitted().artefact.centroids)
    assert [answer.category for answer in found] == [category] * 2


def test_rows_left_out_in_turn_are_placed_too() -> None:
    assert fitted().artefact.meta.provenance.cross_validation.accuracy > 0.8


def test_all_of_a_few_rows_are_landmarks() -> None:
    centroids = fitted().artefact.centroids
    assert np.bincount(centroids.owners).tolist() == [10] * 4
    vectors = encode_texts(encoder(), [row.text for row in rows(per_category=10)[0].examples])
    assert np.allclose(centroids.model.landmarks, vectors, atol=1e-5)


def test_the_direction_that_no_row_takes_is_less_familiar_than_all_rows_are() -> None:
    centroids = fitted().artefact.centroids
    texts = [row.text for row in rows(per_category=10)[0].examples]
    own = [answer.familiarity or 0.0 for answer in placed(texts, encoder(), centroids)]
    _, _, directions = np.linalg.svd(centroids.model.landmarks)
    away = classify(directions[-1], buckets_of(""), centroids)
    assert away.familiarity is not None
    assert away.familiarity < min(own)


def test_a_category_is_scored_on_all_its_rows() -> None:
    scores = fitted().cross_validation.categories
    assert [(score.category, score.rows) for score in scores] == [(name, 10) for name in PROMPTS]


def test_landmarks_are_named_by_examples_of_their_category() -> None:
    meta, centroids = fitted().artefact.meta, fitted().artefact.centroids
    owned_by = [centroids.labels[owner] for owner in centroids.owners]
    assert [name.partition("/")[0] for name in meta.landmarks] == owned_by


def test_fitting_twice_gives_the_same_artefact() -> None:
    first, again = fitted().artefact, fit(rows(per_category=10), encoder()).artefact
    assert again.meta == first.meta
    assert np.array_equal(again.centroids.model.weights, first.centroids.model.weights)
    assert np.array_equal(
        again.centroids.model.ngrams.weights, first.centroids.model.ngrams.weights
    )
    assert np.array_equal(again.centroids.scope, first.centroids.scope)


def test_the_encoder_is_named_in_the_artefact() -> None:
    meta = fitted().artefact.meta
    assert (meta.encoder, meta.dimensions) == (encoder().fingerprint, encoder().dimensions)


def test_the_encoder_of_the_fit_goes_with_the_artefact() -> None:
    require_likeness(fitted().artefact, encode_texts(encoder(), PROBES), encoder().fingerprint)


def test_the_artefact_knows_a_text_that_it_was_learned_from_and_no_other() -> None:
    texts = [PROMPTS["travel"][0], PROMPTS["travel"][10]]
    assert seen_before(fitted().artefact.seen, texts).tolist() == [True, False]


def test_few_rows_have_no_static_tier() -> None:
    assert fitted().artefact.static is None
    assert fitted().artefact.meta.static is None


def test_many_rows_have_a_static_tier_that_imitates_the_encoder() -> None:
    done = fit(many_rows(), HashEncoder(), held_out=True)
    known = done.artefact.meta.static
    assert known is not None
    assert known.held_out is not None
    assert done.artefact.static is not None
    assert known.cross_validation.encoder_accuracy == known.cross_validation.accuracy == 1
    assert classify_static(buckets_of("prove the theorem"), done.artefact.static).category == "math"


def test_unseparable_prompts_are_not_claimed_with_confidence() -> None:
    done = fit(rows(), HashEncoder())
    texts = [f"new {number}" for number in range(50)]
    found = placed(texts, HashEncoder(), done.artefact.centroids)
    assert np.mean([answer.confidence for answer in found]) < 0.5


def test_held_out_rows_are_judged_and_then_learned_from() -> None:
    held_out = sum(is_held_out(example.id) for example in rows()[0].examples)
    provenance = fit(rows(), HashEncoder(), held_out=True).artefact.meta.provenance
    assert provenance.held_out is not None
    assert provenance.held_out.rows == held_out
    assert provenance.cross_validation.rows == 48 - held_out
    assert sum(provenance.categories.values()) == 48
    assert provenance.refitted


def test_held_out_rows_are_judged_by_what_was_learned_without_them() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(["heads", "tails"], 200)
    tossed = tuple(
        Example(f"row/{number}", text, str(label))
        for number, (text, label) in enumerate(zip(random_prompts(rng, 200), labels, strict=True))
    )
    done = fit((ExampleFile("", "", tossed),), HashEncoder(), held_out=True)
    held_out = done.artefact.meta.provenance.held_out
    assert held_out is not None
    assert held_out.accuracy < 0.75


def test_held_out_rows_take_no_part_in_choosing() -> None:
    (file,) = rows()
    scrambled = tuple(
        Example(row.id, f"{row.text}?!", row.category) if is_held_out(row.id) else row
        for row in file.examples
    )
    changed = fit((ExampleFile("", "", scrambled),), HashEncoder(), held_out=True)
    before = fit((file,), HashEncoder(), held_out=True)
    assert changed.choice.settings == before.choice.settings
    assert changed.artefact.meta.temperature == before.artefact.meta.temperature
    assert np.array_equal(changed.choice.scope, before.choice.scope)
    assert np.array_equal(changed.choice.probabilities, before.choice.probabilities)


def test_a_fifth_of_many_ids_is_held_out() -> None:
    share = np.mean([is_held_out(f"row/{number}") for number in range(5000)])
    assert abs(share - 0.2) < 0.02


def test_one_category_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 categories, at least 2 are needed"):
        fit(rows(categories=1), HashEncoder())


def test_no_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 categories, at least 2 are needed"):
        fit(rows(categories=0), HashEncoder())


def test_every_category_with_too_few_rows_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        fit(rows(categories=2, per_category=4), HashEncoder())
    assert caught.value.faults == (
        "category 'cooking' has 4 rows to learn from, at least 5 are needed",
        "category 'gardening' has 4 rows to learn from, at least 5 are needed",
    )


def test_every_wait_is_visible() -> None:
    progress = Lines()
    fit(rows(), HashEncoder(), held_out=True, progress=progress)
    words = [step.split()[0] for step in progress.steps]
    assert words == ["Encoding", "Encoding", "Choosing", "Judging", "Learning", "Learning"]
    assert "48 of 48" in progress.details


def test_files_become_a_folder_that_loads_and_knows_its_sources(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    lines = [
        json.dumps({"id": row.id, "text": row.text, "category": row.category})
        for row in rows()[0].examples
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    report = fit_files(
        [path],
        tmp_path / "out",
        HashEncoder(),
        background=Background(origin="our own", licence="Apache-2.0", precision="exact"),
    )
    provenance = load(tmp_path / "out").meta.provenance
    (source,) = provenance.sources
    assert (source.file, source.rows) == ("prompts.jsonl", 48)
    assert source.sha256 == sha256(path.read_bytes()).hexdigest()
    assert provenance.command == (
        "semrouter fit --examples prompts.jsonl --encoder hash "
        "--origin 'our own' --licence Apache-2.0"
    )
    assert (report.rows, report.held_out) == (48, None)
    assert len(report.cross_validation.categories) == 4
    assert report.landmarks == 48


def test_what_was_fitted_decides_the_same_once_it_is_loaded(tmp_path: Path) -> None:
    save(tmp_path, fitted().artefact)
    texts = [text for prompts in PROMPTS.values() for text in prompts]
    before = placed(texts, encoder(), fitted().artefact.centroids)
    after = placed(texts, encoder(), load(tmp_path).centroids)
    assert [answer.category for answer in after] == [answer.category for answer in before]
    gaps = [
        np.abs(one.probabilities - other.probabilities).max()
        for one, other in zip(before, after, strict=True)
    ]
    assert max(gaps) < 0.01
