"""The paper's own figures and table, and what of them can be held against ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from semrouter_extproc.core.policy import PAPER_POLICY

SOURCE: Final = (
    'Table 1 of "When to Reason: Semantic Router for vLLM" (arXiv 2510.08731): Qwen3-30B-A3B on '
    "MMLU-Pro, vLLM 0.10.1 on NVIDIA L4, tensor parallel 4"
)

SWITCH: Final[Mapping[str, bool]] = {
    category: level.thinks for category, level in PAPER_POLICY.items()
}
"""Whether to reason, by category of MMLU-Pro."""

TOKEN_SHARE: Final = 887.5 / 1722.1
"""What the paper's router spends of always-on's tokens."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of the paper's table: accuracy from 0 to 1, mean seconds and tokens per answer."""

    accuracy: float
    seconds: float
    tokens: float


ALWAYS_ON: Final = PaperRow(accuracy=0.4833, seconds=24.76, tokens=1722.1)
"""What the paper calls direct vLLM inference."""

ROUTER: Final = PaperRow(accuracy=0.5857, seconds=13.09, tokens=887.5)

COMPARABLE: Final = (
    (
        "Tokens with the router as a share of the tokens without: both are ratios of means over "
        "the same prompts."
    ),
    (
        "The method, a table set by hand: it is judged here as one of the policies, on the same "
        "rows as the others."
    ),
)

NOT_COMPARABLE: Final = (
    (
        "Accuracy: the paper's text does not say how many questions were asked, so no interval "
        "can be drawn around its +10.24 points. The benchmark script in its repository asks 5 "
        "per category, 70 in all, unless told otherwise."
    ),
    (
        "Found categories: the paper's classifier was trained on the questions that it was then "
        "judged on."
    ),
    (
        "What is gained over always-on: answers were likely cut at 2,048 tokens, the script's "
        "default (the paper states no limit), and their mean without a router is 1,722. An "
        "answer that is cut while the model still thinks is wrong, so that switching reasoning "
        "off gains accuracy by itself."
    ),
    (
        "What is gained by choosing: the paper has no matched random, no always-off and no "
        "oracle to hold its router against."
    ),
    "Seconds: records hold tokens, and the paper's seconds are those of its own machines.",
)
