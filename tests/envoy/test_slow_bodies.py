"""How long a client may take to send its request."""

import socket
from pathlib import Path

import pytest

from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.scene import scene_config
from support.stub_router import stub_router

SHIPPED, SHORT = "request_timeout: 300s", "request_timeout: 1s"
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\n"
    b"host: test\r\n"
    b"content-type: application/json\r\n"
    b"%s\r\n\r\n"
)


@pytest.mark.parametrize("framing", [b"content-length: 1000", b"transfer-encoding: chunked"])
def test_a_body_that_does_not_come_to_its_end_is_given_up_and_nobody_sees_it(
    framing: bytes, tmp_path: Path
) -> None:
    with serving(CannedUpstream()) as upstream, stub_router() as router:
        config = scene_config(router.address, upstream.address, upstream.address)
        bootstrap = render(config)
        assert SHIPPED in bootstrap
        with (
            EnvoyProcess(bootstrap.replace(SHIPPED, SHORT), tmp_path),
            socket.create_connection(config.envoy.listen.reachable, timeout=20) as client,
        ):
            client.sendall(HEAD % framing)

            assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert router.heard == []
        assert upstream.arrived == []
