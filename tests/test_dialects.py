"""The table of dialects: that it says what it claims, and that users can add to it."""

import re
from pathlib import Path

import pytest
import yaml

from semrouter_extproc.config import Config, load, parse
from semrouter_extproc.config.dialects import (
    Backend,
    Family,
    Row,
    built_in_families,
    dialects_of,
    merged,
)
from semrouter_extproc.core.reasoning import EFFORTS, Reasoning, Spelling
from semrouter_extproc.errors import ConfigError

FAMILIES = built_in_families()
ROWS = [(name, row) for name, family in FAMILIES.items() for row in family.spellings]
EVERY_ROW = pytest.mark.parametrize(
    ("name", "row"), ROWS, ids=[f"{name}-{'+'.join(row.backends)}" for name, row in ROWS]
)


@EVERY_ROW
def test_a_row_says_every_level_in_another_way(name: str, row: Row) -> None:
    said = list(row.levels.values())

    assert all(one != other for index, one in enumerate(said) for other in said[:index]), name


@EVERY_ROW
def test_a_row_says_where_it_was_seen(name: str, row: Row) -> None:
    assert row.source, name
    if row.backends.get(Backend.VLLM) == "run":
        assert re.findall(r"[\w.-]+\.jinja", row.source), "the templates it was run with"


def test_no_backend_of_a_family_is_told_in_two_ways() -> None:
    for name, family in FAMILIES.items():
        backends = [backend for row in family.spellings for backend in row.backends]
        assert len(backends) == len(set(backends)), name


def test_a_family_that_was_run_says_where_its_prompts_part() -> None:
    for name, family in FAMILIES.items():
        row = family.row(Backend.VLLM)
        if row is not None and row.backends[Backend.VLLM] == "run":
            assert family.differs, name


def test_gpt_oss_takes_its_effort_where_vllm_reads_it_and_is_never_off() -> None:
    row = FAMILIES["gpt-oss"].row(Backend.VLLM)
    assert row is not None
    dialect = row.dialect("gpt-oss", Backend.VLLM)

    assert dialect.spell(Reasoning.HIGH) == Spelling({("reasoning_effort",): "high"})
    assert dialect.nearest(Reasoning.OFF) is Reasoning.LOW


def test_off_is_always_spelt_out_for_the_hybrids() -> None:
    for name, keyword in (("qwen3", "enable_thinking"), ("deepseek", "thinking")):
        row = FAMILIES[name].row(Backend.VLLM)
        assert row is not None

        # Off by omission is off only where the template's own default is off.
        assert row.levels[Reasoning.OFF] == {f"chat_template_kwargs.{keyword}": False}


def test_a_server_that_counts_the_tokens_of_thinking_takes_a_budget_for_every_family() -> None:
    budgets = {
        backend: row.dialect("qwen3", backend).budget
        for row in FAMILIES["qwen3"].spellings
        for backend in row.backends
    }

    assert budgets[Backend.VLLM] == ("thinking_token_budget",)
    assert budgets[Backend.SGLANG] is None


def test_every_row_compiles() -> None:
    assert len(list(dialects_of(FAMILIES))) == sum(len(row.backends) for _, row in ROWS)


OWN = """
models:
  mine: {dialect: my-family, endpoints: ["127.0.0.1:1"]}
  theirs: {dialect: qwen3, endpoints: ["127.0.0.1:2"]}
default: {model: mine}
dialects:
  my-family:
    models: The one we trained
    spellings:
      - backends: {vllm: run}
        on: {chat_template_kwargs.ponder: true}
        off: {chat_template_kwargs.ponder: false, system_prompt: Answer at once.}
  qwen3:
    spellings:
      - backends: {vllm: run}
        on: {user_turn: /think}
        off: {user_turn: /no_think}
"""


@pytest.fixture
def own(tmp_path: Path) -> Config:
    page = tmp_path / "page.yaml"
    page.write_text(OWN)
    return load(page)


def test_a_page_adds_families_in_the_tables_own_form(own: Config) -> None:
    dialect = own.rules(_CATEGORIES).models["mine"].dialect

    assert dialect.spell(Reasoning.ON) == Spelling({("chat_template_kwargs", "ponder"): True})
    assert dialect.spell(Reasoning.OFF) == Spelling(
        {("chat_template_kwargs", "ponder"): False}, system_prompt="Answer at once."
    )


def test_what_a_page_says_of_a_known_family_comes_first(own: Config) -> None:
    dialect = own.rules(_CATEGORIES).models["theirs"].dialect

    assert dialect.spell(Reasoning.OFF) == Spelling(user_turn="/no_think")


def test_what_a_page_does_not_say_of_a_known_family_stays() -> None:
    family = merged({"qwen3": Family(models="ours")}, FAMILIES)["qwen3"]

    assert family.models == "ours"
    assert family.spellings == FAMILIES["qwen3"].spellings


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{backends: {vllm: run}, on: {a: 1}}", "at least two levels"),
        ("{backends: {vllm: run}, on: {messages: 1}, off: {a: 1}}", "`messages` is no switch"),
        ("{backends: {vllm: run}, on: {system_prompt: 5}, off: {a: 1}}", "takes a text"),
        ("{backends: {vllm: run}, on: {a: 1, a.b: 2}, off: {a: 1}}", "a.b is also a part of a"),
        ("{backends: {vllm: run}, on: {a: {b: 1}}, off: {a: 1}}", "one by one, as `a.NAME`"),
        ("{backends: {vllm: run}, on: {a.b.c: 1}}", "write a member as `name` or `object.name`"),
        ("{backends: {vlm: run}, on: {a: 1}}", "Input should be 'vllm'"),
        ("{backends: {vllm: believed}, on: {a: 1}}", "Input should be 'run', 'read'"),
        ("{backends: {vllm: run}, on: {}}", "should have at least 1 item"),
        ("{backends: {vllm: run}, onn: {a: 1}}", "unknown key"),
        ("{on: {a: 1}}", "Field required"),
    ],
)
def test_a_fault_in_a_pages_own_family_is_named_with_its_path(row: str, fault: str) -> None:
    document = yaml.safe_load(OWN)
    document["dialects"]["my-family"]["spellings"] = [yaml.safe_load(row)]

    with pytest.raises(ConfigError, match=r"dialects\.my-family\.spellings\.0[.:]") as caught:
        parse(document, source="page")

    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"backend": "ollama"},
            (
                "models.mine.backend: for my-family, unknown backend 'ollama'; known are vllm; "
                "add it under dialects"
            ),
        ),
        (
            {"dialect": "claude", "backend": "anthropic", "short_budget": {"then": "limit"}},
            (
                "models.mine.short_budget.then: claude on anthropic has no member for a budget "
                "of thinking; use off or raise"
            ),
        ),
        (
            {"short_budget": {"then": "raise", "cap": 512}},
            "models.mine.short_budget: `cap` leaves less than `below` (1024) to think and answer",
        ),
        (
            {"short_budget": {"then": "raise"}},
            "models.mine.short_budget: `cap` belongs to `then: raise`: the most tokens it may give",
        ),
    ],
)
def test_a_model_that_its_dialect_does_not_fit_is_a_fault(
    changes: dict[str, object], fault: str
) -> None:
    document = yaml.safe_load(OWN)
    document["models"]["mine"] |= changes

    with pytest.raises(ConfigError) as caught:
        parse(document, source="page")

    assert caught.value.faults == (fault,)


def test_efforts_are_ordered_as_the_table_lists_them() -> None:
    for name, row in ROWS:
        efforts = [level for level in row.levels if level in EFFORTS]
        assert efforts == sorted(efforts, key=EFFORTS.index), name


_CATEGORIES = (
    *("biology", "business", "chemistry", "computer science", "economics", "engineering"),
    *("health", "history", "law", "math", "other", "philosophy", "physics", "psychology"),
)
