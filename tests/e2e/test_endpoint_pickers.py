"""The router before an endpoint picker, as in the example for the Inference Extension."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semrouter_extproc.config import Address
from support import gateways
from support.client import Answer
from support.endpoint_picker import DESTINATION, EndpointPicker, endpoint_picker
from support.gateway_site import LARGE, SMALL, Site, running_site
from support.gateways import Message
from support.http2 import post_with_trailers
from support.picker_chain import Chain, clusters_with, listener_with_a_picker
from support.ports import free_port
from support.stack import FULL_DUPLEX, LAW, MATH, chat_body

MODEL_HEADER = "x-gateway-model-name"

# Around the sizes at which gRPC, HTTP/2, Envoy and the router cut bodies.
SIZES = [
    *(100, 1_000, 16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537),
    *(131_072, 400_000, 800_000),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), model_header=MODEL_HEADER) as running:
        yield running


@pytest.fixture(scope="module")
def shared_picker(site: Site) -> Iterator[EndpointPicker]:
    endpoints = {name: str(each) for name, each in site.addresses.items()}
    with endpoint_picker(endpoints | {"auto": endpoints[SMALL]}) as picker:
        yield picker


MODES = {"buffered": {}, "full duplex": FULL_DUPLEX}


def in_mode(listener: Message, changes: dict[str, Any]) -> Message:
    ext_proc = gateways.ext_proc_of(listener)
    ext_proc["processing_mode"] |= changes.get("processing_mode", {})
    ext_proc["failure_mode_allow"] = changes.get("failure_mode_allow", True)
    return listener


@pytest.fixture(scope="module", params=MODES)
def running(
    request: pytest.FixtureRequest,
    site: Site,
    shared_picker: EndpointPicker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Chain]:
    listener = in_mode(listener_with_a_picker(), MODES[request.param])
    folder = tmp_path_factory.mktemp("chain")
    with site.behind(listener, clusters_with(shared_picker), folder) as stack:
        yield Chain(stack, shared_picker)


@pytest.fixture
def chain(running: Chain) -> Iterator[Chain]:
    yield running.forget()
    running.picker.broken = False


def body_of(size: int, prompt: str) -> bytes:
    room = size - len(chat_body(prompt, user=""))
    return chat_body(prompt, user="x" * room)


def all_got_what_the_router_wrote(chain: Chain, body: bytes) -> bool:
    written = chain.written_by_the_router(body)
    asked, arrived = chain.picker.only(), chain.stack.talker.only()
    lengths = {each.get("content-length") for each in (asked.headers, arrived.headers)}
    return asked.body == written == arrived.body and lengths <= {None, str(len(written))}


@pytest.mark.parametrize("size", SIZES)
def test_picker_and_model_get_the_bytes_that_the_router_wrote(chain: Chain, size: int) -> None:
    body = body_of(size, "Hi")

    answer = chain.stack.request(body)

    assert (answer.status, len(body)) == (200, size)
    assert all_got_what_the_router_wrote(chain, body)


@pytest.mark.parametrize("size", [1_000, 65_537, 800_000])
def test_so_they_do_of_a_chunked_body(chain: Chain, size: int) -> None:
    body = body_of(size, "Hi")

    answer = chain.stack.request(body, chunked=True)

    assert answer.status == 200
    assert all_got_what_the_router_wrote(chain, body)


@pytest.mark.parametrize("running", ["buffered"], indirect=True)
def test_buffered_the_picker_is_told_the_new_length(chain: Chain) -> None:
    chain.stack.chat(MATH)

    asked = chain.picker.only()
    assert asked.headers["content-length"] == str(len(asked.body))


def test_route_pool_picker_and_endpoint_follow_the_decision(chain: Chain) -> None:
    answer = chain.stack.chat(MATH)

    asked = chain.picker.only()
    assert answer.headers["x-route"] == LARGE
    assert asked.pool == LARGE
    assert asked.headers[MODEL_HEADER] == LARGE
    assert json.loads(asked.body)["model"] == LARGE
    assert chain.stack.thinker.only().headers[DESTINATION] == chain.picker.endpoints[LARGE]
    assert answer.json == {"served_by": LARGE}


def test_the_rest_goes_to_the_default_pool(chain: Chain) -> None:
    answer = chain.stack.chat(LAW)

    assert answer.headers["x-route"] == chain.picker.only().pool == SMALL
    assert answer.json == {"served_by": SMALL}


def test_a_model_in_the_clients_header_selects_nothing(chain: Chain) -> None:
    chain.stack.request(chat_body(LAW), headers={MODEL_HEADER: LARGE})

    assert chain.picker.only().headers[MODEL_HEADER] == SMALL
    assert chain.stack.talker.only().headers[MODEL_HEADER] == SMALL


def test_an_answer_streams_through_both(chain: Chain) -> None:
    answer = chain.stack.chat(LAW, stream=True)

    assert answer.body.count(b"\n\n") == 51
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_a_picker_without_an_endpoint_answers_for_itself(chain: Chain) -> None:
    answer = chain.stack.request(chat_body(MATH).replace(b'"auto"', b'"nobody"'))

    assert answer.status == 503
    assert answer.json == {"error": "no endpoint"}
    assert chain.stack.talker.arrived == chain.stack.thinker.arrived == []


def test_a_picker_that_fails_is_an_error_at_once(chain: Chain) -> None:
    chain.picker.broken = True
    began = time.monotonic()

    answer = chain.stack.chat(MATH)

    assert answer.status == 500
    assert time.monotonic() - began < 20
    assert chain.stack.talker.arrived == chain.stack.thinker.arrived == []


@pytest.mark.parametrize("mode", MODES)
def test_a_picker_that_died_is_an_error_at_once(mode: str, site: Site, tmp_path: Path) -> None:
    listener = in_mode(listener_with_a_picker(), MODES[mode])
    with endpoint_picker({}) as picker:
        clusters = clusters_with(picker)
    with site.behind(listener, clusters, tmp_path) as stack:
        began = time.monotonic()

        answer = stack.forget().chat(MATH)

    assert answer.status == 500
    assert time.monotonic() - began < 20
    assert stack.talker.arrived == stack.thinker.arrived == []


@pytest.mark.parametrize("running", ["buffered"], indirect=True)
def test_trailers_after_a_buffered_body_reach_the_picker(chain: Chain) -> None:
    reply = post_with_trailers(chain.stack.address, "/v1/chat/completions", chat_body(LAW))

    arrived = chain.stack.talker.only()
    assert reply.status == 200
    assert arrived.json["model"] == SMALL
    assert arrived.body == chain.picker.only().body


def without_a_router(mode: str, site: Site, picker: EndpointPicker, folder: Path) -> Answer:
    listener = in_mode(listener_with_a_picker(), MODES[mode])
    nobody = Address("127.0.0.1", free_port())
    with site.behind(listener, clusters_with(picker), folder, router=nobody) as stack:
        return stack.forget().request(chat_body(MATH), headers={MODEL_HEADER: LARGE})


def test_buffered_without_a_router_the_default_pool_gets_the_request_as_it_is(
    site: Site, shared_picker: EndpointPicker, tmp_path: Path
) -> None:
    answer = without_a_router("buffered", site, shared_picker, tmp_path)

    assert answer.headers["x-route"] == SMALL
    assert site.small.only().body == chat_body(MATH)


def test_in_full_duplex_without_a_router_the_request_fails(
    site: Site, shared_picker: EndpointPicker, tmp_path: Path
) -> None:
    answer = without_a_router("full duplex", site, shared_picker, tmp_path)

    assert answer.status == 503
    assert site.small.arrived == site.large.arrived == []


@pytest.mark.parametrize("mode", MODES)
def test_where_the_gateway_strips_nothing_the_router_does(
    mode: str, site: Site, shared_picker: EndpointPicker, tmp_path: Path
) -> None:
    listener = in_mode(listener_with_a_picker(), MODES[mode])
    del gateways.manager_of(listener)["early_header_mutation_extensions"]
    with site.behind(listener, clusters_with(shared_picker), tmp_path) as stack:
        answer = stack.forget().request(
            chat_body("Hi"), path="/v1/embeddings", headers={MODEL_HEADER: LARGE}
        )

    assert answer.headers["x-route"] == SMALL
    assert MODEL_HEADER not in site.small.only().headers
