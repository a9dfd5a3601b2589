import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from semrouter_extproc.workbench.loopback import answers, get, reserved_ports


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, *_arguments: object) -> None:
        pass


def test_reserved_ports_differ_and_are_given_to_nobody_else() -> None:
    with reserved_ports(5) as ports, socket.socket() as other:
        assert len(set(ports)) == 5
        with pytest.raises(OSError, match="in use"):
            other.bind((ports[0].host, ports[0].port))


def test_a_server_can_listen_on_a_reserved_port() -> None:
    with (
        reserved_ports(1) as (address,),
        HTTPServer((address.host, address.port), _Health) as server,
    ):
        Thread(target=server.handle_request, daemon=True).start()

        assert get(address, "/health") == "fine"


def test_only_a_success_is_an_answer() -> None:
    with reserved_ports(1) as (address,):
        assert not answers(address, "/health")
        with HTTPServer((address.host, address.port), _Health) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            assert answers(address, "/health")
            assert not answers(address, "/other")
            server.shutdown()


def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with (
        reserved_ports(1) as (address,),
        HTTPServer((address.host, address.port), _Health) as server,
    ):
        Thread(target=server.handle_request, daemon=True).start()

        assert answers(address, "/health")
