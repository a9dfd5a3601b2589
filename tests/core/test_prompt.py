from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.conversation import Turn
from semrouter_extproc.core.prompt import Reading, own_words, shortened, text_to_classify

READING = Reading()

# Seconds of the processor: many times what is needed, far below what quadratic work takes.
QUICK = 1.0

ANY_TEXT = st.text(st.characters(exclude_categories=()))
TAGGED_TEXT = st.lists(
    st.sampled_from(
        ["<task>", "</task>", "<system-reminder>", "</system-reminder>", "\n", " ", "why"]
    )
).map("".join)
ANY_TURNS = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant", "tool", "system"]), ANY_TEXT)
)


def user(text: str) -> Turn:
    return Turn("user", text)


def read(*turns: Turn, reading: Reading = READING) -> str:
    return text_to_classify(turns, reading)


LONG = (
    "Derive the period of a pendulum for small angles, and say how the result changes when "
    "the rod is heavy and has its mass spread evenly along its whole length, so that its moment "
    "of inertia about the pivot counts as well."
)
OTHER = (
    "Who wrote the Peace of Westphalia's clauses about religion, which princes gained most by "
    "them, and why do some historians of today doubt that they founded the order of sovereign "
    "states that the textbooks derive from them?"
)


def test_only_the_user_counts() -> None:
    turns = [
        Turn("system", "Think hard."),
        user(LONG),
        Turn("assistant", "It depends."),
        Turn("tool", "4 C, rain"),
    ]

    assert read(*turns) == LONG


def test_a_tool_loop_keeps_its_question() -> None:
    loop = [Turn("assistant", ""), Turn("tool", "4 C, rain")] * 300

    assert read(user(OTHER), Turn("assistant", "Yes."), user(LONG), *loop) == LONG


@pytest.mark.parametrize("silent", ["", "  \n", "<system-reminder>be brief</system-reminder>"])
def test_a_turn_without_words_leaves_them_to_an_earlier_one(silent: str) -> None:
    assert read(user(LONG), user(silent)) == LONG


@pytest.mark.parametrize(
    "turns", [[], [Turn("assistant", "Hello!")], [user(" ")], [user("<rules>a</rules>")]]
)
def test_a_conversation_without_words_of_the_user_has_no_text(turns: list[Turn]) -> None:
    assert read(*turns) == ""


def test_a_follow_up_inherits_the_conversation_and_comes_first() -> None:
    text = read(user(OTHER), Turn("assistant", "Nobody."), user(LONG), user("Why?"))

    assert text.startswith("Why?\n")
    assert LONG[:60] in text
    assert OTHER[:20] not in text


def test_a_chain_of_follow_ups_reaches_the_question() -> None:
    assert LONG[:60] in read(user(LONG), user("Why?"), user("And in French?"), user("Shorter."))


def test_a_full_question_inherits_nothing() -> None:
    assert read(user(OTHER), user(LONG)) == LONG


def test_a_long_turn_keeps_its_head_and_its_tail() -> None:
    text = read(user("BEGIN" + "filler " * 5000 + "END"))

    assert len(text) == READING.max_chars
    assert text.startswith("BEGIN")
    assert text.endswith("END")


@given(ANY_TEXT, st.integers(1, 30))
def test_shortening_gives_exactly_the_length(text: str, length: int) -> None:
    assert len(shortened(text, length)) == min(len(text), length)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ("<system-reminder>\nBe brief.\n</system-reminder>\nWhy?", "Why?"),
        ("Why?\n\n<environment_details>\n# Tabs\na.py\n</environment_details>", "Why?"),
        ('<hook_prompt id="3">\nGo on.\n</hook_prompt>\nWhy?', "Why?"),
        ("<task>\nWhy?\n</task>\n# Notes\n<environment_details>x</environment_details>", "Why?"),
        ("<context>9 May</context>\n<userRequest>\nWhy?\n</userRequest>\n<rules>x</rules>", "Why?"),
        ("<rules>\nx\n</rules>\n<user_query>\nWhy?", "Why?"),
        ("<command-name>/ask</command-name>\n     <command-args>Why?</command-args>", "Why?"),
        (
            "# AGENTS.md instructions for /src\n\n<INSTRUCTIONS>\nTest.\n</INSTRUCTIONS>\nWhy?",
            "Why?",
        ),
        ("# Context from my IDE setup:\n\n## Tabs\n\n## My request for Codex:\nWhy?", "Why?"),
    ],
)
def test_blocks_of_coding_agents_are_left_out(turn: str, words: str) -> None:
    assert own_words(turn, READING) == words


@pytest.mark.parametrize(
    "turn",
    [
        "What does <system-reminder> mean, and </system-reminder>?",
        "<system-reminder> is never closed",
        "<unknown>Why?</unknown>",
        "if a <b and c> d",
        "</rules>\nWhy?\n</rules>",
        "<context>The pump is cold.</context>",
    ],
)
def test_words_that_are_no_block_stay(turn: str) -> None:
    assert own_words(turn, READING) == turn


def test_a_prompt_that_its_author_marked_up_stays_whole() -> None:
    turn = "<task>Solve it.</task>\n<problem>A train leaves at nine.</problem>"

    assert own_words(turn, READING) == "Solve it.\n<problem>A train leaves at nine.</problem>"


def test_the_tags_are_configurable() -> None:
    reading = Reading(
        injected_tags=frozenset({"house-rules"}), own_tags=frozenset(), injected_sections=()
    )

    text = "<house-rules>x</house-rules><system-reminder>y</system-reminder> <> <task>"
    assert own_words(text, reading) == "<system-reminder>y</system-reminder> <> <task>"


@given(ANY_TURNS, st.integers(1, 50), st.integers(0, 80))
def test_any_conversation_gives_bounded_text_that_a_tokenizer_takes(
    turns: list[Turn], most: int, enough: int
) -> None:
    text = text_to_classify(turns, Reading(max_chars=most, enough_chars=enough))

    text.encode()
    assert len(text) <= most
    assert bool(text) == any(turn.role == "user" and turn.text.strip() for turn in turns)


@given(TAGGED_TEXT)
def test_words_are_never_invented(text: str) -> None:
    assert own_words(text, READING).count("why") <= text.count("why")


def test_lone_surrogates_are_replaced() -> None:
    assert read(user(LONG + "\ud800!")) == LONG + "?!"


@pytest.mark.parametrize(
    "turn",
    [
        "\n<system-reminder>" * 300_000,
        "<system-reminder " * 300_000,
        "<" * 5_000_000,
        "<a>" * 1_700_000,
        "<a " + " " * 5_000_000,
        "<" + "a" * 5_000_000,
        "\n".join(f"<{tag}>" for tag in sorted(READING.injected_tags)) * 3_000,
        "<task>" * 400_000 + "</task>" * 400_000,
        "\n<rules>x</rules>" * 300_000,
        " " * 16_000_000,
        "filler " * 2_400_000,
    ],
    ids=lambda turn: turn[:20].strip(),
)
def test_huge_turns_take_no_time(turn: str) -> None:
    start = process_time()
    read(user(LONG), user(turn))

    assert process_time() - start < QUICK


def test_a_conversation_of_nothing_but_blocks_takes_no_time() -> None:
    start = process_time()
    read(*[user("<rules>" + "x" * 8_000 + "</rules>")] * 2_000)

    assert process_time() - start < QUICK
