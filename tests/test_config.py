from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semrouter_extproc.config import Address, Config, load, parse
from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.policy import Reason
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import ConfigError

SHIPPED = Path(__file__).parent.parent / "config/semrouter.yaml"


def page(**sections: Any) -> dict[str, Any]:
    return {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
        "default": {"model": "qwen3"},
        **sections,
    }


def faults(document: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(document, source="page.yaml")
    return list(caught.value.faults)


def test_the_shipped_page_spells_out_every_default() -> None:
    shipped = load(SHIPPED)

    assert shipped == parse(page(), source="only what is required")


def test_the_shipped_page_names_every_key() -> None:
    text = SHIPPED.read_text()

    for section in (Config, *(field.annotation for field in Config.model_fields.values())):
        for key in getattr(section, "model_fields", {}):
            assert f"{key}:" in text


def test_the_shipped_routes_are_those_of_the_paper() -> None:
    routes = load(SHIPPED).routes

    assert {name for name, route in routes.items() if route.reasoning is Reasoning.ON} == {
        *("biology", "chemistry", "computer science", "engineering", "math", "physics"),
    }
    assert {name for name, route in routes.items() if route.reasoning is Reasoning.OFF} == {
        *("business", "economics", "health", "history", "law", "other"),
        *("philosophy", "psychology"),
    }


def test_a_configuration_survives_being_written_and_read() -> None:
    shipped = load(SHIPPED)

    assert parse(shipped.model_dump(mode="json"), source="written") == shipped


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (page(rotues={}), "rotues: unknown key, did you mean routes?"),
        (page(server={"deadlin": "1s"}), "server.deadlin: unknown key, did you mean deadline?"),
        (page(zebra=1), "zebra: unknown key"),
        (page(encoder={"aliases": 1}), "encoder.aliases: unknown key"),
        (page(prompt={"max_char": 1}), "prompt.max_char: unknown key, did you mean max_chars?"),
        (
            page(routes={"math": {"reasoning": "on", "modle": "qwen3"}}),
            "routes.math.modle: unknown key, did you mean model?",
        ),
        (
            page(default={"model": "llama"}),
            "default.model: unknown model 'llama'; known are qwen3",
        ),
        (
            page(routes={"math": {"reasoning": "on", "model": "llama"}}),
            "routes.math.model: unknown model 'llama'; known are qwen3",
        ),
        (
            page(models={"qwen3": {"dialect": "qwen", "endpoints": ["h:1"]}}),
            (
                "models.qwen3.dialect: unknown dialect 'qwen', did you mean qwen3? "
                "`semrouter dialects` lists all"
            ),
        ),
        (page(aliases=["qwen3"]), "aliases.0: 'qwen3' is also the name of a model"),
        (
            page(server={"grpc": "127.0.0.1:8080"}),
            "envoy.listen: port 8080 is already that of server.grpc",
        ),
        (
            page(
                models={"q": {"dialect": "qwen3", "endpoints": ["localhost:8080"]}},
                default={"model": "q"},
            ),
            "models.q.endpoints.0: localhost:8080 is that of envoy.listen",
        ),
        (page(server={"max_body": "0"}), "server.max_body: Input should be greater than 0"),
        (
            page(server={"max_body": "2GiB"}),
            "server.max_body: Input should be less than or equal to 1073741824",
        ),
        (
            page(encoder={"backend": "onnx", "device": "cuda:1"}),
            "encoder: backend onnx runs on the CPU; for a GPU, backend: torch",
        ),
        (
            page(encoder={"backend": "openvino"}),
            "encoder.backend: Input should be 'auto', 'onnx' or 'torch'",
        ),
        (
            page(encoder={"max_batch_chars": 2500}),
            "encoder.max_batch_chars: unknown key, did you mean max_batch_tokens?",
        ),
        (
            page(encoder={"remote": {"url": "vllm:8000/v1"}}),
            (
                "encoder.remote.url: must be http(s)://HOST:PORT/v1, without user and query; "
                "a key is taken from the variable that api_key_env names"
            ),
        ),
        (page(encoder={"remote": {}}), "encoder.remote.url: Field required"),
        (
            page(classifier={"out_of_scope": -0.01}),
            "classifier.out_of_scope: Input should be greater than or equal to 0",
        ),
        (
            page(classifier={"out_of_scope": 0.21}),
            "classifier.out_of_scope: Input should be less than or equal to 0.2",
        ),
        (page(recorder={"share": 0}), "recorder.share: Input should be greater than 0"),
        (page(recorder={"redact": "all"}), "recorder.redact: Input should be 'text' or 'none'"),
        (
            page(encoder={"remote": {"url": "http://vllm", "api_key": "x"}}),
            "encoder.remote.api_key: unknown key, did you mean api_key_env?",
        ),
        (
            page(version=2),
            (
                "version: this router reads pages of version 1; docs/versions.md of the release "
                "that reads both says what changed"
            ),
        ),
        (
            page(server={"model_header": "X-Semrouter-Model"}),
            "server.model_header: this header has a meaning already; take another name",
        ),
        (
            page(server={"model_header": "content-length"}),
            "server.model_header: String should match pattern '^[Xx]-[A-Za-z0-9-]+$'",
        ),
        (
            page(log={"redact": "mine:redact"}),
            "log: `redact` is for the prompts in the log; with it, `prompts: true`",
        ),
        (
            page(envoy={"message_timeout": "250ms"}),
            "envoy.message_timeout: must exceed server.deadline (250ms), or Envoy gives up first",
        ),
    ],
)
def test_a_fault_is_named_with_its_path(document: object, fault: str) -> None:
    assert faults(document) == [fault]


@pytest.mark.parametrize(
    "address",
    [
        "8080",
        "host",
        "host:0",
        "host:70000",
        "host:x",
        8080,
        ":1",
        "h:1?x=1",
        "h:1#x",
        " h:1",
        "a b:1",
    ],
)
def test_an_address_needs_a_host_and_a_port(address: object) -> None:
    (fault,) = faults(page(server={"admin": address}))

    assert fault.startswith("server.admin: write it as host:port")


@pytest.mark.parametrize("duration", ["5", 5, "s", "5 minutes", "-1s", "1.2.3s", "5d"])
def test_a_duration_needs_its_unit(duration: object) -> None:
    (fault,) = faults(page(server={"deadline": duration}))

    assert fault.startswith("server.deadline: write a duration with its unit")


def test_a_duration_of_nothing_is_a_fault() -> None:
    (fault,) = faults(page(server={"deadline": "0ms"}))

    assert fault.startswith("server.deadline: ")


def test_sections_that_disagree_are_named_beside_faults_inside_a_section() -> None:
    found = faults(
        page(
            server={"deadline": "5", "grpc": "127.0.0.1:8080"},
            routes={"math": {"reasoning": "on", "model": "ghost"}},
            typo=1,
        )
    )

    assert {fault.partition(":")[0] for fault in found} == {
        *("server.deadline", "envoy.listen", "routes.math.model", "typo"),
    }


def test_without_routes_the_papers_table_holds() -> None:
    assert parse(page(), source="page").routes == load(SHIPPED).routes


def test_every_fault_is_named_at_once() -> None:
    found = faults({"models": {}, "server": {"grpc": "x", "max_body": "big"}, "typo": 1})

    assert {fault.partition(":")[0] for fault in found} == {
        *("models", "default", "server.grpc", "server.max_body", "typo"),
    }


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_something_that_is_no_page_at_all_is_refused(document: object) -> None:
    assert faults(document) == ["is no page of `key: value` lines; config/semrouter.yaml shows one"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("0.2ms", 0.0002), ("1.5s", 1.5), ("2m", 120), ("0s", 0)],
)
def test_durations_are_seconds(written: str, seconds: float) -> None:
    config = parse(page(server={"drain_delay": written}), source="page")

    assert config.server.drain_delay == seconds
    assert parse(config.model_dump(mode="json"), source="written again") == config


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_onnx_goes_with_any_device_that_may_be_the_cpu(device: str) -> None:
    config = parse(page(encoder={"backend": "onnx", "device": device}), source="page")

    assert (config.encoder.backend, config.encoder.device) == ("onnx", device)


def test_an_encoder_elsewhere_needs_no_more_than_its_address() -> None:
    config = parse(page(encoder={"remote": {"url": "https://vllm/v1"}}), source="page")

    remote = config.encoder.remote
    assert remote is not None
    assert (remote.url, remote.deadline, remote.api_key_env) == ("https://vllm/v1", 0.15, None)


def test_static_tier_and_cache_can_be_switched_off() -> None:
    config = parse(page(classifier={"static_tier": False, "cache": 0}), source="page")

    assert (config.classifier.static_tier, config.classifier.cache) == (False, 0)


@pytest.mark.parametrize("share", [0, 0.0005, 0.2])
def test_any_share_of_known_prompts_for_which_bars_are_known_may_be_out_of_scope(
    share: float,
) -> None:
    config = parse(page(classifier={"out_of_scope": share}), source="page")

    assert config.classifier.out_of_scope == share


def test_rules_find_strange_what_stays_below_its_bar() -> None:
    config = parse(page(routes={"math": {"reasoning": "on"}}), source="page")
    unknown = Classification(1, "math", 0.9, np.array([0.1, 0.9]), familiarity=0.7)

    reasons = [
        config.rules(("law", "math"), np.array([0.0, bar])).policy.choose(unknown).reason
        for bar in (0.6, 0.8)
    ]

    assert reasons == [Reason.ROUTED, Reason.OUT_OF_SCOPE]


def test_addresses_may_be_ipv6() -> None:
    config = parse(page(server={"grpc": "[::]:50051"}), source="page")

    assert config.server.grpc == Address("::", 50051)
    assert str(config.server.grpc) == "[::]:50051"
    assert [str(address) for address in config.router_endpoints] == ["[::1]:50051"]


def test_a_model_on_another_machine_may_use_the_port_that_envoy_listens_on() -> None:
    endpoints = ["vllm:8080", "10.0.0.5:8080"]

    config = parse(
        page(models={"qwen3": {"dialect": "qwen3", "endpoints": endpoints}}), source="page"
    )

    assert [str(address) for address in config.models["qwen3"].endpoints] == endpoints


def test_one_port_on_two_addresses_is_no_fault() -> None:
    config = parse(page(server={"grpc": "10.0.0.1:7", "admin": "10.0.0.2:7"}), source="page")

    assert config.server.grpc.port == config.server.admin.port


def test_yaml_on_and_off_are_words_here(tmp_path: Path) -> None:
    file = tmp_path / "page.yaml"
    file.write_text(
        "models: {q: {dialect: qwen3, endpoints: ['h:1']}}\n"
        "default: {model: q, reasoning: on}\n"
        "routes: {law: {reasoning: off}}\n"
    )

    config = load(file)

    assert config.default.reasoning is Reasoning.ON
    assert config.routes["law"].reasoning is Reasoning.OFF


def test_a_key_written_twice_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "page.yaml"
    file.write_text("aliases: [a]\naliases: [b]\n")

    with pytest.raises(ConfigError, match=r"'aliases' stands twice.*line 2"):
        load(file)


@pytest.mark.parametrize(
    "content", [b"models: [", b"\xff\xfe\x00", b"a: b: c", b"a: 2024-13-45", b"[" * 3000]
)
def test_a_file_that_is_not_yaml_is_one_clear_fault(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "page.yaml"
    file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load(file)
    assert len(caught.value.faults) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        load(tmp_path / "absent.yaml")


def test_a_route_for_a_category_that_the_centroids_lack_is_a_fault() -> None:
    config = parse(page(routes={"maths": {"reasoning": "on"}}), source="page")

    with pytest.raises(ConfigError, match=r"routes\.maths: unknown category 'maths'; known are"):
        config.rules(("law", "math"))
