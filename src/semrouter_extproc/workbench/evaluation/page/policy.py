"""The part of the page about whether routing pays."""

from collections.abc import Iterator
from typing import Final

from semrouter_extproc.workbench.evaluation.figures import (
    NONE,
    percent,
    percent_range,
    points,
    points_range,
    probability,
)
from semrouter_extproc.workbench.evaluation.page.markup import (
    Html,
    bullets,
    element,
    joined,
    picture,
    section,
    table,
)
from semrouter_extproc.workbench.evaluation.pictures.frontier import draw_frontier
from semrouter_extproc.workbench.evaluation.pictures.gains import MOST_SHOWN, draw_gains
from semrouter_extproc.workbench.evaluation.results import Area, PolicyReport, PolicyScore


def policy_part(report: PolicyReport) -> Html:
    """Return everything about when to reason."""
    return section(
        f"When to reason, on {report.rows:,} prompts answered each way",
        _policies(report),
        _legend(report),
        picture(
            draw_frontier(report),
            "Accuracy within every budget of tokens, with the router's 95 % interval. Squares "
            "and diamonds are policies without a budget to choose.",
        ),
        element("h3", "The whole frontier"),
        _areas(report),
        _frontier(report),
        *_categories(report),
    )


def _policies(report: PolicyReport) -> Html:
    headers = (
        *("Policy", "Accuracy, % (95 % interval)", "Tokens", "Tokens, %", "Reasoned, %"),
        *("Gain, points (95 % interval)", "Better : worse", "p", "Unparsed", "Truncated"),
    )
    share = f"{percent(report.token_share)} %"
    named = {
        "Always on": report.always_on,
        "Always off": report.always_off,
        "Hand-set table": report.per_category,
        f"Nearest neighbours at {share}": report.nearest,
        f"Router at {share}": report.router,
        "Matched random": report.matched_random,
        "Oracle": report.oracle,
    }
    return table(headers, (_row(name, score) for name, score in named.items()))


def _row(name: str, score: PolicyScore) -> tuple[str, ...]:
    test = score.mcnemar
    return (
        name,
        f"{percent(score.accuracy)} ({percent_range(score.ci95)})",
        f"{score.tokens:,.1f}",
        percent(score.token_share),
        percent(score.reasoned),
        f"{points(score.gain)} ({points_range(score.gain_ci95)})",
        NONE if test is None else f"{test.better:,} : {test.worse:,}",
        NONE if test is None else probability(test.p),
        f"{score.unparsed:,.0f}",
        f"{score.truncated:,.0f}",
    )


def _legend(report: PolicyReport) -> Html:
    cheapest, dearest = report.arms[0], report.arms[-1]
    arms = (
        f"On is “{dearest}”, the dearest arm by mean tokens; off is “{cheapest}”, the cheapest. "
        "Tokens are means per prompt, and in % of always on."
    )
    nearest = (
        f"Nearest neighbours: for each arm, the mean of the {report.neighbours} nearest prompts "
        "of other folds, by cosine."
    )
    random = (
        "Matched random draws arms without a look at the prompt, for as many tokens as the "
        "router spends: of the mixtures of two arms, the best. Gain is the accuracy "
        "above the mixture that spends as much as the policy in question."
    )
    oracle = "The oracle takes each prompt's best answer by hindsight, then its cheapest."
    intervals = (
        f"Intervals are of {report.resamples:,} paired resamples of prompts, decisions staying "
        "as they are. Better and worse count the prompts that a policy answers otherwise than "
        "always on does; p is of McNemar's exact test of them."
    )
    budget = (
        f"At {percent(report.token_share)} % means with at most that share of always-on's tokens. "
        "A budget is kept by the tokens really spent on these prompts: the price that keeps it "
        "is read off afterwards."
    )
    unreadable = (
        "Outputs in which no answer was found count as wrong. They and truncated outputs are "
        "counted as far as records mark them."
    )
    router = f"The router: {report.predictions}."
    hand_set = f"The hand-set table: {report.hand_set_by}."
    return bullets((arms, router, hand_set, nearest, random, oracle, intervals, budget, unreadable))


def _areas(report: PolicyReport) -> Html:
    areas = report.areas
    named = {
        "Router": areas.router,
        "Nearest neighbours": areas.nearest,
        "True category known": areas.category_known,
    }
    explained = (
        "The area between a frontier and matched random, as a share of that between the oracle "
        "and matched random: 100 is hindsight, 0 is chance, and less is worse than chance."
    )
    rows = ((name, *_area(area)) for name, area in named.items() if area)
    return joined(
        [element("p", explained), table(("", "Area, % of the oracle's", "95 % interval"), rows)]
    )


def _area(area: Area) -> tuple[str, str]:
    return percent(area.share), percent_range(area.ci95)


def _frontier(report: PolicyReport) -> Html:
    headers = (
        *("Budget, % of always on", "Spent, %", "Router, %", "95 % interval"),
        *("Matched random, %", "Gain, points", "95 % interval"),
        *("Nearest neighbours, %", "True category known, %", "Oracle, %"),
    )
    return table(
        headers,
        (
            (
                percent(point.budget),
                percent(point.token_share),
                percent(point.accuracy),
                percent_range(point.ci95),
                percent(point.matched_random),
                points(point.gain),
                points_range(point.gain_ci95),
                percent(point.nearest),
                percent(point.category_known),
                percent(point.oracle),
            )
            for point in report.frontier
        ),
    )


_CATEGORY_HEADERS: Final = (
    *("Category", "Prompts", "Always off, %", "Always on, %", "Router, %", "Tokens, %"),
    *("Reasoned, %", "Above matched random, points", "95 % interval"),
)


def _categories(report: PolicyReport) -> Iterator[Html]:
    if not report.categories:
        return
    yield element("h3", f"Each category, the router at {percent(report.token_share)} %")
    yield picture(
        draw_gains(report),
        "What reasoning changes in each category and where the router is; right, its gain above "
        "arms drawn at random with the router's shares over all prompts, with 95 % intervals. "
        f"At most {MOST_SHOWN} categories, the largest.",
    )
    yield table(
        _CATEGORY_HEADERS,
        (
            (
                each.category,
                f"{each.rows:,}",
                percent(each.always_off),
                percent(each.always_on),
                percent(each.router),
                percent(each.token_share),
                percent(each.reasoned),
                points(each.gain),
                points_range(each.gain_ci95),
            )
            for each in report.categories
        ),
    )
