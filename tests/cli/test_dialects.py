import json
from pathlib import Path

import pytest

from semrouter_extproc.cli.app import main
from semrouter_extproc.config.dialects import built_in_families

OWN = """
models: {m: {dialect: ours, endpoints: ["127.0.0.1:1"]}}
default: {model: m}
dialects:
  ours:
    models: a model of our own
    spellings:
      - backends: {vllm: documented}
        on: {user_turn: think hard}
        off: {chat_template_kwargs.ponder: 0}
  none:
    spellings: []
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["dialects", *arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_every_family_and_backend_of_the_table_has_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys)

    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    for name, family in built_in_families().items():
        of_family = [words for words in lines if words[0] == name]
        assert len(of_family) == max(1, len(family.spellings))
    (qwen, _) = [words for words in lines if words[0] == "qwen3"]
    assert qwen[1:6] == ["off", "on", "end", "vllm", "(run),"]


def test_one_family_is_spelt_out_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "deepseek")

    assert code == 0
    assert "vllm (run)" in out
    assert "  off     chat_template_kwargs.thinking: false\n" in out
    assert "  removes reasoning_effort, chat_template_kwargs.enable_thinking\n" in out
    assert "  source  deepseek-ai-DeepSeek-V3.1.jinja" in out


def test_the_table_is_also_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--json")

    document = json.loads(out)
    assert list(document) == list(built_in_families())
    assert document["none"]["spellings"] == []
    assert document["qwen3"]["differs"] == "end"
    first = document["qwen3"]["spellings"][0]
    assert first["backends"]["vllm"] == "run"
    assert first["levels"]["off"] == {"chat_template_kwargs.enable_thinking": False}


def test_one_family_is_also_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "gpt-oss", "--json")

    assert list(json.loads(out)) == ["gpt-oss"]


def test_the_families_of_a_page_are_shown_with_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.yaml"
    page.write_text(OWN)

    _, out, _ = run(capsys, "--config", str(page))
    _, spelt, _ = run(capsys, "--config", str(page), "ours")

    assert "a model of our own" in out
    assert "qwen3" in out
    assert '  on      user_turn: "think hard"\n' in spelt
    assert "  off     chat_template_kwargs.ponder: 0\n" in spelt


@pytest.mark.parametrize(("name", "advice"), [("qwen", "qwen3?"), ("zzz", "lists all")])
def test_a_family_that_is_not_there_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], name: str, advice: str
) -> None:
    code, out, err = run(capsys, name)

    assert (code, out) == (2, "")
    assert advice in err
