from typing import Any

import jinja2
import pytest

from semrouter_extproc.workbench.backend.server import CHAT_TEMPLATE

_ASK = {"role": "user", "content": "Why is the sky blue?"}
_OPENING = "<|im_start|>assistant\n"


def _render(*messages: dict[str, Any], **switches: object) -> str:
    # As transformers sets it up.
    environment = jinja2.Environment(  # noqa: S701 - prompts are no HTML
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.ChainableUndefined
    )
    template = environment.from_string(CHAT_TEMPLATE.read_text())
    return template.render(**{"messages": messages, "add_generation_prompt": True} | switches)


def test_on_and_off_differ_only_after_the_whole_conversation() -> None:
    on = _render(_ASK, enable_thinking=True).partition(_OPENING)
    off = _render(_ASK, enable_thinking=False).partition(_OPENING)

    assert on[0] == off[0]
    assert on[2] != off[2]


def test_thinking_is_on_unless_switched_off() -> None:
    assert _render(_ASK) == _render(_ASK, enable_thinking=True)


def test_thinking_asks_for_steps() -> None:
    assert "step by step" in _render(_ASK, enable_thinking=True)
    assert "step by step" not in _render(_ASK, enable_thinking=False)


def test_the_conversation_is_chatml() -> None:
    rendered = _render({"role": "system", "content": "Be kind."}, _ASK)

    assert rendered.startswith(
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_conversation_without_a_system_message_gets_one() -> None:
    assert _render(_ASK).startswith("<|im_start|>system\n")


@pytest.mark.parametrize("enable_thinking", [True, False])
def test_history_is_rendered_the_same_however_it_goes_on(enable_thinking: bool) -> None:  # noqa: FBT001
    history = [_ASK, {"role": "assistant", "content": "It scatters light."}, _ASK]
    alone = _render(_ASK, add_generation_prompt=False, enable_thinking=enable_thinking)

    assert _render(*history, enable_thinking=enable_thinking).startswith(alone)


def test_a_message_without_content_is_empty() -> None:
    called = {"role": "assistant", "content": None}

    assert "<|im_start|>assistant\n<|im_end|>\n" in _render(_ASK, called, _ASK)
