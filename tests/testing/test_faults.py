"""The harness itself, with a processor that lets everything pass, behind plain Envoys."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.testing.faults import Bench, matrix, told
from semrouter_extproc.testing.fronts import plain, running_fronts
from semrouter_extproc.testing.harms import HARMS
from semrouter_extproc.testing.recording import chat
from semrouter_extproc.testing.upstream import running_upstream
from semrouter_extproc.testing.victim import Victim
from support.ports import free_port

SERVER = Path(__file__).parents[1] / "support" / "passing_server.py"

# BUFFERED failing open and closed, STREAMED failing open and closed, full duplex.
SEEN = {
    "none": ["as sent", "as sent", "as sent", "as sent", "as sent"],
    "dead": ["as sent", "500", "as sent", "500", "500"],
    "killed during the body": [
        "as sent",
        "500",
        # Envoy has let go of the half that was answered.
        "200, BODY LOST",
        "500, the model saw a part",
        "500, the model saw a part",
    ],
    # This one does not end its streams, and Envoy takes their end for an end of the answer.
    "killed during the answer": [
        "as sent",
        "200 CUT, reached the model",
        "as sent",
        "200 CUT, reached the model",
        "as sent",
    ],
}


def ask(number: int) -> bytes:
    return chat([{"role": "user", "content": f"What is {number} squared?"}], stream=True)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    address = Address("127.0.0.1", free_port())
    with ExitStack() as stack:
        model = stack.enter_context(running_upstream("model", events=5))
        command = (sys.executable, SERVER, str(address.port))
        victim = Victim(command, address, folder / "server.log")
        stack.enter_context(victim.running())
        bootstraps = plain(address, Address("127.0.0.1", model.port))
        fronts = stack.enter_context(running_fronts(bootstraps, folder))
        yield Bench(victim, fronts, model, ask)


def test_what_clients_and_model_see_is_told(bench: Bench) -> None:
    harms = [harm for harm in HARMS if harm.name in SEEN]

    seen = {harm.name: [told(cell) for cell in cells] for harm, cells in matrix(bench, harms)}

    assert seen == SEEN


def test_a_server_that_does_not_answer_is_told_with_what_it_said(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "print('no configuration'); raise SystemExit(2)")
    victim = Victim(command, Address("127.0.0.1", free_port()), tmp_path / "server.log")

    with pytest.raises(EnvironmentProblem, match="no configuration"), victim.running():
        pass
