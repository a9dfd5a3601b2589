"""What an evaluation found: the document that `--json` prints and the page shows.

Accuracies, shares and gains are from 0 to 1; tokens are means per prompt. Intervals are of
95 %. A figure that does not exist, such as a test between two equal policies, is null.
"""

import msgspec

from semrouter_extproc.workbench.scores import Bin, CategoryScore, Confusion, Interval


class McNemar(msgspec.Struct, frozen=True, kw_only=True):
    """An exact test against always-on: rows answered better and worse, and the p-value."""

    better: int
    worse: int
    p: float


class PolicyScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one policy did.

    `token_share` is of the dearest arm's tokens, `reasoned` the share of rows that went to
    that arm. `gain` is the accuracy above that of arms drawn at random for the same tokens.
    """

    accuracy: float
    ci95: Interval
    tokens: float
    token_share: float
    reasoned: float
    gain: float
    gain_ci95: Interval
    mcnemar: McNemar | None
    unparsed: float
    truncated: float


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """Every policy on the same rows. `router` and `nearest` spend the share that was asked for.

    `per_category` is a table set by hand, `oracle` the best by hindsight, whatever it costs.
    """

    always_on: PolicyScore
    always_off: PolicyScore
    matched_random: PolicyScore
    per_category: PolicyScore
    nearest: PolicyScore
    router: PolicyScore
    oracle: PolicyScore


class FrontierPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is reached within a budget, a share of the dearest arm's tokens.

    `token_share` is what the router spends of it; `gain` is above `matched_random`, which
    spends the same. `category_known`, `nearest` and `oracle` are accuracies within the budget.
    """

    budget: float
    token_share: float
    accuracy: float
    ci95: Interval
    matched_random: float
    gain: float
    gain_ci95: Interval
    category_known: float | None
    nearest: float
    oracle: float


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """The area between a frontier and random's, as a share of that between oracle's and random's.

    1 is the oracle, 0 is chance. None where the oracle gains nothing.
    """

    share: float
    ci95: Interval


class Areas(msgspec.Struct, frozen=True, kw_only=True):
    """The areas of those who predict."""

    router: Area | None
    nearest: Area | None
    category_known: Area | None


class CategoryGain(msgspec.Struct, frozen=True, kw_only=True):
    """One category: what each arm reaches there, and what the router does.

    `gain` is above arms drawn at random at the shares that match the router over all rows.
    """

    category: str
    rows: int
    always_on: float
    always_off: float
    router: float
    token_share: float
    reasoned: float
    gain: float
    gain_ci95: Interval


class PolicyReport(Policies, frozen=True, kw_only=True):
    """What paired records say about policies. `arms` has the cheapest first."""

    rows: int
    arms: tuple[str, ...]
    token_share: float
    predictions: str
    hand_set_by: str
    neighbours: int
    resamples: int
    areas: Areas
    frontier: tuple[FrontierPoint, ...]
    categories: tuple[CategoryGain, ...]


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether rows reason that should, by a table of categories set by hand.

    `needless` is the share of all rows that reason and should not, `missed` the reverse.
    """

    accuracy: float
    ci95: Interval
    needless: float
    missed: float


class SureError(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong row, and how sure the classifier was of it."""

    id: str
    category: str
    taken_for: str
    confidence: float


class ClassificationReport(msgspec.Struct, frozen=True, kw_only=True):
    """How well labelled prompts are placed. `confusions` has the most frequent first."""

    rows: int
    accuracy: float
    ci95: Interval
    macro_f1: float
    log_loss: float
    ece: float
    switch: Switch | None
    categories: tuple[CategoryScore, ...]
    confusions: tuple[Confusion, ...]
    reliability: tuple[Bin, ...]
    surest_errors: tuple[SureError, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `notes` say what a reader must know before believing it."""

    centroids: str
    encoder: str
    notes: tuple[str, ...]
    classification: ClassificationReport | None = None
    policy: PolicyReport | None = None
