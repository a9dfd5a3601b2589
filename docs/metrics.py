"""Write metrics.md: names, types and labels as a router exports them, with metrics.yaml's words.

The introduction of metrics.md, above a mark, is written by hand and stays.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from semrouter_extproc.core.policy import Choice, Decision, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.observe.answers import Answered, Decided
from semrouter_extproc.observe.metrics import Metrics

FOLDER: Final = Path(__file__).parent
WORDS: Final = FOLDER / "metrics.yaml"
REFERENCE: Final = FOLDER / "metrics.md"

_MARK: Final = "<!-- What follows is written by docs/metrics.py -->\n"


def written() -> str:
    """Return the file's text."""
    words = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    told = words["labels"] | {"reason": _listed(Reason), "reasoning": _listed(Reasoning)}
    metrics = {_exported(metric): metric for metric in _exercised().collect()}
    lines: list[str] = []
    for title, texts in words["sections"].items():
        lines += _table(f"## {title}", ["metric", "type", "says", "when it moves"])
        lines += [_row(metrics[name], told, text) for name, text in texts.items()]
    lines += _table("## Labels", ["label", "is"])
    lines += [f"| `{label}` | {text} |" for label, text in told.items()]
    introduction, _, _ = REFERENCE.read_text(encoding="utf-8").partition(_MARK)
    return introduction + _MARK + "\n".join(lines) + "\n"


def _exercised() -> Metrics:
    """Return metrics that have counted at least once whatever only shows its labels then."""
    metrics = Metrics(CollectorRegistry())
    metrics.decided(Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math"))
    metrics.answers.over(
        Answered("/v1/chat/completions", Decided("qwen3", "math", "on"), 200, 1, 1, 0.1, 0.1)
    )
    thinks, answers = Route("qwen3", Reasoning.ON), Route("qwen3", Reasoning.OFF)
    metrics.shadow.compare(Choice(thinks, Reason.ROUTED), Choice(answers, Reason.ROUTED))
    metrics.drift.learned_from({"math": 1})
    return metrics


def _exported(metric: Metric) -> str:
    return metric.name + ("_total" if metric.type == "counter" else "")


def _table(title: str, columns: list[str]) -> list[str]:
    return ["", title, "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]


def _row(metric: Metric, told: Iterable[str], text: str) -> str:
    labels = [
        f"`{label}`" + ("" if label in told else f" ({_listed(values)})")
        for label, values in _labels(metric).items()
    ]
    by = f" By {', '.join(labels)}." if labels else ""
    return f"| `{_exported(metric)}` | {metric.type} | {metric.documentation}{by} | {text} |"


def _labels(metric: Metric) -> dict[str, list[str]]:
    """Return each label with the values it has; where a bucket ends is none."""
    names = [name for name in metric.samples[0].labels if name != "le"]
    return {
        name: list(dict.fromkeys(sample.labels[name] for sample in metric.samples))
        for name in names
    }


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    REFERENCE.write_text(written(), encoding="utf-8")
