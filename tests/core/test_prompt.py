import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.chat import Message, Part, parse
from semrouter_extproc.core.prompt import commands_reasoning, last_user_text, prompt_of


def user(content: str | list[Part | str] | None) -> Message:
    return Message(role="user", content=content)


def test_the_last_user_turn_counts() -> None:
    turns = [user("What is a monad?"), Message("assistant", "A burrito."), user("Prove it.")]

    assert last_user_text(turns) == "Prove it."


def test_system_and_developer_turns_never_count() -> None:
    turns = [Message("system", "Think hard."), Message("developer", "Reason."), user("Hi")]

    assert last_user_text(turns) == "Hi"


def test_a_tool_loop_keeps_its_question() -> None:
    turns = [user("Weather in Oslo?"), Message("assistant", None), Message("tool", "4 C, rain")]

    assert last_user_text(turns) == "Weather in Oslo?"


def test_text_parts_are_joined_and_images_are_left_out() -> None:
    body = {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    "Be brief.",
                ],
            }
        ]
    }

    assert last_user_text(parse(json.dumps(body).encode()).messages) == ("What is this?\nBe brief.")


def test_a_turn_without_text_leaves_the_word_to_an_earlier_one() -> None:
    turns = [user("Describe the picture I send."), user([Part()]), user("  ")]

    assert last_user_text(turns) == "Describe the picture I send."


def test_a_conversation_without_user_text_has_no_prompt() -> None:
    assert last_user_text([Message("assistant", "Hello!")]) == ""


def test_no_more_than_the_limit_is_read() -> None:
    assert prompt_of("abcdef", max_chars=3) == "abc"


@given(st.text(st.characters(exclude_categories=())))
def test_a_prompt_is_always_text_that_a_tokenizer_takes(text: str) -> None:
    prompt_of(text, max_chars=1000).encode()


@pytest.mark.parametrize("prompt", ["/no_think What is 2+2?", "What is 2+2? /think"])
def test_a_reasoning_command_is_found(prompt: str) -> None:
    assert commands_reasoning(prompt)


@pytest.mark.parametrize("prompt", ["/thinking", "see docs/think", "think", "either/or"])
def test_words_that_only_look_like_a_command_are_not(prompt: str) -> None:
    assert not commands_reasoning(prompt)
