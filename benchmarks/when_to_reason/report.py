"""The figures, as tables and in words."""

from collections.abc import Iterable, Iterator
from typing import Final

from when_to_reason.answers import Settings, Way
from when_to_reason.figures import Category, Figures, Ratio, WayFigures

from semrouter_extproc.workbench.evaluation import paper
from semrouter_extproc.workbench.scores import Interval

_NOTHING: Final = "-"


def markdown(figures: Figures) -> str:
    """Return the page."""
    parts = [
        "# When to reason, live",
        _setup(figures),
        _caution(figures),
        _table(_WAYS_HEAD, (_way_cells(way, each) for way, each in figures.ways.items())),
        _meaning(figures),
        "## Against always on",
        _table(_COMPARED_HEAD, _compared_cells(figures)),
        _lots(figures),
        "## By category",
        _table(_category_head(figures), map(_category_cells, figures.categories)),
        "## Beside the paper",
        _table(_PAPER_HEAD, _paper_cells(figures)),
        f"{paper.SOURCE}. Tokens are a matter of model and limit; the ratio is what compares.",
        _bullets("What does not compare:", _not_comparable(figures)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _setup(figures: Figures) -> str:
    settings = figures.settings
    lacking = (
        f" {figures.lacking} more are left out: not every way has an answer to them."
        if figures.lacking
        else ""
    )
    return (
        f"{figures.questions:,} questions of MMLU-Pro that the router has not learned from, with "
        f"their options, every category alike, through a real Envoy and the "
        f"router to {_server(settings)}; at most {settings.max_tokens:,} tokens an answer, "
        f"{settings.concurrency} at a time, streamed, with the sampling that the server "
        "chooses. Always on and always off take the same way, with the header `x-reasoning`; "
        f"routed is what a client of the alias gets.{lacking}"
    )


def _server(settings: Settings) -> str:
    if settings.server is None:
        return f"vLLM on this machine's CPU with a model of 135M parameters ({settings.model})"
    return f"{settings.model} at {settings.server} (dialect {settings.dialect})"


def _caution(figures: Figures) -> str:
    if figures.settings.server is None:
        return (
            "**Tokens and latency only.** A model of 135M parameters shows no accuracy: it is far "
            "too small for such questions, and what it does when told to reason is not what a "
            "reasoning model does. `--base-url` asks a real one."
        )
    if not figures.judged:
        return (
            '**No accuracy**: the rows of DATA do not know the right answers (`"answer"`, or '
            '`"answer_index"` from 0).'
        )
    unknown = figures.questions - figures.judged
    return f"Accuracy leaves out {unknown:,} questions without a known answer." if unknown else ""


_WAYS_HEAD: Final = (
    "",
    "answers",
    "reasoned",
    "accuracy",
    "tokens",
    "seconds p50",
    "p99",
    "first token p50",
    "p99",
    "truncated",
    "unparsed",
)


def _way_cells(way: Way, figures: WayFigures) -> list[str]:
    return [
        str(way),
        f"{figures.answers:,}",
        f"{figures.reasoned:.0%}",
        _accuracy(figures),
        f"{figures.tokens:,.1f}",
        f"{figures.seconds.p50:.2f}",
        f"{figures.seconds.p99:.2f}",
        f"{figures.first_token.p50:.2f}",
        f"{figures.first_token.p99:.2f}",
        f"{figures.truncated:,}",
        f"{figures.unparsed:,}",
    ]


def _accuracy(figures: WayFigures) -> str:
    if figures.accuracy is None or figures.ci95 is None:
        return _NOTHING
    return f"{figures.accuracy:.1%} ({_interval(figures.ci95)})"


def _meaning(figures: Figures) -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in figures.reasons.items())
    return (
        "Tokens are means of what the model generated; seconds count to the last token. The 99th "
        f"percentile of {figures.questions:,} answers "
        f"{'is little more than the slowest' if figures.questions < _MANY else 'is of few'}. "
        "*Truncated* ran into the limit, in *unparsed* no choice of one option could be read "
        f"(it counts as wrong).{_limited(figures)} Why routed went its way: {reasons}."
    )


def _limited(figures: Figures) -> str:
    always_on = figures.ways[Way.ALWAYS_ON]
    if 2 * always_on.truncated <= always_on.answers:
        return ""
    return (
        " Most answers of always on ran into the limit: its tokens and seconds are the limit's, "
        "and a higher one changes every ratio."
    )


_MANY: Final = 200
_COMPARED_HEAD: Final = ("", "tokens", "mean seconds", "better, worse (McNemar)")


def _compared_cells(figures: Figures) -> Iterator[list[str]]:
    for way, each in figures.compared.items():
        test = each.mcnemar
        yield [
            str(way),
            _ratio(each.tokens),
            _ratio(each.seconds),
            _NOTHING if test is None else f"{test.better}, {test.worse} (p = {test.p:.2g})",
        ]


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.share:.1%} ({_interval(ratio.ci95)})"


def _lots(figures: Figures) -> str:
    routed = figures.ways[Way.ROUTED].accuracy
    if figures.by_lot is None or routed is None:
        return ""
    gain = 100 * (routed - figures.by_lot)
    return (
        f"Reasoning for prompts drawn by lot would have reached {figures.by_lot:.1%} for the "
        f"tokens of the routed run, which is {gain:+.1f} points from that. `--records-out` writes "
        "the pairs from which `semrouter evaluate --records` draws intervals around such gains."
    )


def _category_head(figures: Figures) -> list[str]:
    heads = ["category", "questions", "routed: reasoned", *(f"tokens, {way}" for way in Way)]
    return heads + ([f"accuracy, {way}" for way in Way] if figures.judged else [])


def _category_cells(category: Category) -> list[str]:
    accuracy = category.accuracy or {}
    return [
        category.name,
        str(category.questions),
        f"{category.reasoned:.0%}",
        *(f"{category.tokens[way]:,.0f}" for way in Way),
        *(f"{accuracy[way]:.0%}" for way in Way if way in accuracy),
    ]


_PAPER_HEAD: Final = ("", "accuracy", "mean seconds", "mean tokens", "tokens of always on")


def _paper_cells(figures: Figures) -> Iterator[list[str]]:
    share = figures.compared[Way.ROUTED].tokens.share
    for name, row, part in (
        ("paper: without a router", paper.ALWAYS_ON, 1.0),
        ("paper: routed", paper.ROUTER, paper.TOKEN_SHARE),
    ):
        yield [
            name,
            f"{row.accuracy:.1%}",
            f"{row.seconds:.2f}",
            f"{row.tokens:,.1f}",
            f"{part:.1%}",
        ]
    for way, part in ((Way.ALWAYS_ON, 1.0), (Way.ROUTED, share)):
        ours = figures.ways[way]
        cells = [_accuracy(ours), f"{ours.seconds.mean:.2f}", f"{ours.tokens:,.1f}", f"{part:.1%}"]
        yield [f"here: {way}", *cells]


def _not_comparable(figures: Figures) -> Iterator[str]:
    # The paper's page speaks of records, which hold no time; here time is measured.
    yield from (each for each in paper.NOT_COMPARABLE if not each.startswith("Seconds"))
    yield "Seconds: they are of another machine, model and load."
    if figures.settings.server is None:
        yield "The model: here it is a tiny one, cut off after a few lines."


def _bullets(title: str, points: Iterable[str]) -> str:
    return "\n".join([title, "", *(f"- {point}" for point in points)])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _interval(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"
