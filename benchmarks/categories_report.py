"""How `categories.py` tells what it found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean, stdev

import msgspec
from categories_judge import REFUSED, Placed, Scope, Split
from categories_steadiness import Flips

from semrouter_extproc.workbench.kernel_ridge import Settings


class Results(msgspec.Struct, frozen=True):
    """Everything that was measured. `data` has the SHA-256 of each file."""

    encoder: str
    data: Mapping[str, str]
    settings: Settings
    held_out: Split
    others: Sequence[Split]
    intents: Sequence[Scope]
    steadiness: Sequence[Flips]
    machine: str


def markdown(results: Results) -> str:
    """Return the tables."""
    return "\n".join(
        [
            *_head(results),
            *_mmlu(results),
            *_intents(results.intents),
            *_steadiness(results.steadiness),
        ]
    )


def _head(results: Results) -> Iterator[str]:
    chosen = results.settings
    yield "# Learning categories\n"
    yield (
        f"Encoder `{results.encoder}` in single precision, {results.machine}. Settings were chosen "
        "by five-fold cross-validation on the rows learned from, for every row of these tables "
        f"anew; for the held-out rows of MMLU-Pro: sharpness {chosen.sharpness:g}, n-grams "
        f"{chosen.ngram_share:.0%}, ridge {chosen.ridge:g}.\n"
    )


def _mmlu(results: Results) -> Iterator[str]:
    held_out = results.held_out
    yield "## MMLU-Pro, 14 categories\n"
    yield (
        "On/off: the share whose switch is the one of the paper's table for the true category. "
        "Apart: without rows that have a near-duplicate (cosine above 0.95) among those learned "
        "from.\n"
    )
    yield (
        "| rows | learned from | landmarks | judged | category right | on/off right "
        "| calibration error | log loss | apart | category right, apart |"
    )
    yield "| --- " * 10 + "|"
    yield _split(held_out)
    for split in results.others:
        yield _split(split)
    yield (
        "| the splits, mean ± standard deviation |  |  |  "
        f"| {_spread(results.others, _accuracy)} "
        f"| {_spread(results.others, _switch)} | {_spread(results.others, _ece)} |  |  "
        f"| {_spread(results.others, _apart)} |"
    )
    yield (
        f"\nOne classification by {held_out.landmarks:,} landmarks takes "
        f"{held_out.classify_us:,.0f} µs (median).\n"
    )


def _split(split: Split) -> str:
    whole, apart = split.whole, split.apart
    return (
        f"| {split.name} | {split.learned_from:,} | {split.landmarks:,} "
        f"| {whole.judgement.rows:,} | {_with_interval(whole)} | {whole.switch:.1%} "
        f"| {whole.judgement.ece:.3f} | {whole.judgement.log_loss:.3f} "
        f"| {apart.judgement.rows:,} | {_with_interval(apart)} |"
    )


def _with_interval(placed: Placed) -> str:
    low, high = placed.interval
    return f"{placed.judgement.accuracy:.1%} ({low:.1%} to {high:.1%})"


def _accuracy(split: Split) -> float:
    return split.whole.judgement.accuracy


def _switch(split: Split) -> float:
    return split.whole.switch


def _ece(split: Split) -> float:
    return split.whole.judgement.ece


def _apart(split: Split) -> float:
    return split.apart.judgement.accuracy


def _spread(splits: Sequence[Split], figure: Callable[[Split], float]) -> str:
    values = [figure(split) for split in splits]
    return f"{mean(values):.1%} ± {stdev(values):.1%}"


def _intents(scopes: Sequence[Scope]) -> Iterator[str]:
    yield "## CLINC150, 150 intents and what is none\n"
    yield (
        "AUROC: the chance that a prompt in scope is more familiar than one out of scope, of which "
        f"none was learned. Refused and found: with `out_of_scope: {REFUSED}`.\n"
    )
    yield (
        "| learned from | rows | in scope | intent right | calibration error | out of scope "
        "| AUROC | in scope, refused | out of scope, found |"
    )
    yield "| --- " * 9 + "|"
    for row in scopes:
        low, high = row.interval
        yield (
            f"| {row.name} | {row.learned_from:,} | {row.rows:,} | {row.accuracy:.1%} "
            f"({low:.1%} to {high:.1%}) | {row.ece:.3f} | {row.strange:,} | {row.auroc:.3f} "
            f"| {row.refused:.1%} | {row.found:.1%} |"
        )
    yield ""


def _steadiness(rows: Sequence[Flips]) -> Iterator[str]:
    yield "## Disturbed prompts\n"
    yield (
        "Held-out questions of MMLU-Pro, read as the router reads them, by the 8-bit encoder. What "
        "is put around them was never learned. Changed: the share of prompts that come out "
        "otherwise than undisturbed.\n"
    )
    yield (
        "| disturbance | category changed | on/off changed | on/off changed, static tier first "
        "| category right |"
    )
    yield "| --- " * 5 + "|"
    for row in rows:
        yield (
            f"| {row.name} | {row.category:.1%} | {row.switch:.1%} | {row.routed:.1%} "
            f"| {row.accuracy:.1%} |"
        )
    yield ""
