import pytest
from prometheus_client import CollectorRegistry

from semrouter_extproc.observe.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"semrouter_{name}", labels)


def test_the_examples_shares_are_those_of_the_newest_artefact(metrics: Metrics) -> None:
    metrics.drift.learned_from({"law": 1, "cooking": 1})
    metrics.drift.learned_from({"law": 30, "math": 10})

    assert value(metrics, "learned_share", category="law") == 0.75
    assert value(metrics, "learned_share", category="math") == 0.25
    assert value(metrics, "learned_share", category="cooking") is None


def test_before_an_artefact_is_there_no_share_is_known(metrics: Metrics) -> None:
    assert value(metrics, "learned_share", category="law") is None


def test_prompts_are_counted_by_how_few_examples_are_less_familiar(metrics: Metrics) -> None:
    for rank in (0.001, 0.05, 1.0, 1.0):
        metrics.drift.encoded(rank)

    assert value(metrics, "familiarity_rank_bucket", le="0.05") == 2
    assert value(metrics, "familiarity_rank_bucket", le="0.2") == 2
    assert value(metrics, "familiarity_rank_count") == 4


def test_prompts_are_counted_by_the_lead_of_their_route(metrics: Metrics) -> None:
    for lead in (0.04, 0.6):
        metrics.drift.judged(lead)

    assert value(metrics, "lead_ratio_bucket", le="0.05") == 1
    assert value(metrics, "lead_ratio_bucket", le="0.7") == 2
