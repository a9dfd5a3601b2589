"""What the answers come to: each way over the same questions, and the ways beside each other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from when_to_reason.answers import Answer, Asked, Settings, Way
from when_to_reason.questions import Question
from when_to_reason.reading import letter_in

from semrouter_extproc.workbench.evaluation.resampling import interval, resampled_means
from semrouter_extproc.workbench.evaluation.results import McNemar
from semrouter_extproc.workbench.evaluation.significance import mcnemar
from semrouter_extproc.workbench.scores import Interval, wilson


class Quantiles(msgspec.Struct, frozen=True):
    """Seconds: the mean, and what half and 99 of 100 answers stay within."""

    mean: float
    p50: float
    p99: float


class WayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One way. `reasoned` is a share; `truncated`, `unparsed` count answers.

    `accuracy` is that of the questions with a known answer, None where nothing is judged.
    """

    answers: int
    accuracy: float | None
    ci95: Interval | None
    tokens: float
    seconds: Quantiles
    first_token: Quantiles
    truncated: int
    unparsed: int
    reasoned: float


class Ratio(msgspec.Struct, frozen=True):
    """A way's mean as a share of always-on's, with the interval of questions drawn anew."""

    share: float
    ci95: Interval


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A way against always-on, question by question."""

    tokens: Ratio
    seconds: Ratio
    mcnemar: McNemar | None


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """One category: mean tokens and accuracies by way, and the share that routing reasoned."""

    name: str
    questions: int
    reasoned: float
    tokens: dict[Way, float]
    accuracy: dict[Way, float] | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure. `lacking` questions are left out, as a way has no answer to them.

    `judged` questions have a known answer; 0 where accuracy is not to be judged. `reasons` counts
    why routed questions went their way. `by_lot` is the accuracy of reasoning for prompts
    drawn by lot, for the tokens of the routed run.
    """

    settings: Settings
    questions: int
    lacking: int
    judged: int
    ways: dict[Way, WayFigures]
    compared: dict[Way, Compared]
    by_lot: float | None
    reasons: dict[str, int]
    categories: tuple[Category, ...]


class Outcome(msgspec.Struct, frozen=True):
    """An answer, the letter it says, and whether that is right: None where nobody knows."""

    answer: Answer
    letter: str | None
    right: bool | None


Row = tuple[Question, Mapping[Way, Outcome]]
"""A question and what each way made of it."""


def rows_of(
    questions: Iterable[Question], answers: Mapping[Asked, Answer], *, judge: bool
) -> list[Row]:
    """Join questions and answers; only questions that every way has answered."""
    return [
        (each, {way: _outcome(each, answers[each.id, way], judge=judge) for way in Way})
        for each in questions
        if all((each.id, way) in answers for way in Way)
    ]


def _outcome(question: Question, answer: Answer, *, judge: bool) -> Outcome:
    letter = letter_in(answer.said, question.letters)
    known = judge and question.right is not None
    return Outcome(answer, letter, letter == question.right if known else None)


def figures_of(rows: Sequence[Row], settings: Settings, lacking: int) -> Figures:
    """Return the figures of at least one row."""
    ways = {way: _way([row[1][way] for row in rows]) for way in Way}
    return Figures(
        settings=settings,
        questions=len(rows),
        lacking=lacking,
        judged=len(_judged(rows)),
        ways=ways,
        compared={way: _compared(rows, way) for way in (Way.ALWAYS_OFF, Way.ROUTED)},
        by_lot=_by_lot(ways),
        reasons=dict(Counter(row[1][Way.ROUTED].answer.reason for row in rows).most_common()),
        categories=tuple(
            _category(name, [row for row in rows if row[0].category == name])
            for name in sorted({row[0].category for row in rows})
        ),
    )


def _judged(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row[1][Way.ROUTED].right is not None]


def _way(outcomes: Sequence[Outcome]) -> WayFigures:
    answers = [each.answer for each in outcomes]
    verdicts = [each.right for each in outcomes if each.right is not None]
    return WayFigures(
        answers=len(answers),
        accuracy=sum(verdicts) / len(verdicts) if verdicts else None,
        ci95=wilson(sum(verdicts), len(verdicts)) if verdicts else None,
        tokens=float(np.mean([each.tokens for each in answers])),
        seconds=_quantiles([each.seconds for each in answers]),
        first_token=_quantiles([each.first_token for each in answers]),
        truncated=sum(each.truncated for each in answers),
        unparsed=sum(each.letter is None for each in outcomes),
        reasoned=_reasoned(answers),
    )


def _quantiles(seconds: Sequence[float]) -> Quantiles:
    p50, p99 = np.percentile(seconds, (50, 99))
    return Quantiles(float(np.mean(seconds)), float(p50), float(p99))


def _reasoned(answers: Sequence[Answer]) -> float:
    return float(np.mean([each.reasoning.thinks for each in answers]))


def _compared(rows: Sequence[Row], way: Way) -> Compared:
    pairs = [(outcomes[way].answer, outcomes[Way.ALWAYS_ON].answer) for _, outcomes in rows]
    judged = [(row[1][way].right, row[1][Way.ALWAYS_ON].right) for row in _judged(rows)]
    ours, theirs = np.array(judged, float).reshape(-1, 2).T
    return Compared(
        tokens=_ratio(np.array([[one.tokens for one in pair] for pair in pairs], float)),
        seconds=_ratio(np.array([[one.seconds for one in pair] for pair in pairs])),
        mcnemar=mcnemar(ours, theirs) if judged else None,
    )


def _ratio(pairs: NDArray[np.float64]) -> Ratio:
    """Return the ratio of the means of two columns, `[N, 2]`."""
    ours, theirs = resampled_means(pairs).T
    shares = ours / theirs
    return Ratio(float(shares[0]), interval(shares))


def _by_lot(ways: Mapping[Way, WayFigures]) -> float | None:
    """Return what lies on the line between always off and always on at the routed tokens."""
    off, on = ways[Way.ALWAYS_OFF], ways[Way.ALWAYS_ON]
    if off.accuracy is None or on.accuracy is None or on.tokens <= off.tokens:
        return None
    spent = ways[Way.ROUTED].tokens
    return float(np.interp(spent, (off.tokens, on.tokens), (off.accuracy, on.accuracy)))


def _category(name: str, rows: Sequence[Row]) -> Category:
    outcomes = {way: [row[1][way] for row in rows] for way in Way}
    judged = _judged(rows)
    return Category(
        name=name,
        questions=len(rows),
        reasoned=_reasoned([each.answer for each in outcomes[Way.ROUTED]]),
        tokens={way: float(np.mean([one.answer.tokens for one in outcomes[way]])) for way in Way},
        accuracy={way: float(np.mean([row[1][way].right for row in judged])) for way in Way}
        if judged
        else None,
    )
