"""Build the image, start it as it is shipped, ask it a question, and weigh it.

It needs root, Buildah and, unless `--base` names an image, mmdebstrap: then the base is a small
Debian with Python. There is no daemon and no container runtime: the image's own command runs in a
chroot, as the image's user, on a root file system that is read-only, with this machine's network.
Writes `results/image.json` and `.md`, and `image_torch` for the image with PyTorch, which needs 60
GB while it is built. The images stay in Buildah's storage.
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.error import URLError

import grpc
import msgspec
from containers import DEBIAN, Unpacked, build, make_debian, unpacked
from load.usage import Usage
from results_files import publish
from rich.console import Console

from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    HeaderMap,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)
from semrouter_extproc.extproc.service import SERVICE
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

ROOT: Final = Path(__file__).parents[1]
READY: Final = "http://127.0.0.1:9190/readyz"
ROUTER: Final = "127.0.0.1:50051"
BASE: Final = "localhost/semrouter-base"
QUESTION: Final = "Find the derivative of the function f(x) = x^3 * sin(x)."

STARTS: Final = 3
READY_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 45.0
MEGABYTE: Final = 1e6

# The size is asked of the image without PyTorch.
TARGET_MB: Final = 450
TARGET_SECONDS: Final = 5

PAGES: Final = {"onnx": "image", "torch": "image_torch"}
ENGINES: Final = {"onnx": "onnxruntime", "torch": "torch"}


@dataclass(frozen=True, slots=True)
class Run:
    """One start of the image, and how it ended."""

    ready_s: float
    resident_mb: float
    decision: dict[str, str]
    exit_code: int


@dataclass(frozen=True, slots=True)
class Results:
    """What was built, and how it behaved. Sizes are in megabytes, unpacked."""

    encoder: str
    engine: str
    base: str
    base_mb: float
    image_mb: float
    runs: tuple[Run, ...]


def main() -> None:
    """Build, start, ask, weigh, and write two files for each encoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", nargs="+", choices=tuple(PAGES), default=["onnx"])
    parser.add_argument("--base", help="an image with Python 3.11 or later and its venv")
    parser.add_argument(
        "--volume", action="append", default=[], help="mounted while building, as for Buildah"
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        if arguments.base is None:
            progress.step("Making a Debian with Python")
            make_debian(BASE)
        base = arguments.base or BASE
        for encoder in arguments.encoder:
            progress.step(f"Building the image with {ENGINES[encoder]}")
            image = f"localhost/semrouter-{encoder}"
            build(image, ROOT, arguments.volume, BASE=base, ENCODER=encoder)
            results = measure(encoder, image, base, progress)
            publish(PAGES[encoder], results, markdown(results), console)


def measure(encoder: str, image: str, base: str, progress: Progress) -> Results:
    """Weigh the image and run it."""
    with unpacked(base) as bare:
        base_mb = bare.megabytes
    module = ENGINES[encoder]
    say = f"import {module}; print('{module}', {module}.__version__)"
    with unpacked(image) as built:
        progress.step("Starting it, and asking a question")
        return Results(
            encoder=encoder,
            engine=built.says("/opt/semrouter/bin/python", "-c", say),
            base=DEBIAN if base == BASE else base,
            base_mb=base_mb,
            image_mb=built.megabytes,
            runs=tuple(asked(built) for _ in range(STARTS)),
        )


def asked(image: Unpacked) -> Run:
    """Start the image, ask it, and end it."""
    began = time.perf_counter()
    with subprocess.Popen(image.command, env=image.environment) as process:  # noqa: S603 - its own
        try:
            await_ready(process)
            ready = time.perf_counter() - began
            decision = ask()
            resident = Usage.of([process.pid]).resident / MEGABYTE
        finally:
            process.send_signal(signal.SIGTERM)
        return Run(ready, resident, decision, process.wait(STOPPED_WITHIN))


def await_ready(process: subprocess.Popen[bytes]) -> None:
    """Wait until the admin port says that it serves."""
    give_up = time.perf_counter() + READY_WITHIN
    while process.poll() is None and time.perf_counter() < give_up:
        try:
            with urllib.request.urlopen(READY):
                return
        except URLError:
            time.sleep(0.02)
    sys.exit("the image did not become ready")


def ask() -> dict[str, str]:
    """Return the headers that the router sets for one question, asked as Envoy does."""
    message = {"role": "user", "content": QUESTION}
    body = msgspec.json.encode({"model": "auto", "messages": [message]})
    told = {":method": b"POST", ":path": b"/v1/chat/completions"}
    headers = HeaderMap(headers=[HeaderValue(key=k, raw_value=v) for k, v in told.items()])
    messages = [
        ProcessingRequest(request_headers=HttpHeaders(headers=headers)),
        ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True)),
    ]
    with grpc.insecure_channel(ROUTER) as channel:
        process = channel.stream_stream(
            f"/{SERVICE}/Process",
            request_serializer=ProcessingRequest.SerializeToString,
            response_deserializer=ProcessingResponse.FromString,
        )
        *_, answer = process(iter(messages), timeout=30)
    set_headers = answer.request_body.response.header_mutation.set_headers
    return {each.header.key: each.header.raw_value.decode() for each in set_headers}


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    runs = results.runs
    decision = ", ".join(f"`{key}: {value}`" for key, value in runs[-1].decision.items())
    setup = (
        f"Built on {results.base} ({results.base_mb:.0f} MB) and run with its own command, as its "
        "own user, on a read-only root."
    )
    ready = median(each.ready_s for each in runs)
    resident = median(each.resident_mb for each in runs)
    codes = ", ".join(sorted({str(each.exit_code) for each in runs}))
    asked_for = results.encoder == "onnx"
    return "\n".join(
        [
            f"# The image with {results.engine}",
            "",
            setup,
            "",
            "| | | target |",
            "| --- | --- | --- |",
            f"| size, unpacked | {results.image_mb:,.0f} MB | {f'{TARGET_MB} MB' * asked_for} |",
            f"| from start to ready, median of {len(runs)} | {ready:.1f} s | {TARGET_SECONDS} s |",
            f"| memory | {resident:.0f} MB | |",
            f"| exit code after SIGTERM | {codes} | 0 |",
            "",
            f"Asked about a derivative, it answered {decision}.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
