"""The figures of `classification.py`, and how they are shown."""

from dataclasses import dataclass

from semrouter_extproc.artefact import Judgement
from semrouter_extproc.workbench.kernel_ridge import Settings


@dataclass(frozen=True, slots=True)
class Method:
    """One way to place prompts, on the held-out rows. `interval` is Wilson's, of 95 %."""

    name: str
    landmarks: int
    judgement: Judgement
    interval: tuple[float, float]
    switch_accuracy: float


@dataclass(frozen=True, slots=True)
class MarginRow:
    """What one `min_margin` does when other prompts than sure ones do not reason.

    `sure` is the share of prompts that are in scope and whose route leads by the margin,
    `sure_accuracy` how often on or off is right for them, `accuracy` for all prompts. `needless`
    is the share of all prompts that reason and should not, `missed` of those that should and do
    not.
    """

    min_margin: float
    sure: float
    sure_accuracy: float
    accuracy: float
    needless: float
    missed: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    data_sha256: str
    encoder: str
    rows_learned_from: int
    settings: Settings
    temperature: float
    methods: tuple[Method, ...]
    margins: tuple[MarginRow, ...]
    machine: str
    ngrams_us: float
    classify_us: float


def markdown(results: Results) -> str:
    """Return the figures as tables."""
    settings = results.settings
    setup = (
        f"{results.methods[0].judgement.rows:,} held-out MMLU-Pro questions, 14 categories, "
        f"encoder `{results.encoder}`. Settings were chosen and centroids learned on "
        f"{results.rows_learned_from:,} others: sharpness {settings.sharpness:g}, n-grams "
        f"{settings.ngram_share:.0%}, ridge {settings.ridge:g}, temperature "
        f"{results.temperature:.2f}."
    )
    legend = (
        "Needless: the share of all prompts that reason and should not. Missed: the share of "
        "the prompts that should reason and do not."
    )
    time = (
        f"Finding the n-grams takes {results.ngrams_us:.0f} microseconds, classifying by them and "
        f"the vector {results.classify_us:.0f}, on {results.machine}. What encoding takes: "
        "[encoders](encoders.md)."
    )
    lines = [
        "# Placing prompts and switching reasoning",
        "",
        setup,
        "",
        "| method (landmarks) | accuracy (95 % interval) | macro F1 | ECE | on/off right |",
        "| --- | --- | --- | --- | --- |",
        *map(method_line, results.methods),
        "",
        "On or off by `min_margin`; what is unsure or out of scope is answered without reasoning:",
        "",
        "| min_margin | sure | right when sure | right in all | needless | missed |",
        "| --- | --- | --- | --- | --- | --- |",
        *map(margin_line, results.margins),
        "",
        legend,
        "",
        time,
        "",
    ]
    return "\n".join(lines)


def method_line(row: Method) -> str:
    """Return a line of the first table."""
    judgement, (low, high) = row.judgement, row.interval
    return (
        f"| {row.name} ({row.landmarks:,}) | {judgement.accuracy:.1%} ({low:.1%} to {high:.1%}) "
        f"| {judgement.macro_f1:.3f} | {judgement.ece:.3f} | {row.switch_accuracy:.1%} |"
    )


def margin_line(row: MarginRow) -> str:
    """Return a line of the second table."""
    shares = (row.sure, row.sure_accuracy, row.accuracy, row.needless, row.missed)
    return f"| {row.min_margin:.2f} | " + " | ".join(f"{value:.1%}" for value in shares) + " |"
