from prometheus_client import CollectorRegistry, Counter
from starlette.testclient import TestClient

from semrouter_extproc.admin.app import admin_app


def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("apples", "Apples.", registry=registry).inc(3)

    answer = TestClient(admin_app(registry, lambda: True)).get("/metrics")

    assert "apples_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_a_scraper_may_ask_for_openmetrics() -> None:
    client = TestClient(admin_app(CollectorRegistry(), lambda: True))

    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")


def test_readiness_follows_the_router_and_liveness_does_not() -> None:
    ready = [False, True, False]
    client = TestClient(admin_app(CollectorRegistry(), lambda: ready.pop(0)))

    assert [client.get("/readyz").status_code for _ in range(3)] == [503, 200, 503]
    assert client.get("/healthz").status_code == 200
