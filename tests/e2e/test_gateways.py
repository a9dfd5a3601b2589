"""What the examples for Istio and Envoy Gateway configure, in a real Envoy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from support import gateways
from support.gateway_site import LARGE, SMALL, Site, running_site
from support.gateways import Message
from support.manifests import manifest
from support.ports import free_port
from support.stack import LAW, MATH, Stack, chat_body
from support.stub_router import stub_router

BY_NAME: dict[str, Callable[[Message], Message]] = {
    "istio": lambda listener: gateways.istio("istio", listener),
    "envoy-gateway": gateways.envoy_gateway,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def listener_of(name: str) -> Message:
    routes = gateways.routes_of(manifest(name, "HTTPRoute"))
    return BY_NAME[name](gateways.plain_listener(Address("127.0.0.1", free_port()), routes))


def clusters_of(site: Site) -> list[Message]:
    return [gateways.cluster(model, address) for model, address in site.addresses.items()]


@pytest.fixture(scope="module", params=sorted(BY_NAME))
def running(
    request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    listener = listener_of(request.param)
    gateways.ext_proc_of(listener)
    with site.behind(listener, clusters_of(site), tmp_path_factory.mktemp("gateway")) as stack:
        yield stack


@pytest.fixture
def gateway(running: Stack) -> Stack:
    return running.forget()


@pytest.fixture(params=sorted(BY_NAME))
def routerless(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Stack]:
    listener = listener_of(request.param)
    gateways.ext_proc_of(listener)
    nobody = Address("127.0.0.1", free_port())
    with site.behind(listener, clusters_of(site), tmp_path, router=nobody) as stack:
        yield stack.forget()


@pytest.fixture(params=sorted(BY_NAME))
def closed(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Stack]:
    listener = listener_of(request.param)
    gateways.ext_proc_of(listener)["failure_mode_allow"] = False
    nobody = Address("127.0.0.1", free_port())
    with site.behind(listener, clusters_of(site), tmp_path, router=nobody) as stack:
        yield stack.forget()


def test_route_body_and_headers_follow_the_decision(gateway: Stack) -> None:
    answer = gateway.chat(MATH)

    arrived = gateway.thinker.only()
    assert answer.headers["x-route"] == LARGE
    assert arrived.json["model"] == LARGE
    assert arrived.json["chat_template_kwargs"] == {"enable_thinking": True}
    assert arrived.headers["x-semrouter-model"] == LARGE
    assert arrived.headers["x-semrouter-category"] == "math"
    assert arrived.headers["content-length"] == str(len(arrived.body))


def test_the_rest_goes_to_the_default_route(gateway: Stack) -> None:
    answer = gateway.chat(LAW)

    arrived = gateway.talker.only()
    assert answer.headers["x-route"] == SMALL
    assert arrived.json["model"] == SMALL
    assert arrived.json["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize("mebibytes", [2, 15])
def test_a_large_body_is_rewritten(gateway: Stack, mebibytes: int) -> None:
    padding = "x" * (mebibytes * 1024 * 1024)

    answer = gateway.chat(MATH, user=padding)

    assert answer.headers["x-route"] == LARGE
    assert gateway.thinker.only().json["user"] == padding


def test_an_answer_streams_through(gateway: Stack) -> None:
    answer = gateway.chat(LAW, stream=True)

    assert answer.body.count(b"\n\n") == 51
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_what_is_no_generation_passes_untouched(gateway: Stack) -> None:
    gateway.request(b"x" * 100_000, path="/v1/embeddings")

    assert gateway.talker.only().body == b"x" * 100_000


def test_the_router_lists_the_models(gateway: Stack) -> None:
    answer = gateway.request(b"", method="GET", path="/v1/models")

    assert {LARGE, SMALL, "auto"} <= {model["id"] for model in answer.json["data"]}
    assert gateway.talker.arrived == []


def test_without_a_router_the_default_model_gets_the_request_as_it_is(routerless: Stack) -> None:
    answer = routerless.request(chat_body(MATH), headers={"x-semrouter-model": LARGE})

    assert answer.headers["x-route"] == SMALL
    assert routerless.talker.only().body == chat_body(MATH)


def test_failing_closed_answers_503(closed: Stack) -> None:
    answer = closed.chat(MATH)

    assert answer.status == 503
    assert closed.talker.arrived == closed.thinker.arrived == []


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_router_hears_no_credentials_and_sets_no_headers_but_its_own(
    name: str, site: Site, tmp_path: Path
) -> None:
    listener = listener_of(name)
    gateways.ext_proc_of(listener)
    with stub_router() as stub:
        asked = Address("127.0.0.1", stub.port)
        with site.behind(listener, clusters_of(site), tmp_path, router=asked) as stack:
            body = b'{"model": "qwen3-32b"}'
            answer = stack.forget().request(body, headers={"authorization": "Bearer secret"})

    arrived = stack.thinker.only()
    assert answer.headers["x-route"] == LARGE
    assert stub.heard[0].keys() <= {":method", ":path", "content-type", "x-request-id"}
    assert arrived.headers["authorization"] == "Bearer secret"
    assert arrived.headers["x-semrouter-reason"] == "routed"
    assert "x-other" not in arrived.headers
