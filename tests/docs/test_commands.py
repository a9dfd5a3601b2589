"""Every command in a document works as printed, or is on a list with its reason."""

import json
import os
import re
import shlex
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path
from shutil import which

import pytest
import yaml
from helm_python import lint

from semrouter_extproc.cli.app import main
from semrouter_extproc.config import parse
from support.documented_site import Addresses, Site, furnish, moved, running_site
from support.documents import ROOT, Block, blocks, commands, plain
from support.eventually import eventually
from support.sentence_models import write_older
from support.shell import Shell

COMMANDS = commands()
LISTED = yaml.safe_load((Path(__file__).parent / "listed.yaml").read_text())

# What starts a server, and where it says that it is ready.
READY = {
    "semrouter serve": ("admin", "/readyz"),
    "envoy -c": ("envoy_admin", "/ready"),
}
# In this process the libraries of the encoder are loaded once, which takes longer than the rest.
IN_PROCESS = r"semrouter (?!serve)[^|>]*"
# The default encoder would take minutes; here, words tell the categories.
SMALL_ENCODER = ("lint", "fit", "tune", "evaluate")
# The commands of this installation come first.
PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

# What not every machine has.
TOOLS = ("curl", "jq", "shuf")

CHART = ROOT / "deploy" / "k8s" / "semrouter"
REQUIRED = {
    "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
    "default": {"model": "qwen3"},
}
# A workflow of GitHub's (YAML reads its `on` as true), an object of Kubernetes'.
NO_PAGES = (True, "apiVersion")


def is_listed(command: str) -> bool:
    return any(fnmatchcase(plain(command), pattern) for pattern in LISTED)


RUN = {
    document: wanted
    for document, found in COMMANDS.items()
    if (wanted := [command for command in found if not is_listed(command)])
}


@dataclass(frozen=True)
class Terminal:
    """Runs commands in `folder`, one after another, as a reader of the document would."""

    folder: Path
    shell: Shell
    site: Site
    addresses: Addresses
    encoder: Path

    def run(self, printed: str) -> str:
        """Return what a command prints; raises where it fails."""
        command = moved(printed, self.site, self.addresses)
        start = next(filter(printed.startswith, READY), None)
        if start:
            return self._start(command, *READY[start])
        if re.fullmatch(IN_PROCESS, plain(command)):
            return self._run_here(shlex.split(plain(command))[1:])
        code, output = self.shell.run(command)
        assert code == 0, f"{command}\n{output}"
        return output

    def _start(self, command: str, port: str, path: str) -> str:
        _, printed = self.shell.run(command if command.endswith("&") else f"{command} &")
        url = f"http://{getattr(self.addresses, port)}{path}"
        assert eventually(lambda: is_answered(url), seconds=60), command
        return printed

    def _run_here(self, arguments: list[str]) -> str:
        if arguments[0] in SMALL_ENCODER:
            arguments += ["--encoder", str(self.encoder)]
        leaves = pytest.raises(SystemExit)
        with chdir(self.folder), redirect_stdout(StringIO()) as printed, leaves as exit_:
            main(arguments)
        assert not exit_.value.code, f"{arguments}\n{printed.getvalue()}"
        return printed.getvalue()


def is_answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - of our own making
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_older(tmp_path_factory.mktemp("models") / "bert")


@pytest.mark.parametrize("document", RUN)
def test_the_commands_of_a_document_work(
    document: str, site: Site, small_encoder: Path, tmp_path: Path
) -> None:
    if missing := [tool for tool in TOOLS if is_used(tool, document) and not which(tool)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    starts = any(command.startswith(tuple(READY)) for command in RUN[document])
    addresses = Addresses.free() if starts else site.addresses
    furnish(tmp_path, site, addresses)

    with Shell(tmp_path, PATH) as shell:
        terminal = Terminal(tmp_path, shell, site, addresses, small_encoder)
        printed = "".join(map(terminal.run, RUN[document]))

    assert [line for line in promised(document) if line not in printed] == []


def is_used(tool: str, document: str) -> bool:
    return any(re.search(rf"\b{tool}\b", command) for command in RUN[document])


def promised(document: str) -> list[str]:
    """Return the decisions that a document says a reader will see."""
    shown = (block.text for block in blocks("text") if block.document == document)
    return [
        line for text in shown for line in re.findall(r"^x-semrouter-re.*$", text, re.MULTILINE)
    ]


def test_every_reason_is_for_a_command_of_a_document() -> None:
    every = {plain(command) for found in COMMANDS.values() for command in found}

    assert [each for each in LISTED if not any(fnmatchcase(one, each) for one in every)] == []


def test_every_target_that_a_document_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {each.split()[1] for found in COMMANDS.values() for each in found if is_make(each)}

    assert named <= targets


def is_make(command: str) -> bool:
    return command.startswith("make ")


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.document)
def test_a_page_in_a_document_is_one_that_a_router_reads(block: Block) -> None:
    document = yaml.safe_load(block.text)
    if "config" in document:
        assert lint(CHART, values=document)["errors"] == []
    elif not any(map(document.__contains__, NO_PAGES)):
        parse(REQUIRED | document, source=block.document)


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.document)
def test_json_in_a_document_is_json(block: Block) -> None:
    assert json.loads(block.text)
