import pytest

from semrouter_extproc.artefact import load, resolve
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.static import classify_static


def test_the_built_in_artefact_has_the_14_categories_and_says_where_they_came_from() -> None:
    built_in = load(resolve("mmlu-pro"))
    assert len(built_in.centroids.labels) == 14
    provenance = built_in.meta.provenance
    assert "MMLU-Pro" in provenance.origin
    assert provenance.licence
    assert provenance.refitted
    assert provenance.held_out is not None
    assert provenance.held_out.accuracy > 0.83


def test_the_built_in_static_tier_was_judged_hardly_worse_than_the_encoder() -> None:
    known = load(resolve("mmlu-pro")).meta.static
    assert known is not None
    assert known.held_out is not None
    assert known.held_out.differ < 0.015
    assert known.held_out.accuracy > known.held_out.encoder_accuracy - 0.005


def test_the_built_in_static_tier_answers_what_is_plain() -> None:
    static = load(resolve("mmlu-pro")).static
    assert static is not None
    text = (
        "A ball is thrown upward with an initial velocity of 20 m/s. Find its acceleration and "
        "the kinetic energy at its maximum height, given its mass."
    )
    plain = classify_static(buckets_of(text), static)
    assert (plain.category, plain.confidence > static.bar) == ("physics", True)


@pytest.mark.parametrize("text", ["Why?", "Tell me more about it, please.", "Écris un poème."])
def test_the_built_in_static_tier_leaves_what_says_little_to_the_encoder(text: str) -> None:
    static = load(resolve("mmlu-pro")).static
    assert static is not None
    assert classify_static(buckets_of(text), static).confidence < static.bar


def test_the_built_in_artefact_holds_no_prompts() -> None:
    landmarks = load(resolve("mmlu-pro")).meta.landmarks
    assert all(name.startswith("mmlu-pro/") and " " not in name for name in landmarks)
