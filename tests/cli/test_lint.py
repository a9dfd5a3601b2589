import json
from pathlib import Path

import pytest

from semrouter_extproc.cli.app import main
from support.prompts import PROMPTS

CONTRADICTED = PROMPTS["cooking"][3]


def written(path: Path, *more: tuple[str, str, str]) -> str:
    """Write our prompts, and more rows of id, text and category, as a file of examples."""
    rows = [
        (f"{name}-{at}", text, name)
        for name, texts in PROMPTS.items()
        for at, text in enumerate(texts)
    ]
    names = "id", "text", "category"
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in [*rows, *more]]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["lint", *arguments])
    return int(exit_.value.code or 0), capsys.readouterr().out


@pytest.fixture
def flawed(tmp_path: Path) -> str:
    return written(tmp_path / "prompts.jsonl", ("twice", CONTRADICTED, "gardening"))


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--help")

    assert code == 0
    assert "--strict" in out


def test_good_examples_pass_a_strict_look(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = run(capsys, "--examples", written(tmp_path / "prompts.jsonl"), "--strict")

    assert code == 0
    assert "48 examples of 4 categories, cross-validated accuracy" in out


def test_flaws_are_shown_with_their_texts_where_wanted(
    capsys: pytest.CaptureFixture[str], flawed: str
) -> None:
    code, out = run(capsys, "--examples", flawed, "--show-text")

    assert code == 0
    assert "The same text stands under 'cooking' and 'gardening'" in out
    assert CONTRADICTED in out


def test_a_strict_look_fails_on_flaws_and_tells_no_prompt(
    capsys: pytest.CaptureFixture[str], flawed: str
) -> None:
    code, out = run(capsys, "--examples", flawed, "--strict", "--json")

    assert code == 1
    assert CONTRADICTED not in out
    report = json.loads(out)
    assert (report["rows"], report["categories"]) == (49, 4)
    first = report["findings"][0]
    assert (first["kind"], first["severity"]) == ("contradiction", "error")
    assert [row["id"] for row in first["rows"]] == ["cooking-3", "twice"]


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["lint", "--examples", "nowhere.jsonl"])

    assert exit_.value.code == 2
    assert "nowhere.jsonl: No such file" in capsys.readouterr().err
