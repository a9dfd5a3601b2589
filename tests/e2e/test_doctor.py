"""The doctor against the real vLLM: a switch that works, and one that its template ignores."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.vllm import VllmBackend

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

IGNORED = {
    "models": "models whose template reads no such keyword",
    "spellings": [
        {
            "backends": {"vllm": "documented"},
            "on": {"chat_template_kwargs.ponder": True},
            "off": {"chat_template_kwargs.ponder": False},
        }
    ],
}
REFUSED = {
    "spellings": [
        {
            "backends": {"vllm": "documented"},
            "on": {"reasoning_effort": "boundless"},
            "off": {"reasoning_effort": "none"},
        }
    ],
}


def doctor(vllm: VllmBackend, folder: Path, dialect: str) -> tuple[int, Any]:
    """Run the command on one model; return its exit code and its one finding."""
    page = folder / "page.json"
    document = {
        "models": {vllm.model: {"dialect": dialect, "endpoints": [str(vllm.address)]}},
        "default": {"model": vllm.model},
        "aliases": ["not-served"],
        "dialects": {"ignored": IGNORED, "refused": REFUSED},
    }
    page.write_text(json.dumps(document))
    command = [sys.executable, "-m", "semrouter_extproc", "doctor", "--json", "--config", str(page)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    (finding,) = json.loads(result.stdout)["findings"]
    return result.returncode, finding


def test_a_switch_that_the_template_obeys_works(tiny_vllm: VllmBackend, tmp_path: Path) -> None:
    code, finding = doctor(tiny_vllm, tmp_path, "qwen3")

    assert (code, finding["verdict"]) == (0, "works")
    assert finding["detail"].startswith("the prompts differ from token ")
    assert finding["detail"].endswith("at the end: the rest stays in prefix caches")
    (warning,) = finding["warnings"]
    assert warning.startswith("the server does not list not-served")


def test_a_switch_that_the_template_ignores_is_found_out(
    tiny_vllm: VllmBackend, tmp_path: Path
) -> None:
    code, finding = doctor(tiny_vllm, tmp_path, "ignored")

    assert (code, finding["verdict"]) == (1, "ignored")
    assert finding["detail"] == "off and on are rendered alike"


def test_a_level_that_vllm_does_not_know_is_refused(tiny_vllm: VllmBackend, tmp_path: Path) -> None:
    code, finding = doctor(tiny_vllm, tmp_path, "refused")

    assert (code, finding["verdict"]) == (1, "refused")
    assert finding["detail"].startswith("on: HTTP 400, ")


def test_words_that_only_reach_the_prompt_are_not_taken_for_a_switch(
    tiny_vllm: VllmBackend, tmp_path: Path
) -> None:
    code, finding = doctor(tiny_vllm, tmp_path, "llama-nemotron")

    assert (code, finding["verdict"]) == (1, "ignored")
    assert finding["detail"] == "it thinks with off"
