"""A real Prometheus."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from support.ports import free_port

PROMETHEUS = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(PROMETHEUS is None, reason="Prometheus is not installed")


class Prometheus:
    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of our own making
            return json.load(answer)["data"]

    def has_data(self, query: str) -> bool:
        found = self.ask("query", query=query.replace("$__rate_interval", "20s"))["result"]
        return any(not isnan(float(each["value"][1])) for each in found)


@contextmanager
def running_prometheus(configuration: str, folder: Path) -> Iterator[Prometheus]:
    """Run it with this configuration, in YAML, for as long as the block lasts."""
    assert PROMETHEUS is not None
    port = free_port()
    page = folder / "prometheus.yaml"
    page.write_text(configuration)
    command = [PROMETHEUS, f"--config.file={page}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=log, stdout=log
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)
