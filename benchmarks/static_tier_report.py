"""The tables and the plot of `static_tier.py`."""

from dataclasses import dataclass

from plots import LIMIT, OTHER, OURS, panels, save

ALLOWED = 0.01
STYLES = (OURS, OTHER)
DASHES = ("-", "--")


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """What the static tier does under a policy, as shares of all prompts.

    `answered` went without the encoder; `changed` got another model or another reasoning than
    the encoder alone would have given, with Wilson's interval of 95 %.
    """

    policy: str
    prompts: str
    count: int
    answered: float
    changed: float
    changed_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often the category is right, by the encoder and by static tier and encoder together.

    `gained` prompts only the second gets right, `lost` ones only the first; `interval` is of the
    difference, paired, 95 %.
    """

    encoder: float
    together: float
    gained: int
    lost: int
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Mean CPU milliseconds per prompt to a decision; `ratio` is of `together` to `encoder`."""

    prompts: str
    static_ms: float
    encoder_ms: float
    together_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What each bar would do: the shares of `PolicyRow`."""

    policy: str
    prompts: str
    bars: list[float]
    answered: list[float]
    changed: list[float]


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    data_sha256: str
    encoder: str
    learned_from: int
    temperature: float
    bar: float
    rows: list[PolicyRow]
    accuracy: Accuracy
    costs: list[Cost]
    curves: list[Curve]
    machine: str


def markdown(results: Results) -> str:
    """Return the figures as tables."""
    accuracy = results.accuracy
    low, high = accuracy.interval
    setup = (
        f"Learned from {results.learned_from:,} MMLU-Pro questions, its bar "
        f"({results.bar:.3f}) fitted on rows of theirs that were left out in turn. Changed: the "
        "model or the reasoning is not what the encoder alone would have decided."
    )
    right = (
        f"Category right on held-out MMLU-Pro: {accuracy.together:.2%} with the static tier, "
        f"{accuracy.encoder:.2%} by the encoder alone; difference {accuracy.difference:+.2%} "
        f"({low:+.2%} to {high:+.2%}, paired): {accuracy.gained} prompts gained, "
        f"{accuracy.lost} lost."
    )
    time = (
        "Mean CPU milliseconds from text to decision with the paper's policy, one prompt at a "
        f"time on one thread, the three in turn. Encoder: {results.encoder}."
    )
    lines = [
        "# The static tier in front of the encoder",
        "",
        setup,
        "",
        "| policy | prompts | answered without the encoder | decisions changed (95 % interval) |",
        "| --- | --- | --- | --- |",
        *map(policy_line, results.rows),
        "",
        right,
        "",
        "| prompts | static tier alone | encoder alone | together | together to encoder |",
        "| --- | --- | --- | --- | --- |",
        *map(cost_line, results.costs),
        "",
        time,
        "",
        "![](static_tier.svg)",
        "",
        f"Measured on {results.machine}.",
        "",
    ]
    return "\n".join(lines)


def policy_line(row: PolicyRow) -> str:
    """Return a line of the first table."""
    low, high = row.changed_interval
    return (
        f"| {row.policy} | {row.prompts} ({row.count:,}) | {row.answered:.1%} "
        f"| {row.changed:.2%} ({low:.2%} to {high:.2%}) |"
    )


def cost_line(row: Cost) -> str:
    """Return a line of the second table."""
    return (
        f"| {row.prompts} | {row.static_ms:.3f} | {row.encoder_ms:.2f} | {row.together_ms:.2f} "
        f"| {row.ratio:.2f} |"
    )


def draw(results: Results) -> None:
    """Write the plot: what every bar would answer, and what that would change."""
    figure, (answered, changed) = panels(2)
    names = list(dict.fromkeys(curve.prompts for curve in results.curves))
    policies = list(dict.fromkeys(curve.policy for curve in results.curves))
    for curve in results.curves:
        colour = STYLES[names.index(curve.prompts)]
        dash = DASHES[policies.index(curve.policy)]
        label = f"{curve.prompts}; {curve.policy}"
        share = percent(curve.answered)
        answered.plot(curve.bars, share, color=colour, linestyle=dash, label=label)
        changed.plot(share, percent(curve.changed), color=colour, linestyle=dash)
    for row in results.rows:
        colour = STYLES[names.index(row.prompts)]
        changed.plot(row.answered * 100, row.changed * 100, "o", color=colour)
    answered.axvline(results.bar, color=LIMIT, linestyle=":", label="the fitted bar")
    changed.axhline(ALLOWED * 100, color=LIMIT, linestyle=":")
    answered.set(xlabel="bar", ylabel="answered without the encoder, %", xlim=(0, 1), ylim=(0, 100))
    changed.set(
        xlabel="answered without the encoder, % (dot: the fitted bar)",
        ylabel="decisions changed, %",
        xlim=(0, 100),
        ylim=(0, 5),
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    save(figure, "static_tier")


def percent(shares: list[float]) -> list[float]:
    """Return shares as percentages."""
    return [share * 100 for share in shares]
