"""Four dialects that stand for all: a switch, efforts, both with a budget, and words."""

from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling

ENABLE = ("chat_template_kwargs", "enable_thinking")
EFFORT = ("reasoning_effort",)
BUDGET = ("thinking_token_budget",)

SWITCH = Dialect(
    "switch",
    {Reasoning.ON: Spelling({ENABLE: True}), Reasoning.OFF: Spelling({ENABLE: False})},
    removes=frozenset({EFFORT}),
    budget=BUDGET,
)
EFFORTS = Dialect(
    "efforts",
    {
        level: Spelling({EFFORT: level.value})
        for level in (Reasoning.LOW, Reasoning.MEDIUM, Reasoning.HIGH)
    },
)
WORDS = Dialect(
    "words",
    {
        Reasoning.ON: Spelling(system_prompt="detailed thinking on"),
        Reasoning.OFF: Spelling(system_prompt="detailed thinking off"),
    },
)
COMMANDS = Dialect(
    "commands",
    {Reasoning.ON: Spelling(user_turn="/think"), Reasoning.OFF: Spelling(user_turn="/no_think")},
)
SILENT = Dialect("silent", {})

ALL = (SWITCH, EFFORTS, WORDS, COMMANDS, SILENT)
