import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from semrouter_extproc.envoy.launcher import EnvoyProcess, find_envoy, validate
from semrouter_extproc.errors import ConfigError, EnvironmentProblem

# Port 0 lets each Envoy choose its own.
ADMIN_ONLY = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}"


def _is_alive(pid: int) -> bool:
    try:
        # A zombie still has a process id.
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _await_death(pid: int) -> None:
    give_up = time.monotonic() + 10
    while _is_alive(pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not _is_alive(pid)


def test_envoy_is_ready_inside_the_block_and_gone_after_it(tmp_path: Path) -> None:
    with EnvoyProcess(ADMIN_ONLY, tmp_path) as envoy:
        with urllib.request.urlopen(f"http://{envoy.admin}/ready") as answer:
            assert answer.read() == b"LIVE\n"
        assert _is_alive(envoy.pid)

    assert not _is_alive(envoy.pid)


def test_envoy_is_gone_when_the_block_fails(tmp_path: Path) -> None:
    envoy = EnvoyProcess(ADMIN_ONLY, tmp_path)

    with pytest.raises(KeyboardInterrupt), envoy:
        raise KeyboardInterrupt

    assert not _is_alive(envoy.pid)


def test_several_run_at_once(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()

    with EnvoyProcess(ADMIN_ONLY, folders[0]) as one, EnvoyProcess(ADMIN_ONLY, folders[1]) as two:
        assert one.admin != two.admin


def test_ctrl_c_in_the_terminal_does_not_reach_envoy(tmp_path: Path) -> None:
    with EnvoyProcess(ADMIN_ONLY, tmp_path) as envoy:
        assert os.getpgid(envoy.pid) != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of that")
def test_envoy_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from semrouter_extproc.envoy.launcher import EnvoyProcess\n"
        "with EnvoyProcess(sys.argv[1], pathlib.Path(sys.argv[2])) as envoy:\n"
        "    print(envoy.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, ADMIN_ONLY, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    _await_death(pid)


def test_a_port_in_use_is_reported_in_envoys_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        envoy = EnvoyProcess(ADMIN_ONLY.replace("port_value: 0", f"port_value: {port}"), tmp_path)

        with pytest.raises(EnvironmentProblem, match="Address already in use"):
            envoy.__enter__()


def test_waiting_for_envoy_ends(tmp_path: Path) -> None:
    envoy = EnvoyProcess(ADMIN_ONLY, tmp_path, ready_within=0)

    with pytest.raises(EnvironmentProblem, match="not ready in 0 s"):
        envoy.__enter__()

    assert not _is_alive(envoy.pid)


def test_a_valid_bootstrap_is_accepted() -> None:
    validate(ADMIN_ONLY)


@pytest.mark.parametrize(
    ("bootstrap", "message"),
    [
        (ADMIN_ONLY.replace("port_value", "port_valeu"), "no such field: 'port_valeu'"),
        (ADMIN_ONLY.replace("port_value: 0", "port_value: 99999"), "less than or equal to 65535"),
        ("admin: [", "yaml-cpp: error at line 1"),
    ],
)
def test_a_faulty_bootstrap_is_refused_in_envoys_words(bootstrap: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        validate(bootstrap)

    assert "address {" not in str(refusal.value), "the message repeats the configuration"


def test_a_missing_envoy_is_reported_with_what_to_do() -> None:
    with pytest.raises(EnvironmentProblem, match="pip install no-such-package"):
        find_envoy(package="no-such-package", command="no-such-envoy")


def test_without_the_package_the_path_is_searched() -> None:
    assert find_envoy(package="no-such-package", command="sh").name == "sh"
