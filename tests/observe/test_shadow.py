from prometheus_client import CollectorRegistry

from semrouter_extproc.core.policy import Choice, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.observe.metrics import Metrics

MATH = Choice(Route("qwen3", Reasoning.ON), Reason.ROUTED, "math", 0.8, 0.6)
LAW = Choice(Route("qwen3", Reasoning.OFF), Reason.ROUTED, "law", 0.7, 0.4)
LATE = Choice(Route("qwen3", Reasoning.OFF), Reason.DEADLINE)


def counted(*pairs: tuple[Choice, Choice | None]) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for choice, shadow in pairs:
        metrics.shadow.compare(choice, shadow)
    return registry


def test_prompts_are_counted_by_what_the_shadow_says() -> None:
    registry = counted((MATH, MATH), (MATH, LAW), (LAW, MATH), (LAW, None))

    outcomes = ("agreed", "disagreed", "unknown")
    samples = [
        registry.get_sample_value("semrouter_shadow_prompts_total", {"outcome": outcome})
        for outcome in outcomes
    ]
    assert samples == [1, 2, 1]


def test_a_disagreement_is_counted_by_both_categories_and_ways() -> None:
    registry = counted((MATH, LAW), (MATH, LAW), (LATE, MATH))

    def value(**labels: str) -> float | None:
        return registry.get_sample_value("semrouter_shadow_disagreements_total", labels)

    assert (
        value(category="math", shadow_category="law", way="qwen3 on", shadow_way="qwen3 off") == 2
    )
    assert value(category="", shadow_category="math", way="qwen3 off", shadow_way="qwen3 on") == 1


def test_another_category_that_goes_the_same_way_is_agreement() -> None:
    physics = Choice(MATH.route, Reason.ROUTED, "physics", 0.5, 0.6)

    registry = counted((MATH, physics))

    assert registry.get_sample_value("semrouter_shadow_prompts_total", {"outcome": "agreed"}) == 1
