import pytest
from when_to_reason.reading import after_thoughts, letter_in

LETTERS = tuple("ABCDEFGHIJ")


@pytest.mark.parametrize(
    "said",
    [
        "Answer: C",
        "**Answer:** C",
        "**Answer: C**",
        "Answer: (C)",
        "Answer: C) Paris",
        "answer - C",
        "ANSWER: C.",
        "Answer: option C",
        "<answer>C</answer>",
        "Answer:\n\nC",
        "The answer is likely C",
        "The answer is C",
        "The answer is (C).",
        "the correct answer is **C**, because it rains",
        "So the answer must be the option C.",
        "Final choice: C",
        "The correct option is C: Paris",
        "Option C is correct.",
        "C is the right answer.",
        r"\boxed{C}",
        r"Therefore $\boxed{\text{C}}$.",
        r"Answer: \boxed{C}",
        r"The answer is \(\mathbf{C}\)",
        "C",
        "(C)",
        "C.",
        "C. Paris",
        "**C**",
        "It is a capital city.\n\nC) Paris",
        "Answer: A\n\nNo, that was wrong.\n\nAnswer: C",
        "The answer is I think not B. Answer: C",
        "A is tempting, but the answer is C because A is too small.",
    ],
)
def test_a_choice_is_read_however_it_is_written(said: str) -> None:
    assert letter_in(said, LETTERS) == "C"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Paris",
        "It could be any of them.",
        "Answer: A and C",
        "Answer: B or C",
        "The answer is A, C",
        "Answer: I would say that it depends.",
        "The answer is a matter of taste.",
        "Answer: A good one would need more facts.",
        "A. Rome\nB. Oslo\nC. Paris",
        "I do not know.",
        "The answer is not C.",
        "Answer: K",
        "Answers vary. Consider Boyle's law.",
    ],
)
def test_where_no_single_option_is_named_nothing_is_guessed(said: str) -> None:
    assert letter_in(said, LETTERS) is None


@pytest.mark.parametrize("letter", ["A", "I"])
def test_letters_that_are_words_are_read_as_choices_too(letter: str) -> None:
    for said in (f"Answer: {letter}", f"The answer is {letter} because of this", f"({letter})"):
        assert letter_in(said, LETTERS) == letter


def test_a_letter_beyond_the_options_is_no_choice() -> None:
    assert letter_in("Answer: E", "ABCD") is None


@pytest.mark.parametrize(
    "content",
    ["<think>A or B? Answer: B</think>\nAnswer: C", "A or B?</think>Answer: C", "Answer: C"],
)
def test_what_is_said_comes_after_the_thoughts(content: str) -> None:
    said = after_thoughts(content, apart=False, thinks=True, cut=False)
    assert said.strip() == "Answer: C"


def test_thoughts_that_were_cut_off_hold_no_answer() -> None:
    assert after_thoughts("<think>Answer: B, or", apart=False, thinks=False, cut=False) == ""
    assert after_thoughts("Answer: B, or", apart=False, thinks=True, cut=True) == ""


def test_an_answer_that_was_cut_off_after_its_thoughts_counts() -> None:
    assert after_thoughts("Answer: C, as", apart=True, thinks=True, cut=True) == "Answer: C, as"
    assert after_thoughts("Answer: C, as", apart=False, thinks=False, cut=True) == "Answer: C, as"
