import pytest

from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from semrouter_extproc.workbench.doctor.judging import Judgement, Verdict, judge
from semrouter_extproc.workbench.doctor.questions import WORDS_ASKED
from semrouter_extproc.workbench.doctor.replies import (
    Answer,
    Nonsense,
    Refusal,
    Reply,
    Silence,
)
from support import dialects

LONG = tuple(range(100))


def prompt(*last: int) -> tuple[int, ...]:
    return LONG + last


def judged(dialect: Dialect, *replies: Reply) -> Judgement:
    """Judge replies to all levels of a dialect, weakest first."""
    levels = [level for level in Reasoning if level in dialect.spellings]
    return judge(dialect, dict(zip(levels or [Reasoning.UNCHANGED], replies, strict=False)))


def test_prompts_that_differ_show_a_switch_that_works_and_where() -> None:
    found = judged(dialects.SWITCH, Answer(prompt(1, 2)), Answer(prompt(3)))

    assert found == Judgement(
        Verdict.WORKS,
        "the prompts differ from token 101 of 102 on, at the end: the rest stays in prefix caches",
    )


def test_prompts_that_differ_before_the_question_lose_the_prefix_cache() -> None:
    weak, strong = (Answer((*LONG[:7], first, *range(WORDS_ASKED))) for first in (1000, 2000))

    found = judged(dialects.SWITCH, weak, strong)

    assert found.verdict is Verdict.WORKS
    assert found.detail.startswith(f"the prompts differ from token 8 of {8 + WORDS_ASKED} on")
    assert found.detail.endswith("early: little stays in prefix caches")


def test_a_prompt_that_is_the_others_beginning_differs_after_it() -> None:
    found = judged(dialects.SWITCH, Answer(prompt(1, 2)), Answer(prompt(1)))

    assert "from token 102 of 102 on" in found.detail


def test_prompts_of_other_lengths_show_a_switch_that_works() -> None:
    found = judged(dialects.SWITCH, Answer(prompt_tokens=52), Answer(prompt_tokens=48))

    assert found == Judgement(Verdict.WORKS, "the prompts have 52 and 48 tokens")


def test_an_answer_that_thinks_only_when_told_to_shows_a_switch_that_works() -> None:
    found = judged(dialects.SWITCH, Answer(prompt_tokens=52), Answer((), 52, thinks=True))

    assert found == Judgement(Verdict.WORKS, "it thinks with on, not with off")


def test_prompts_that_are_alike_show_a_switch_that_is_ignored() -> None:
    found = judged(dialects.SWITCH, Answer(prompt()), Answer(prompt()))

    assert (found.verdict, found.detail) == (Verdict.IGNORED, "off and on are rendered alike")
    assert "semrouter dialects" in found.remedy


def test_an_answer_that_thinks_with_off_shows_a_switch_that_is_ignored() -> None:
    thinking = Answer((), 52, thinks=True)

    assert judged(dialects.SWITCH, thinking, thinking).verdict is Verdict.IGNORED


def test_no_evidence_is_unclear_and_not_ignored() -> None:
    for silent in (Answer(), Answer(prompt_tokens=52)):
        assert judged(dialects.SWITCH, silent, silent).verdict is Verdict.UNCLEAR


def test_a_prompt_that_only_one_reply_shows_is_no_evidence() -> None:
    assert judged(dialects.SWITCH, Answer(prompt()), Answer()).verdict is Verdict.UNCLEAR


def test_a_model_that_always_thinks_is_judged_by_its_weakest_and_strongest_effort() -> None:
    low, medium, high = Answer(prompt(1)), Answer(prompt(2)), Answer(prompt(3), thinks=True)

    assert judged(dialects.EFFORTS, low, medium, high).verdict is Verdict.WORKS
    assert judged(dialects.EFFORTS, low, medium, low).verdict is Verdict.IGNORED
    thinking = Answer((), 52, thinks=True)
    assert judged(dialects.EFFORTS, *3 * [thinking]).verdict is Verdict.UNCLEAR


def test_efforts_that_are_rendered_alike_are_a_warning() -> None:
    low, high = Answer(prompt(1)), Answer(prompt(2))

    found = judged(dialects.EFFORTS, low, low, high)

    assert found.verdict is Verdict.WORKS
    assert found.warnings == ("low and medium are rendered alike",)


def test_thinking_in_spite_of_a_prompt_that_says_off_is_a_warning() -> None:
    found = judged(dialects.SWITCH, Answer(prompt(1), thinks=True), Answer(prompt(2)))

    assert found.verdict is Verdict.WORKS
    assert len(found.warnings) == 1


@pytest.mark.parametrize("dialect", [dialects.WORDS, dialects.COMMANDS])
class TestWords:
    """Words change the prompt whether or not anything obeys them."""

    def test_in_the_prompt_alone_they_are_no_evidence(self, dialect: Dialect) -> None:
        found = judged(dialect, Answer((1, *LONG), 101), Answer((2, 3, *LONG), 102))

        assert found.verdict is Verdict.UNCLEAR
        assert "the words reach the prompt" in found.detail

    def test_that_change_how_the_answer_begins_are_obeyed(self, dialect: Dialect) -> None:
        assert judged(dialect, Answer(prompt(1)), Answer(prompt(2))).verdict is Verdict.WORKS

    def test_that_change_the_thinking_are_obeyed(self, dialect: Dialect) -> None:
        found = judged(dialect, Answer((1, *LONG)), Answer((2, *LONG), thinks=True))

        assert found.verdict is Verdict.WORKS

    def test_that_the_template_drops_are_ignored(self, dialect: Dialect) -> None:
        assert judged(dialect, Answer(LONG), Answer(LONG)).verdict is Verdict.IGNORED


def test_one_refused_level_is_a_refusal_with_the_servers_words() -> None:
    refusal = Refusal(400, "no such effort")

    found = judged(dialects.EFFORTS, Answer(prompt(1)), Answer(prompt(2)), refusal)

    assert (found.verdict, found.detail) == (Verdict.REFUSED, "high: HTTP 400, no such effort")


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "--api-key"), (404, "--served-model-name"), (500, "dialect")]
)
def test_a_refusal_says_what_to_do(status: int, remedy: str) -> None:
    found = judged(dialects.SWITCH, Refusal(status, ""))

    assert remedy in found.remedy
    assert found.detail == f"off: HTTP {status}, without a message"


def test_silence_is_unreachable_and_nonsense_is_unclear() -> None:
    answer = Answer(prompt())

    assert judged(dialects.SWITCH, Silence("no route")).verdict is Verdict.UNREACHABLE
    assert judged(dialects.SWITCH, answer, Silence("late")).verdict is Verdict.UNREACHABLE
    assert judged(dialects.SWITCH, answer, Nonsense("HTML")).verdict is Verdict.UNCLEAR


def test_a_model_without_a_switch_only_has_to_answer() -> None:
    assert judged(dialects.SILENT, Answer()).verdict is Verdict.NO_SWITCH
    assert judged(dialects.SILENT, Silence("gone")).verdict is Verdict.UNREACHABLE
    refused = judged(dialects.SILENT, Refusal(404, "who?"))
    assert (refused.verdict, refused.detail) == (Verdict.REFUSED, "HTTP 404, who?")


def test_a_single_level_cannot_be_judged() -> None:
    alone = Dialect("alone", {Reasoning.ON: Spelling({("think",): True})})

    assert judged(alone, Answer(prompt())).verdict is Verdict.UNCLEAR
