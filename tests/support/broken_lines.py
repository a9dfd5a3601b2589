"""Lines of the router, each of which something that goes wrong hangs on.

Each is broken in a copy of the package, and the harness must notice: by what a harm does, by what a
recorded conversation comes to, or by what becomes of clients that hang up.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import semrouter_extproc
from semrouter_extproc.testing.asking import Question
from semrouter_extproc.testing.conversations import RECORDED, read
from semrouter_extproc.testing.envoy import Answered, Forwarded
from semrouter_extproc.testing.harms import HARMS
from semrouter_extproc.testing.playing import play
from support.eventually import eventually
from support.fault_benches import RouterBench, ask
from support.fault_table import documented
from support.router_harms import encoder_harms

HANG_UPS: Final = 40

_SOURCE: Final = Path(semrouter_extproc.__file__).parent


@dataclass(frozen=True)
class Probe:
    """Looks at a router. `usual` is what it says of one that is whole, which other tests hold."""

    usual: str
    look: Callable[[RouterBench], str]


@dataclass(frozen=True)
class BrokenLine:
    """A line of a file of the package, what stands there instead, and what notices."""

    name: str
    file: str
    line: str
    instead: str
    probe: Probe


@contextmanager
def broken(line: BrokenLine, package: Path) -> Iterator[None]:
    """Break a line of the copy for as long as the block lasts."""
    file = package / _SOURCE.name / line.file
    whole = file.read_text()
    assert whole.count(line.line) == 1, f"{line.file} has no such line any more, or several"
    file.write_text(whole.replace(line.line, line.instead))
    try:
        yield
    finally:
        file.write_text(whole)


def copy_of_the_package(folder: Path) -> Path:
    """Copy the package, so that it can be imported from the folder that is returned."""
    shutil.copytree(_SOURCE, folder / _SOURCE.name)
    return folder


def by_harm(name: str) -> Probe:
    """Do a harm, and say what clients and model see of it."""

    def look(router: RouterBench) -> str:
        harms = (*HARMS, *encoder_harms(router))
        (harm,) = [each for each in harms if each.name == name]
        return str(router.bench.words(router.bench.suffer(harm)))

    return Probe(str(documented()[name]), look)


def by_conversation(name: str, usual: str) -> Probe:
    """Play what Envoy said once, and say what it would make of the answers."""

    def look(router: RouterBench) -> str:
        played = play(str(router.bench.victim.address), read(RECORDED / f"{name}.jsonl.gz"))
        match played.outcome:
            case Forwarded(rerouted=rerouted):
                return "forwarded, and routed anew" if rerouted else "forwarded"
            case Answered(status=status):
                return f"answered {status}"
            case _:
                return "broken"

    return Probe(usual, look)


def _hang_up(router: RouterBench) -> str:
    """Have clients hang up while the encoder hangs, and say whether it encoded for them."""
    before = router.metric("semrouter_batch_size_sum")
    router.encoder.write_text("hangs")
    questions = [Question(router.bench.fronts[0].address, ask(n)) for n in range(HANG_UPS)]
    for question in questions:
        question.send()
    time.sleep(0.5)
    for question in questions:
        question.close()
    time.sleep(0.5)
    router.encoder.write_text("")
    assert eventually(lambda: router.metric("semrouter_queue_depth") == 0)
    encoded = router.metric("semrouter_batch_size_sum") - before
    return "encoded for all" if encoded == HANG_UPS else "encoded for some"


BY_HANG_UPS: Final = Probe("encoded for some", _hang_up)


LINES: Final = (
    BrokenLine(
        "content-length is not set",
        "extproc/messages.py",
        'headers = {**headers, "content-length": str(len(body))}',
        "headers = {**headers}",
        by_harm("none"),
    ),
    BrokenLine(
        "the stream is not closed",
        "extproc/processor.py",
        "        self.finished = True\n        return answers",
        "        return answers",
        by_harm("killed during the answer"),
    ),
    BrokenLine(
        "no new route is looked for",
        "extproc/messages.py",
        "common.clear_route_cache = True",
        "common.clear_route_cache = False",
        by_conversation("buffered-chat", "forwarded, and routed anew"),
    ),
    BrokenLine(
        "the body in full duplex has no end",
        "extproc/messages.py",
        "end_of_stream=end_of_stream and start == starts[-1]",
        "end_of_stream=False",
        by_harm("none"),
    ),
    BrokenLine(
        "trailers are let through",
        "extproc/processor.py",
        "        if self._passing:\n            return self._finish([messages.answer_trailers()])",
        "        return self._finish([messages.answer_trailers()])",
        by_conversation("full-duplex-streamed-trailers", "answered 400"),
    ),
    BrokenLine(
        "large messages are refused",
        "server.py",
        '("grpc.max_receive_message_length", size)',
        '("grpc.max_receive_message_length", 4 * 1024 * 1024)',
        by_conversation("buffered-large", "forwarded, and routed anew"),
    ),
    BrokenLine(
        "work is not cancelled",
        "encoding/batcher.py",
        "            if one.entry.future.done():\n                given_up",
        "            if False:\n                given_up",
        BY_HANG_UPS,
    ),
    BrokenLine(
        "the deadline is not kept",
        "ladder.py",
        "asyncio.timeout(self._deadline)",
        "asyncio.timeout(None)",
        by_harm("its encoder hangs"),
    ),
    BrokenLine(
        "the encoder's thread does not outlive an error",
        "encoding/batcher.py",
        "except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a model",
        "except MemoryError as error:  # the thread dies of whatever a model",
        by_harm("its encoder raises"),
    ),
    BrokenLine(
        "vectors are not looked at",
        "encoding/batcher.py",
        " or not np.isfinite(vectors).all()",
        "",
        by_harm("its encoder gives NaN"),
    ),
)
