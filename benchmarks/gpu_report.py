"""The figures of `gpu.py`, and how they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass

from plots import LIMIT, OTHER, OURS, panels, save


@dataclass(frozen=True, slots=True)
class Budget:
    """One batch budget, in padded tokens.

    `texts` is the mean number in a batch, `rate` texts per second, `latency_ms` of a batch,
    `limit` texts per second of the network alone.
    """

    tokens: int
    texts: float
    rate: float
    latency_ms: float
    limit: float


@dataclass(frozen=True, slots=True)
class Option:
    """Texts per second without and with an option, or why it failed."""

    name: str
    case: str
    without: float | None
    with_it: float | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """The whole router under so many callers; CPU microseconds are of all its threads."""

    callers: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Model:
    """One encoder. `chosen` is the budget of the options and of the service, in tokens."""

    name: str
    budgets: tuple[Budget, ...]
    chosen: int
    options: tuple[Option, ...]
    service: tuple[Served, ...]

    @property
    def alone(self) -> float:
        """Texts per second of the encoder alone at the chosen budget."""
        return next(each.rate for each in self.budgets if each.tokens == self.chosen)


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    device: str
    software: str
    models: tuple[Model, ...]


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    setup = (
        "Encoders of two shapes with random weights, in bfloat16, on made-up prompts as long as "
        "MMLU-Pro's (67 tokens on average). *Encoder* is what the router calls: tokens in, unit "
        "vectors out. *Network alone* has its inputs on the device already and never waits: the "
        "limit. A budget bounds a batch: its longest text times its texts."
    )
    parts = [
        "# GPU",
        setup,
        f"Measured on {results.device}; {results.software}.",
        "![](gpu.svg)",
        *("\n".join(_model(model)) for model in results.models),
    ]
    return "\n\n".join(parts) + "\n"


def _model(model: Model) -> Iterator[str]:
    yield f"## {model.name}"
    yield ""
    yield "| budget | texts in a batch | encoder | network alone | share | latency of a batch |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield from map(_budget_line, model.budgets)
    yield ""
    yield (
        f"Options, at a budget of {model.chosen:,} tokens, the smallest that is within a "
        "twentieth of the best:"
    )
    yield ""
    yield "| option | of | without | with | gain |"
    yield "| --- | --- | --- | --- | --- |"
    yield from map(_option_line, model.options)
    yield ""
    yield (
        "The whole router in one process, at the same budget: requests parsed, batched, encoded, "
        "classified, rewritten. The share is of the encoder alone."
    )
    yield ""
    yield "| callers | requests/s | share | p50 | p99 | CPU per request |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield from (_served_line(each, model.alone) for each in model.service)


def _budget_line(row: Budget) -> str:
    return (
        f"| {row.tokens:,} | {row.texts:.1f} | {row.rate:,.0f}/s | {row.limit:,.0f}/s "
        f"| {row.rate / row.limit:.0%} | {row.latency_ms:.2f} ms |"
    )


def _option_line(row: Option) -> str:
    if row.without is None or row.with_it is None:
        return f"| {row.name} | {row.case} | | failed: {row.failure} | |"
    return (
        f"| {row.name} | {row.case} | {row.without:,.0f}/s | {row.with_it:,.0f}/s "
        f"| {row.with_it / row.without:.2f} |"
    )


def _served_line(row: Served, alone: float) -> str:
    return (
        f"| {row.callers:,} | {row.rate:,.0f} | {row.rate / alone:.0%} | {row.p50_ms:.1f} ms "
        f"| {row.p99_ms:.1f} ms | {row.cpu_us:,.0f} µs |"
    )


def draw(results: Results) -> None:
    """Write the plot: texts per second by budget, a panel for each encoder."""
    figure, axes = panels(len(results.models))
    for panel, model in zip(axes, results.models, strict=True):
        budgets = [each.tokens for each in model.budgets]
        limit = [each.limit for each in model.budgets]
        panel.plot(budgets, limit, "o-", color=LIMIT, label="network alone")
        panel.plot(
            budgets, [each.rate for each in model.budgets], "o-", color=OURS, label="encoder"
        )
        best = max(each.rate for each in model.service)
        panel.axhline(best, color=OTHER, linestyle=":", label="whole router, at its best")
        panel.set_xscale("log", base=2)
        panel.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
        panel.set_ylim(bottom=0)
        panel.set_title(model.name)
        panel.set_xlabel("tokens in a batch")
        panel.legend(frameon=False)
    axes[0].set_ylabel("prompts a second")
    save(figure, "gpu")
