"""When to reason, learned from paired records and judged on records that it has not seen.

For each of DATA's record sets, 20 random splits: four fifths are learned from, a fifth is
judged. Budgets compile to prices on the learning part alone. What a decision costs to serve is
timed as well. Writes `results/tune.json`, `.md` and `.svg`.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from classification import machine
from numpy.typing import NDArray
from results_files import publish
from rich.console import Console
from tune_report import Cell, RecordSet, Results, Spread, draw, markdown
from tune_serving import serving_costs
from tune_ways import WAYS, Plan, Split, category_switch

from semrouter_extproc.core.frontier import Aim
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.workbench.features import Features, features_of
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.records import Records, read_records
from semrouter_extproc.workbench.tradeoff import Observed, picked
from semrouter_extproc.workbench.waiting import waiting_on

SETS: Final = {
    "BIG-bench Hard": "bbh_codex",
    "Qwen3-30B-A3B": "qwen3-30b-a3b_mmlu-pro",
    "R1-Distill-7B": "r1-distill-7b_mmlu-pro",
}
BUDGETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.515, 0.6, 0.7, 0.75, 0.8, 0.9)
JUDGED: Final = 0.2
SWITCH: Final = "per-category switch"
NORMAL_95: Final = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What a way reached on the judged rows `rows`; `above_lots` is of each, `[M]`."""

    rows: NDArray[np.intp]
    over_always_on: float
    token_share: float
    above_lots: NDArray[np.float64]

    @property
    def low(self) -> float:
        """The lower end of the paired 95 % interval of the gain above lots."""
        spread = self.above_lots.std(ddof=1) / np.sqrt(len(self.rows))
        return float(self.above_lots.mean() - NORMAL_95 * spread)


def main() -> None:
    """Measure every record set and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="The folder of labelled data.")
    parser.add_argument("--splits", type=int, default=20)
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        encoder = TorchEncoder(workers=usable_cores(), precision="float32")
        sets = []
        for title, name in SETS.items():
            records = read_records([arguments.data / f"records/{name}.jsonl.gz"])
            progress.step(f"Encoding {title}")
            features = features_of(records.texts, encoder, progress)
            progress.step(f"Judging {title}")
            sets.append(judged(title, records, features, arguments.splits, progress))
        progress.step("Timing decisions")
        costs = serving_costs()
    results = Results(arguments.splits, JUDGED, tuple(sets), costs, machine())
    publish("tune", results, markdown(results), console)
    draw(results)


def judged(
    title: str, records: Records, features: Features, splits: int, progress: Progress
) -> RecordSet:
    """Judge every way on every split of one record set."""
    found: dict[tuple[str, float | None], list[Reached]] = defaultdict(list)
    nothing_to_gain = 0
    for number in range(splits):
        progress.detail(f"split {number + 1} of {splits}")
        split = Split(records, features, judged_rows(len(records.ids), number))
        for way, plan_for in WAYS.items():
            plan = plan_for(split)
            nothing_to_gain += way == "router" and plan.frontier.by_lot
            for budget in BUDGETS:
                found[way, budget].append(reached(plan, split, budget))
        found[SWITCH, None].append(of_arms(category_switch(split), split))
    return RecordSet(
        title=title,
        rows=len(records.ids),
        always_on=float(records.scores[:, -1].mean()),
        always_off=float(records.scores[:, 0].mean()),
        least_token_share=float(records.tokens[:, 0].mean() / records.tokens[:, -1].mean()),
        nothing_to_gain=nothing_to_gain,
        cells=tuple(cell(*key, each) for key, each in found.items()),
    )


def judged_rows(count: int, number: int) -> NDArray[np.bool_]:
    """Return which rows the split with this number judges, `[N]`."""
    judged = np.zeros(count, bool)
    judged[np.random.default_rng(number).permutation(count)[: round(count * JUDGED)]] = True
    return judged


def reached(plan: Plan, split: Split, budget: float) -> Reached:
    """Return what a plan reaches within a share of the always-on tokens."""
    setting = plan.frontier.compiled(Aim.TOKEN_SHARE, budget)
    if setting.lots is None:
        return of_arms(plan.expected.worth(setting.price), split)
    seen = split.judging
    # Lots are judged by what they give on average, and that is what they are held against.
    return _reached(split, seen, seen.scores @ setting.lots, seen.tokens @ setting.lots, 0.0)


def of_arms(arms: NDArray[np.intp], split: Split) -> Reached:
    """Return what arms, `[M]`, reach on the judged rows."""
    seen = split.judging
    above = seen.scores_above_lots(arms)
    return _reached(split, seen, picked(seen.scores, arms), picked(seen.tokens, arms), above)


def _reached(
    split: Split,
    seen: Observed,
    scores: NDArray[np.float64],
    tokens: NDArray[np.float64],
    above: NDArray[np.float64] | float,
) -> Reached:
    return Reached(
        rows=np.flatnonzero(split.judged),
        over_always_on=float((scores - seen.scores[:, -1]).mean()),
        token_share=float(tokens.mean() / seen.tokens[:, -1].mean()),
        above_lots=np.broadcast_to(above, scores.shape),
    )


def cell(way: str, budget: float | None, splits: list[Reached]) -> Cell:
    """Sum up what a way reached within a budget on all splits."""
    rows = np.concatenate([split.rows for split in splits])
    above = np.concatenate([split.above_lots for split in splits])
    times = np.bincount(rows)
    # A row's mean over the splits that judged it: rows are independent, splits are not.
    each = np.bincount(rows, above)[times > 0] / times[times > 0]
    error = NORMAL_95 * each.std(ddof=1) / np.sqrt(len(each))
    return Cell(
        way=way,
        budget=budget,
        token_share=Spread.of([split.token_share for split in splits]),
        over_always_on=Spread.of([split.over_always_on for split in splits]),
        above_lots=Spread.of([float(split.above_lots.mean()) for split in splits]),
        above_lots_ci95=(float(each.mean() - error), float(each.mean() + error)),
        mean_low=float(np.mean([split.low for split in splits])),
    )


if __name__ == "__main__":
    main()
