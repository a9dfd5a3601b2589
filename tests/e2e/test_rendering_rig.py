"""The rig that shows what a model would have seen, proven before anything is proven with it."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from semrouter_extproc.config import Config
from support.client import send
from support.front import running_page
from support.rendering import CHAT, COMPLETIONS, MESSAGES, RESPONSES, RenderingUpstream
from support.vllm import VllmBackend

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

SWITCHES = {"Qwen-Qwen3-0.6B": "enable_thinking", "deepseek-ai-DeepSeek-V3.1": "thinking"}
MODELS = list(SWITCHES)
QUESTION = "Is 91 a prime number?"
USER_TURN = [{"role": "user", "content": QUESTION}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": USER_TURN},
    RESPONSES: {"input": QUESTION},
    MESSAGES: {"messages": USER_TURN, "max_tokens": 16},
    COMPLETIONS: {"prompt": QUESTION},
}
CHAT_LIKE = [CHAT, RESPONSES, MESSAGES]


def asking(model: str, path: str, **members: Any) -> bytes:
    return json.dumps({"model": model, **BODIES[path], **members}).encode()


def switched(model: str, path: str, *, on: bool) -> bytes:
    return asking(model, path, chat_template_kwargs={SWITCHES[model]: on})


@pytest.fixture(scope="module")
def front(
    rendering: RenderingUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Config]:
    """Put Envoy and a router that has nothing to say in front of every model."""
    plain = {"dialect": "none", "endpoints": [rendering.address]}
    page = {
        "models": dict.fromkeys(MODELS, plain),
        "default": {"model": MODELS[0]},
        "routes": {},
    }
    with running_page(page, tmp_path_factory.mktemp("front")) as (config, _):
        yield config


@pytest.mark.parametrize("path", CHAT_LIKE)
@pytest.mark.parametrize("model", MODELS)
def test_each_api_reaches_the_switch_in_the_template(
    rendering: RenderingUpstream, model: str, path: str
) -> None:
    on = rendering.render(path, switched(model, path, on=True))
    off = rendering.render(path, switched(model, path, on=False))

    assert QUESTION in on.text
    assert QUESTION in off.text
    assert on.token_ids != off.token_ids


@pytest.mark.parametrize("model", MODELS)
def test_the_apis_agree_on_the_prompt(rendering: RenderingUpstream, model: str) -> None:
    prompts = {
        path: rendering.render(path, switched(model, path, on=False)).text for path in CHAT_LIKE
    }

    assert len(set(prompts.values())) == 1, prompts


def test_each_model_has_its_own_template(rendering: RenderingUpstream) -> None:
    first, second = (rendering.render(CHAT, asking(model, CHAT)).text for model in MODELS)

    assert "<|im_start|>user" in first
    assert "<｜User｜>" in second  # noqa: RUF001 - DeepSeek's own bars


def test_a_completion_is_its_own_prompt(rendering: RenderingUpstream) -> None:
    rendered = rendering.render(COMPLETIONS, asking(MODELS[0], COMPLETIONS))

    assert rendered.text == QUESTION


def test_a_model_without_a_template_is_unknown(rendering: RenderingUpstream) -> None:
    rendered = rendering.render(CHAT, asking("nobody", CHAT))

    assert rendered.status == 404
    assert rendered.token_ids == ()


@pytest.mark.parametrize("path", list(BODIES))
def test_a_body_that_nobody_changes_renders_as_if_sent_directly(
    front: Config, rendering: RenderingUpstream, path: str
) -> None:
    body = asking(MODELS[1], path)

    answer = send(front.envoy.listen, body, method="POST", path=path, headers={})

    assert answer.status == 200
    assert rendering.last.body == body
    assert rendering.last.text == rendering.render(path, body).text


@pytest.mark.parametrize("model", MODELS)
def test_the_rendered_prompt_is_what_the_engine_reads(
    rendering: RenderingUpstream, tiny_vllm: VllmBackend, chat_templates: Any, model: str
) -> None:
    rendered = rendering.render(CHAT, switched(model, CHAT, on=False))

    asked = json.loads(rendered.body) | {
        "model": tiny_vllm.model,
        "chat_template": (chat_templates / f"{model}.jinja").read_text(),
        "max_tokens": 1,
        "return_token_ids": True,
    }
    connection = HTTPConnection(*tiny_vllm.address, timeout=120)
    connection.request("POST", CHAT, json.dumps(asked), {"content-type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()

    assert tuple(answer["prompt_token_ids"]) == rendered.token_ids
