from prometheus_client import CollectorRegistry

from semrouter_extproc.observe.metrics import Metrics, Stage
from semrouter_extproc.observe.reports import BatchReport


def test_a_batch_shows_its_size_its_padding_and_its_waits() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    metrics.encoded(
        BatchReport(size=3, padding=1.5, waited=[0.1, 0.2, 0.3], seconds=0.05, is_full=False)
    )

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"semrouter_{name}", labels)

    assert value("batch_size_sum") == 3
    assert value("batch_padding_ratio_sum") == 1.5
    assert value("stage_seconds_count", stage="queue") == 3
    assert value("stage_seconds_sum", stage="encode") == 0.05


def test_a_stage_is_timed() -> None:
    registry = CollectorRegistry()

    with Metrics(registry).time(Stage.PARSE):
        pass

    assert registry.get_sample_value("semrouter_stage_seconds_count", {"stage": "parse"}) == 1


def test_the_depth_of_the_queue_is_read_at_every_scrape() -> None:
    registry = CollectorRegistry()
    depths = [3.0, 5.0]
    Metrics(registry).watch_queue(lambda: depths.pop(0))

    assert registry.get_sample_value("semrouter_queue_depth") == 3
    assert registry.get_sample_value("semrouter_queue_depth") == 5
