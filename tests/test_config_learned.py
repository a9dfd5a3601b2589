from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semrouter_extproc.config import Config, parse
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.errors import ConfigError
from support import tiny
from support.outcomes import outcomes

LABELS = ("law", "math")


def page(learned: dict[str, Any] | None, **routes: Any) -> Config:
    models = {
        name: {"dialect": "qwen3", "endpoints": [f"127.0.0.1:{port}"]}
        for name, port in (("big", 8000), ("small", 8001))
    }
    document = {
        "models": models,
        "default": {"model": "big"},
        "routes": {"math": {"reasoning": "learned"}, **routes},
        "learned": learned,
    }
    return parse(document, source="page.yaml")


def rules(learned: dict[str, Any], **routes: Any) -> Rules:
    return page(learned, **routes).rules(LABELS, outcomes=outcomes())


def faults(learned: dict[str, Any] | None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        page(learned)
    return list(caught.value.faults)


def route_of(text: str, compiled: Rules) -> tuple[str, Reasoning]:
    """Return model and level for a prompt that is taken for math or law."""
    vector, buckets = np.array(tiny.VECTORS[text], np.float32), buckets_of(text)
    choice = compiled.policy.choose(classify(vector, buckets, tiny.centroids()))
    learned = compiled.learned
    assert isinstance(learned, Learned)
    route = learned.settled(choice, vector, text, buckets).route
    return route.model, route.reasoning


@pytest.mark.parametrize(
    ("learned", "level"),
    [
        ({"token_share": 0.55}, Reasoning.ON),
        ({"token_share": 0.1}, Reasoning.OFF),
        ({"reasoning_share": 1}, Reasoning.ON),
        ({"reasoning_share": 0}, Reasoning.OFF),
        ({"tokens_per_point": 10}, Reasoning.ON),
        ({"tokens_per_point": 1}, Reasoning.OFF),
        ({"floor_points": 0}, Reasoning.ON),
        ({"floor_points": 50}, Reasoning.OFF),
    ],
)
def test_one_number_in_any_unit_decides_when_a_prompt_reasons(
    learned: dict[str, Any], level: Reasoning
) -> None:
    assert route_of(tiny.MATH, rules(learned)) == ("big", level)


def test_other_routes_stay_as_they_are_written() -> None:
    compiled = rules({"reasoning_share": 0}, law={"reasoning": "high"})
    assert route_of(tiny.LAW, compiled) == ("big", Reasoning.HIGH)


def test_an_arm_may_be_another_model() -> None:
    arms = {
        "direct": {"model": "small", "reasoning": "off"},
        "reasoning": {"reasoning": "low"},
    }
    assert route_of(tiny.MATH, rules({"token_share": 1, "arms": arms})) == ("big", Reasoning.LOW)
    assert route_of(tiny.MATH, rules({"token_share": 0, "arms": arms})) == ("small", Reasoning.OFF)


def test_a_learned_route_without_a_number_is_named() -> None:
    assert faults(None) == ["routes.math.reasoning: `learned` needs a section `learned`"]


@pytest.mark.parametrize("learned", [{}, {"token_share": 0.5, "floor_points": 1}])
def test_exactly_one_number_is_asked_for(learned: dict[str, Any]) -> None:
    fault, *_ = faults(learned)
    assert fault.startswith("learned: give exactly one of token_share, reasoning_share")


def test_an_unknown_model_of_an_arm_is_named() -> None:
    arms = {"direct": {"model": "smal", "reasoning": "off"}, "reasoning": {"reasoning": "on"}}
    (fault,) = faults({"token_share": 0.5, "arms": arms})
    assert fault.startswith("learned.arms.direct.model: unknown model 'smal'")


def test_an_artefact_without_records_is_refused() -> None:
    with pytest.raises(ConfigError, match="semrouter tune"):
        page({"token_share": 0.5}).rules(LABELS)


def test_an_arm_that_nobody_explained_is_named() -> None:
    known = replace(outcomes(), arms=("small", "large"))
    with pytest.raises(ConfigError, match=r"learned\.arms: say what 'small' is here"):
        page({"token_share": 0.5}).rules(LABELS, outcomes=known)
