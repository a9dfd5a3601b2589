import json
import shutil
from pathlib import Path

import pytest

from semrouter_extproc.cli.app import main
from support.sentence_models import change, write_older

CONFIG = Path(__file__).parent.parent.parent / "config/semrouter.yaml"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_older(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    captured = capfd.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def export(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return run(capfd, "encoder", "export", *arguments)


@pytest.mark.parametrize("command", [("encoder",), ("encoder", "export")])
def test_the_command_explains_itself(
    capfd: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    code, out, _ = run(capfd, *command, "--help")

    assert code == 0
    assert "Usage:" in out


def test_a_folder_is_written_and_how_to_use_it_is_told(
    capfd: pytest.CaptureFixture[str], bert: Path, tmp_path: Path
) -> None:
    code, out, _ = export(capfd, "--model", str(bert), "--out", str(tmp_path / "out"))

    assert code == 0
    assert out.endswith(f"Use it with encoder.model: {tmp_path / 'out'}\n")
    assert (tmp_path / "out" / "encoder.onnx").is_file()


def test_without_a_folder_the_cache_is_filled_once(
    capfd: pytest.CaptureFixture[str], bert: Path, cache: Path
) -> None:
    first = export(capfd, "--model", str(bert), "--json")
    second = export(capfd, "--model", str(bert), "--json")

    (made,) = cache.rglob("encoder.onnx")
    assert json.loads(first[1])["folder"] == str(made.parent)
    assert second[:2] == first[:2]


def test_the_json_document_is_all_that_is_printed(
    capfd: pytest.CaptureFixture[str], bert: Path, tmp_path: Path
) -> None:
    code, out, _ = export(capfd, "--model", str(bert), "--out", str(tmp_path / "out"), "--json")

    answer = json.loads(out)
    assert code == 0
    assert answer["fingerprint"].startswith("bert@sha256:")
    assert (answer["dimensions"], answer["window"], answer["pooling"]) == (32, 48, "mean")
    assert answer["cosine"] > 0.95


def test_an_exported_folder_serves_as_the_encoder(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page, out = tmp_path / "page.yaml", tmp_path / "out"
    usual, exported = "model: all-MiniLM-L6-v2", f"model: {out}"
    assert usual in CONFIG.read_text()
    page.write_text(CONFIG.read_text().replace(usual, exported))
    assert export(capfd, "--out", str(out))[0] == 0
    prompt = "Find the derivative of f(x) = x^3 * sin(x) with respect to x."

    code, answer, _ = run(capfd, "route", "--config", str(page), "--json", prompt)

    assert code == 0
    assert json.loads(answer)["decision"]["category"] == "math"


def faults(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a command fails with."""
    code, out, err = export(capfd, *arguments)
    *_, line = err.splitlines()
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    return line


def test_a_folder_that_holds_something_is_one_clear_line(
    capfd: pytest.CaptureFixture[str], bert: Path
) -> None:
    line = faults(capfd, "--model", str(bert), "--out", str(bert))

    assert line == f"semrouter: {bert} exists and is not empty; name another folder"


def test_a_model_that_is_no_bert_is_one_clear_line(
    capfd: pytest.CaptureFixture[str], bert: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(bert, tmp_path / "model")
    change(model / "config.json", model_type="mpnet")

    line = faults(capfd, "--model", str(model), "--out", str(tmp_path / "out"))

    assert "its model_type is 'mpnet'" in line
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_one_clear_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = faults(capfd, "--model", str(tmp_path), "--out", str(tmp_path / "out"))

    assert line.startswith(f"semrouter: {tmp_path / 'config.json'} cannot be read: No such file")
