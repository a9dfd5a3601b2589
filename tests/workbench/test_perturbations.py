import re
from collections.abc import Iterator

import numpy as np
import pytest

from semrouter_extproc.workbench.perturbations import (
    JUDGED,
    TAUGHT,
    Perturbation,
    misspelt,
    recased,
)
from semrouter_extproc.workbench.wrappings import (
    JUDGED_PREFIXES,
    JUDGED_SUFFIXES,
    TAUGHT_PREFIXES,
    TAUGHT_SUFFIXES,
)
from support.prompts import PROMPTS

TEXTS = [text for texts in PROMPTS.values() for text in texts]
BY_NAME = {each.name: each for each in JUDGED}


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def threes(pool: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for phrase in pool:
        words = re.findall(r"\w+", phrase.lower())
        yield from zip(words, words[1:], words[2:], strict=False)
        yield tuple(words)


def distance(one: str, other: str) -> int:
    """Count edits, where two neighbours that change places are one."""
    cost = np.zeros((len(one) + 1, len(other) + 1), int)
    cost[:, 0], cost[0] = range(len(one) + 1), range(len(other) + 1)
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            ways = [cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + (a != b)]
            if one[i - 2 : i] == other[j - 2 : j][::-1] and min(i, j) > 1:
                ways.append(cost[i - 2, j - 2] + 1)
            cost[i, j] = min(ways)
    return int(cost[-1, -1])


@pytest.mark.parametrize("perturbation", JUDGED, ids=lambda each: each.name)
def test_a_text_is_disturbed_the_same_way_whatever_came_before(perturbation: Perturbation) -> None:
    forwards = [perturbation.disturb(text) for text in TEXTS]
    backwards = [perturbation.disturb(text) for text in reversed(TEXTS)]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize("perturbation", JUDGED, ids=lambda each: each.name)
def test_another_seed_disturbs_otherwise(perturbation: Perturbation) -> None:
    assert any(perturbation.disturb(text) != perturbation.disturb(text, seed=1) for text in TEXTS)


@pytest.mark.parametrize("perturbation", JUDGED, ids=lambda each: each.name)
@pytest.mark.parametrize("text", ["", " ", "7", "a", "\ud800", "ÅÄÖ ß 漢字漢字"])
def test_odd_texts_are_disturbed_too(perturbation: Perturbation, text: str) -> None:
    assert isinstance(perturbation.disturb(text), str)


def test_both_pools_go_by_the_same_names() -> None:
    names = ["prefix", "suffix", "typos 2 %", "typos 10 %", "casing"]
    assert [each.name for each in TAUGHT] == [each.name for each in JUDGED] == names


def test_no_three_words_in_a_row_are_both_taught_and_judged() -> None:
    taught = {*threes(TAUGHT_PREFIXES), *threes(TAUGHT_SUFFIXES)}
    assert taught.isdisjoint([*threes(JUDGED_PREFIXES), *threes(JUDGED_SUFFIXES)])


@pytest.mark.parametrize("text", TEXTS[:8])
def test_a_prefix_leaves_the_prompt_whole(text: str) -> None:
    disturbed = BY_NAME["prefix"].disturb(text)
    assert disturbed.endswith(text)
    assert disturbed.removesuffix(text).strip() in JUDGED_PREFIXES


@pytest.mark.parametrize("text", TEXTS[:8])
def test_a_suffix_leaves_the_prompt_whole(text: str) -> None:
    disturbed = BY_NAME["suffix"].disturb(text)
    assert disturbed.startswith(text)
    assert disturbed.removeprefix(text).strip() in JUDGED_SUFFIXES


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_so_many_words_get_a_typo(share: float) -> None:
    apply = misspelt(share)
    rng = random()
    pairs = [(text.split(), apply(text, rng).split()) for text in TEXTS * 30]
    changed = [a != b for text, other in pairs for a, b in zip(text, other, strict=True)]
    assert np.mean(changed) == pytest.approx(share, rel=0.1)


def test_a_typo_is_one_slip_of_the_fingers() -> None:
    apply = misspelt(1)
    words = ["simmer", "lentils", "don't", "Åland", "aaa", "well-kept"]
    distances = {distance(word, apply(word, random(seed))) for word in words for seed in range(40)}
    assert distances == {1}


def test_every_kind_of_slip_happens() -> None:
    apply = misspelt(1)
    slips = {apply("cat", random(seed)) for seed in range(200)}
    assert {"act", "cta", "at", "ct", "ccat", "caat", "xat", "vat", "cst"} == slips


def test_a_key_that_was_missed_keeps_its_case() -> None:
    apply = misspelt(1)
    assert {apply("QQQ", random(seed)).isupper() for seed in range(40)} == {True}


@pytest.mark.parametrize(
    "text",
    [
        "1.5 2024 x^2 + 3y = 7",
        "snake_case camelCase a.dotted.name f(x) \\frac{1}{2} path/to/file user@example.com",
        "`return value`",
        "```python\nfor item in items:\n    print(item)\n```",
        "```never closed at all",
        "is it so",
    ],
)
def test_numbers_code_and_short_words_are_left_alone(text: str) -> None:
    assert misspelt(1)(text, random()) == text


def test_words_in_punctuation_get_typos_and_keep_it() -> None:
    disturbed = misspelt(1)('("quoted"), [listed]; done!', random())
    assert re.fullmatch(r'\("\w+"\), \[\w+\]; \w+!', disturbed)
    assert not set(re.findall(r"\w+", disturbed)) & {"quoted", "listed", "done"}


def test_each_casing_happens_and_only_letters_change_case() -> None:
    seen = {recased("Why don't cats swim?", random(seed)) for seed in range(40)}
    assert seen == {
        "why don't cats swim?",
        "WHY DON'T CATS SWIM?",
        "Why Don't Cats Swim?",
    }


def test_a_casing_that_changes_something_is_taken() -> None:
    assert {recased("a", random(seed)) for seed in range(10)} == {"A"}
