import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from semrouter_extproc.cli.app import main
from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.workbench.doctor import Report, examine
from semrouter_extproc.workbench.doctor.judging import Verdict
from semrouter_extproc.workbench.loopback import serving
from semrouter_extproc.workbench.progress import Silent
from support.model_server import ModelServer
from support.ports import free_port

NAMES = ("small", "auto", "MoM")


def obedient(asked: Any) -> tuple[int, Any]:
    """Answer as a vLLM whose template reads `enable_thinking` or an effort."""
    if asked is None:
        return 200, {"data": [{"id": name} for name in NAMES]}
    kwargs = asked.get("chat_template_kwargs", {})
    switched = [int(kwargs.get("enable_thinking", True)), len(kwargs.get("reasoning_effort", ""))]
    answer = {"choices": [{"message": {"content": "12"}}]}
    return 200, answer | {"prompt_token_ids": [*range(80), *switched]}


def page(*endpoints: object, dialect: str = "qwen3", **changes: Any) -> dict[str, Any]:
    return {
        "models": {"small": {"dialect": dialect, "endpoints": [str(each) for each in endpoints]}},
        "default": {"model": "small"},
        **changes,
    }


def config(*endpoints: object, **changes: Any) -> Config:
    return parse(page(*endpoints, **changes), source="the test's configuration")


def examined(*endpoints: object, **changes: Any) -> Report:
    return examine(config(*endpoints, **changes), Silent(), seconds=20)


def test_every_endpoint_is_examined_in_the_order_of_the_page() -> None:
    with ExitStack() as servers:
        first = servers.enter_context(serving(ModelServer(obedient)))
        last = servers.enter_context(serving(ModelServer(obedient)))
        gone = Address("127.0.0.1", free_port())

        report = examined(first.address, gone, last.address)

    assert [(found.endpoint, found.verdict) for found in report.findings] == [
        (str(first.address), Verdict.WORKS),
        (str(gone), Verdict.UNREACHABLE),
        (str(last.address), Verdict.WORKS),
    ]
    assert not report.ok


def test_a_finding_says_what_was_asked_and_how_the_table_knows_it() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address)

    (found,) = report.findings
    assert report.ok
    assert (found.dialect, found.backend, found.evidence) == ("qwen3", "vllm", "run")
    assert (found.remedy, found.warnings) == ("", ())


def test_every_level_is_asked_for() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address, dialect="hunyuan")

    assert [asked["chat_template_kwargs"] for asked in server.asked] == [
        {"reasoning_effort": effort} for effort in ("no_think", "low", "high")
    ]
    assert report.ok


def test_a_server_that_does_not_answer_is_not_asked_again() -> None:
    def late(asked: Any) -> tuple[int, Any]:
        time.sleep(0.5)
        return obedient(asked)

    with serving(ModelServer(late)) as server:
        report = examine(config(server.address), Silent(), seconds=0.1)

    assert [found.verdict for found in report.findings] == [Verdict.UNREACHABLE]
    assert len(server.asked) == 1


def test_a_switch_that_the_server_does_not_read_is_ignored() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address, dialect="deepseek")

    assert [found.verdict for found in report.findings] == [Verdict.IGNORED]
    assert not report.ok


def test_a_model_without_a_switch_is_fine_if_it_answers() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address, dialect="none")

    assert [found.verdict for found in report.findings] == [Verdict.NO_SWITCH]
    assert report.findings[0].evidence is None
    assert report.ok


def test_names_that_the_server_does_not_list_are_warnings() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address, aliases=["auto", "smart"])
        unlisted = page(server.address)
        unlisted["models"]["large"] = unlisted["models"]["small"]
        other = examine(parse(unlisted, source="test"), Silent()).findings[1]

    assert report.ok
    (warning,) = report.findings[0].warnings
    assert warning.startswith("the server does not list smart: without a router")
    assert other.warnings == ("the server does not list the model as large",)


def test_aliases_matter_only_where_requests_fall_open() -> None:
    with serving(ModelServer(obedient)) as server:
        report = examined(server.address, aliases=["smart"], envoy={"fail_open": False})

    assert report.findings[0].warnings == ()


def test_a_server_without_a_list_of_models_is_not_warned_about() -> None:
    def unlisting(asked: Any) -> tuple[int, Any]:
        return obedient(asked) if asked else (404, {})

    with serving(ModelServer(unlisting)) as server:
        assert examined(server.address).findings[0].warnings == ()


def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, document: object, *arguments: str
) -> tuple[int, str, str]:
    """Run the command; return its exit code, what it printed, and what it told meanwhile."""
    file = tmp_path / "page.json"
    file.write_text(json.dumps(document))
    with pytest.raises(SystemExit) as exit_:
        main(["doctor", "--config", str(file), *arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_the_command_shows_each_endpoint_and_ends_with_zero_if_all_is_fine(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving(ModelServer(obedient)) as server:
        code, out, err = run(capsys, tmp_path, page(server.address))

    assert code == 0
    assert out.splitlines()[1].split()[:7] == [
        *("small", str(server.address), "qwen3", "on", "vllm", "run", "works"),
    ]
    assert "Asking 1 endpoint" in err


def test_the_command_says_what_to_do_and_ends_with_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving(ModelServer(obedient)) as server:
        code, out, _ = run(
            capsys, tmp_path, page(server.address, dialect="deepseek", aliases=["smart"])
        )

    assert code == 1
    fault, warning = out.splitlines()[-2:]
    assert fault.startswith(f"small at {server.address}: choose the dialect")
    assert warning.startswith(f"small at {server.address}: warning: the server does not list smart")


def test_the_command_prints_one_document(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving(ModelServer(obedient)) as server:
        code, out, _ = run(capsys, tmp_path, page(server.address), "--json")

    document = json.loads(out)
    assert (code, document["ok"]) == (0, True)
    assert document["findings"][0]["verdict"] == "works"


def test_the_command_refuses_a_bad_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(capsys, tmp_path, page("127.0.0.1:1", dialect="qwen9"))

    assert (code, out) == (2, "")
    assert "models.small.dialect" in err
