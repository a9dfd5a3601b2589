from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.testclient import TestClient

from semrouter_extproc.admin.app import admin_app
from semrouter_extproc.admin.guard import Guard
from semrouter_extproc.admin.inside import Inside
from semrouter_extproc.assembly import Edition
from semrouter_extproc.config import Address, parse
from semrouter_extproc.core.apis import Api
from semrouter_extproc.explaining import Explanation, explain
from support import tiny
from support.artefacts import artefact
from support.stack import chat_body

TOKEN = "a-secret-of-the-operator"  # noqa: S105 - of this test alone
LOOPBACK = Address("127.0.0.1", 9190)
EVERYWHERE = Address("0.0.0.0", 9190)  # noqa: S104 - nothing listens
CONFIDENTIAL = "Our clients are never told about the merger."


def edition() -> Edition:
    page = {
        "models": {
            "thinker": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8001"]},
            "talker": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8002"]},
        },
        "default": {"model": "talker"},
        "routes": {
            "math": {"reasoning": "on", "model": "thinker"},
            "law": {"reasoning": "off", "system_prompt": {"prepend": CONFIDENTIAL}},
        },
        "clients": {"reasoning_header": True},
        "server": {"max_body": 2000},
        "classifier": {"centroids": "unused"},
    }
    known = artefact(tiny.centroids())
    config = parse(page, source="page")
    return Edition(config, known, config.rules(known.centroids.labels))


def inside(registry: CollectorRegistry | None = None) -> Inside:
    """Return a router that serves."""
    known = edition()

    async def explained(body: bytes, api: Api, header: str | None) -> Explanation:
        return await explain(known, tiny.submit, body, api, header=header)

    return Inside(registry or CollectorRegistry(), lambda: known, explained, is_ready=True)


def client(
    shown: Inside | None = None, address: Address = LOOPBACK, token: str | None = None
) -> TestClient:
    return TestClient(admin_app(shown or inside(), Guard(address, token)))


def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("apples", "Apples.", registry=registry).inc(3)

    answer = client(inside(registry)).get("/metrics")

    assert "apples_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_a_scraper_may_ask_for_openmetrics() -> None:
    answer = client().get("/metrics", headers={"accept": "application/openmetrics-text"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")


def test_readiness_follows_the_router_and_liveness_does_not() -> None:
    shown = inside()
    asking = client(shown)
    found = []
    for shown.is_ready in (False, True, False):
        found.append(asking.get("/readyz").status_code)
        assert asking.get("/healthz").status_code == 200
    assert found == [503, 200, 503]


def test_the_configuration_is_shown_whole_with_its_defaults() -> None:
    page = client().get("/config").json()

    assert page["default"] == {"model": "talker", "reasoning": "off"}
    assert page["encoder"]["model"] == "all-MiniLM-L6-v2"


def test_the_words_of_system_prompts_are_not_shown() -> None:
    answer = client().get("/config")

    assert answer.json()["routes"]["law"]["system_prompt"]["prepend"] == "<44 characters>"
    assert "merger" not in answer.text


def test_a_decision_is_explained() -> None:
    answer = client().post("/v1/route", content=chat_body(tiny.MATH)).json()

    assert answer["decision"]["model"] == "thinker"
    assert answer["decision"]["reasoning"] == "on"
    assert answer["text"] == tiny.MATH
    assert answer["rung"] == "encoder"
    assert [score["category"] for score in answer["scores"]] == ["math", "law"]
    assert answer["lead"] > answer["min_margin"] == 0.1
    assert answer["likeness"]["nearest"][0] == {"id": "row/1", "category": "math", "likeness": 1}
    assert '"model":"thinker"' in answer["body"].replace(" ", "")


def test_another_api_and_the_header_of_a_client_count_as_they_do_in_traffic() -> None:
    body = {"model": "auto", "input": tiny.MATH}

    answer = client().post(
        "/v1/route", params={"path": "/v1/responses"}, json=body, headers={"x-reasoning": "off"}
    )

    assert answer.json()["decision"]["reason"] == "client_override"
    assert answer.json()["decision"]["reasoning"] == "off"


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ({"content": b"{"}, 400, "JSON"),
        ({"content": chat_body("x" * 3000)}, 413, "server.max_body"),
        ({"content": chat_body("x"), "params": {"path": "/v2"}}, 400, "/v1/chat/completions"),
    ],
)
def test_what_cannot_be_explained_says_why(sent: Any, status: int, message: str) -> None:
    answer = client().post("/v1/route", **sent)

    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_before_the_encoder_is_there_nothing_is_explained() -> None:
    shown = inside()
    shown.explain = None

    assert client(shown).post("/v1/route", content=chat_body("x")).status_code == 503


GUARDED = [("GET", "/config"), ("POST", "/v1/route")]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_without_a_token_a_port_open_to_others_shows_nothing(method: str, path: str) -> None:
    answer = client(address=EVERYWHERE).request(method, path, content=chat_body(tiny.MATH))

    assert answer.status_code == 403
    assert "server.admin_token_env" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("address", [LOOPBACK, EVERYWHERE])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        (TOKEN, 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer \xfc", 401),
        (f"Bearer {TOKEN}", 200),
    ],
)
def test_with_a_token_only_those_pass_who_send_it(
    method: str, path: str, address: Address, header: str | None, status: int
) -> None:
    headers = {} if header is None else {b"authorization": header.encode("latin-1")}

    answer = client(address=address, token=TOKEN).request(
        method, path, content=chat_body(tiny.MATH), headers=headers
    )

    assert answer.status_code == status
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/openapi.json"])
def test_scrapers_and_probes_need_no_token(path: str) -> None:
    assert client(address=EVERYWHERE, token=TOKEN).get(path).status_code == 200


def test_every_route_is_in_the_openapi_document_and_answers_by_its_schema() -> None:
    asking = client()
    document = asking.get("/openapi.json").json()
    app: Any = asking.app

    assert set(document["paths"]) == {route.path for route in app.routes}
    described = document["components"]["schemas"]["Explanation"]["properties"]
    answer = asking.post("/v1/route", content=chat_body(tiny.MATH)).json()
    assert set(described) == set(answer)
