import numpy as np
import pytest

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from semrouter_extproc.core.static import StaticModel, classify_static
from semrouter_extproc.errors import ArtefactError
from support.tiny import silent_ngrams


def model(
    said: dict[str, int], *, rarity: dict[str, float] | None = None, temperature: float = 1.0
) -> StaticModel:
    """Let every n-gram of each text speak for a category: 0 is law, 1 is math."""
    weights = np.zeros((BUCKETS, 2), np.float32)
    for text, category in said.items():
        weights[buckets_of(text), category] = 1
    counts = np.ones(BUCKETS, np.float32)
    for text, rare in (rarity or {}).items():
        counts[buckets_of(text)] = rare
    return StaticModel(("law", "math"), NgramModel(counts, weights), temperature, bar=0.9)


def classified(text: str, judge: StaticModel) -> Classification:
    return classify_static(buckets_of(text), judge)


def test_n_grams_speak_for_their_category() -> None:
    found = classified("please prove it now", model({"prove it": 1, "sue them": 0}))
    assert (found.category, found.index) == ("math", 1)
    assert found.confidence == found.probabilities.max() > 0.8


def test_of_words_alone_it_is_not_known_what_they_are_near_to_or_how_familiar() -> None:
    found = classified("prove it", model({"prove it": 1}))
    assert (found.nearest, found.familiarity) == (None, None)


def test_unknown_n_grams_around_known_ones_take_confidence_away() -> None:
    judge = model({"prove it": 1})
    alone = classified("prove it", judge).confidence
    among = classified("prove it, or bake a cake with plenty of butter", judge).confidence
    assert 0.5 < among < alone


def test_saying_it_again_adds_no_confidence() -> None:
    judge = model({"prove it": 1, "sue them": 0})
    once = classified("prove it prove it prove it", judge)
    often = classified(" ".join(["prove it"] * 50), judge)
    assert often.confidence == once.confidence


@pytest.mark.parametrize("text", ["", "?", "  "])
def test_a_text_without_n_grams_could_be_anything(text: str) -> None:
    assert classified(text, model({"prove it": 1})).probabilities.tolist() == [0.5, 0.5]


def test_a_lower_temperature_is_surer() -> None:
    said = {"prove it": 1}
    cold = classified("prove it", model(said, temperature=0.5))
    warm = classified("prove it", model(said, temperature=2.0))
    assert cold.confidence > warm.confidence


def test_rarity_says_which_n_grams_count() -> None:
    said = {"prove it": 1, "sue them": 0}
    text = "prove it and sue them"
    assert classified(text, model(said, rarity={"sue them": 5})).category == "law"
    both = {"sue them": 5.0, "prove it": 25.0}
    assert classified(text, model(said, rarity=both)).category == "math"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ("law", "math", "art")}, r"weights are shaped \[32768, 2\], .* 3 categories"),
        ({"temperature": 0.0}, "temperature is 0.0, it must be from 0.001 to 1000"),
        ({"bar": 0.0}, "bar is 0.0, it must be above 0"),
        ({"bar": 1.01}, "bar is 1.01"),
        ({"bar": float("nan")}, "bar is nan"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], message: str) -> None:
    members = {
        "labels": ("law", "math"),
        "ngrams": silent_ngrams(2),
        "temperature": 1.0,
        "bar": 0.9,
    }
    with pytest.raises(ArtefactError, match=f"the static tier cannot be used: {message}"):
        StaticModel(**(members | changed))  # type: ignore[arg-type]
