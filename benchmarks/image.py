"""Build the image, start it as it is shipped, ask it a question, and weigh it.

It needs root, Buildah and, unless `--base` names an image, mmdebstrap: then the base is a small
Debian with Python. There is no daemon and no container runtime: the image's own command runs in a
chroot, as the image's user, on a root file system that is read-only, with this machine's network.
Writes `results/image.json` and `.md`.
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.error import URLError

import grpc
import msgspec
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
PACKAGES: Final = "python3,python3-venv,ca-certificates"
QUESTION: Final = "Find the derivative of the function f(x) = x^3 * sin(x)."

BUILDAH: Final = ("buildah", "--storage-driver", "vfs")
READY_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 45.0
MEGABYTE: Final = 1e6

TARGET_MB: Final = 450
TARGET_SECONDS: Final = 5

# With a mount namespace of its own, whose root nobody can write to.
READ_ONLY: Final = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount --rbind /proc "$1/proc" &&
mount --rbind /dev "$1/dev" && mount -o remount,bind,ro "$1" || exit
root="$1"; user="$2"; shift 2
exec chroot --userspec="$user:$user" "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Results:
    """What was built, and how it behaved. Sizes are in megabytes, unpacked."""

    encoder: str
    base: str
    base_mb: float
    image_mb: float
    ready_s: float
    resident_mb: float
    decision: dict[str, str]
    exit_code: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image's files, and what it says about running them."""

    files: Path
    config: dict[str, Any]


def main() -> None:
    """Build, start, ask, weigh, and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--base", help="an image with Python 3.11 or later and its venv")
    parser.add_argument(
        "--volume", action="append", default=[], help="mounted while building, as for Buildah"
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments, progress)
    publish("image", results, markdown(results), console)


def measure(arguments: argparse.Namespace, progress: Progress) -> Results:
    """Build the image and run it."""
    base = arguments.base or make_base(progress)
    image = f"localhost/semrouter-{arguments.encoder}"
    progress.step("Building the image")
    buildah(
        *("build", "--isolation", "chroot", "--layers=false"),
        *(f"--volume={each}" for each in arguments.volume),
        *("--build-arg", f"BASE={base}", "--build-arg", f"ENCODER={arguments.encoder}"),
        *("--tag", image, str(ROOT)),
    )
    with unpacked(base) as bare:
        base_mb = megabytes(bare.files)
    with unpacked(image) as built:
        progress.step("Starting it, and asking a question")
        ready, resident, decision, code = asked(built)
        return Results(
            encoder=arguments.encoder,
            base=arguments.base or "Debian 12 (minbase, without documents) with python3-venv",
            base_mb=base_mb,
            image_mb=megabytes(built.files),
            ready_s=ready,
            resident_mb=resident,
            decision=decision,
            exit_code=code,
        )


def make_base(progress: Progress) -> str:
    """Make a small Debian with Python, and return its name."""
    progress.step("Making a Debian with Python")
    made = buildah("from", "scratch")
    files = buildah("mount", made)
    # As Debian's own slim images do.
    unread = (f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "locale", "man"))
    debian = ("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *unread, "--format=tar")
    with TemporaryDirectory() as folder:
        archive = str(Path(folder) / "base.tar")
        run(*debian, "bookworm", archive)
        run("tar", "--extract", "--directory", files, "--file", archive)
    buildah("commit", "--rm", made, BASE)
    return BASE


@contextmanager
def unpacked(image: str) -> Iterator[Unpacked]:
    """Mount an image's files for as long as the block lasts."""
    name = buildah("from", "--pull-never", image)
    try:
        document = msgspec.json.decode(buildah("inspect", name))
        yield Unpacked(Path(buildah("mount", name)), document["OCIv1"]["config"])
    finally:
        buildah("rm", name)


def asked(image: Unpacked) -> tuple[float, float, dict[str, str], int]:
    """Run the image; return seconds to readiness, memory, a decision and the exit code."""
    config = image.config
    command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(image.files), config["User"]]
    environment = dict(each.split("=", 1) for each in config["Env"])
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - the image's own command
        [*command, *config["Entrypoint"], *config["Cmd"]], env=environment
    ) as process:
        try:
            await_ready(process)
            ready = time.perf_counter() - began
            decision = ask()
            resident = Usage.of([process.pid]).resident / MEGABYTE
        finally:
            process.send_signal(signal.SIGTERM)
        return ready, resident, decision, process.wait(STOPPED_WITHIN)


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


def megabytes(files: Path) -> float:
    """Return the size of all files below, in megabytes."""
    total = run("du", "--bytes", "--summarize", "--one-file-system", str(files))
    return int(total.split()[0]) / MEGABYTE


def buildah(*arguments: str) -> str:
    """Run Buildah."""
    return run(*BUILDAH, *arguments).strip()


def run(*command: str) -> str:
    """Return what a command prints; its errors go to the terminal."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    return done.stdout


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    decision = ", ".join(f"`{key}: {value}`" for key, value in results.decision.items())
    setup = (
        f"Built on {results.base} ({results.base_mb:.0f} MB) and run with its own command, as its "
        "own user, on a read-only root."
    )
    return "\n".join(
        [
            f"# The image with the encoder {results.encoder}",
            "",
            setup,
            "",
            "| | | target |",
            "| --- | --- | --- |",
            f"| size, unpacked | {results.image_mb:.0f} MB | {TARGET_MB} MB |",
            f"| from start to ready | {results.ready_s:.1f} s | {TARGET_SECONDS} s |",
            f"| memory | {results.resident_mb:.0f} MB | |",
            f"| exit code after SIGTERM | {results.exit_code} | 0 |",
            "",
            f"Asked about a derivative, it answered {decision}.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
