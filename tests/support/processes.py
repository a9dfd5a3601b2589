"""The router as an operator runs it: a process with a configuration file."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from semrouter_extproc.config import Config


class RouterProcess:
    """A running `semrouter serve`."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.config = config
        self.log = folder / "router.log"
        page = folder / "semrouter.yaml"
        page.write_text(yaml.safe_dump(config.model_dump(mode="json")))
        command = [sys.executable, "-m", "semrouter_extproc", "serve", "--config", str(page)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port; status 0 means that nobody answers."""
        url = f"http://{self.config.server.admin.reachable}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""
        except OSError:
            return 0, ""

    def await_ready(self, seconds: float = 60) -> None:
        give_up = time.monotonic() + seconds
        while self.get("/readyz")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"the router is not ready:\n{self.log.read_text()}")
            time.sleep(0.05)

    def metric(self, sample: str) -> float:
        """Return the value of one sample, such as `semrouter_queue_depth`; 0 if it is absent."""
        _, text = self.get("/metrics")
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(sample)]
        return float(values[0]) if values else 0.0

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running_router(config: Config, folder: Path) -> Iterator[RouterProcess]:
    """Run a router until the end of the block, whatever happens in it."""
    router = RouterProcess(config, folder)
    try:
        router.await_ready()
        yield router
    finally:
        router.kill()
