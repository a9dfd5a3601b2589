"""The tables and the plot of `encoders.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from plots import OTHER, OURS, panels, save

OURS_BEGIN_WITH = "ONNX"


@dataclass(frozen=True, slots=True)
class EncoderRow:
    """What an encoder costs and loses.

    `cpu_ms` is CPU milliseconds per prompt, the median of all rounds, `quick_ms` what the
    quickest tenth of rounds stayed below, `ratio` that to the baseline's in the same rounds.
    `cosine` is the mean to exact vectors, `accuracy` the share of held-out prompts whose
    category is right.
    """

    name: str
    cpu_ms: float
    quick_ms: float
    ratio: float
    cosine: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `tokens` is the mean of the timed prompts; `batch_cost` was calibrated."""

    machine: str
    prompts: int
    tokens: float
    batch_cost: int
    rows: Sequence[EncoderRow]


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        f"CPU time of one thread per MMLU-Pro question of {results.tokens:.0f} tokens in the "
        "mean: the median of all rounds (and what the quickest tenth stayed below), and its "
        "ratio to the first line in the same rounds. Accuracy of the category is that on "
        f"{results.prompts:,} held-out questions, with centroids learned in full precision."
    )
    batches = (
        "In batches: eight prompts at a time, put together by length; ours within the "
        f"{results.batch_cost} tokens that were measured to be best here."
    )
    return "\n".join(
        [
            "# What the encoders cost",
            "",
            setup,
            "",
            "| encoder | CPU ms | ratio | cosine | accuracy |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {row.name} | {row.cpu_ms:.1f} ({row.quick_ms:.1f}) | {row.ratio:.2f} "
                f"| {row.cosine:.4f} | {row.accuracy:.1%} |"
                for row in results.rows
            ),
            "",
            "![](encoders.svg)",
            "",
            batches,
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


def draw(results: Results) -> None:
    """Write the plot: a bar of CPU time for each encoder."""
    figure, (panel,) = panels(1, width=7.0, height=3.2)
    rows = results.rows[::-1]
    colours = [OURS if row.name.startswith(OURS_BEGIN_WITH) else OTHER for row in rows]
    bars = panel.barh([row.name for row in rows], [row.cpu_ms for row in rows], color=colours)
    panel.bar_label(bars, [f" {row.ratio:.2f}" for row in rows])
    panel.set_xlabel("CPU milliseconds per prompt (label: ratio to the first)")
    save(figure, "encoders")
