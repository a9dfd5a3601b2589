"""Ports and answers of this machine itself."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socketserver import BaseServer
from typing import Final, TypeVar

from semrouter_extproc.config import Address

_HOST: Final = "127.0.0.1"

_Server = TypeVar("_Server", bound=BaseServer)


@contextmanager
def reserved_ports(count: int) -> Iterator[list[Address]]:
    """Free ports of the loopback interface, which stay ours for the block.

    A server can still listen on one (with SO_REUSEADDR, as servers do): we only hold it.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_HOST, 0))
            # Only after binding: before, the kernel might give two holders the same port.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield [Address(_HOST, each.getsockname()[1]) for each in sockets]


@contextmanager
def serving(server: _Server) -> Iterator[_Server]:
    """Serve in a thread for as long as the block lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def get(address: Address, path: str, *, seconds: float = 5.0) -> str:
    """Return what a server here answers at `path`; raises `OSError` unless it is a success."""
    # A proxy in the environment is not for this machine's own ports.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://{address}{path}", timeout=seconds) as answer:
        body: bytes = answer.read()
    return body.decode()


def answers(address: Address, path: str) -> bool:
    """Say whether a server here answers at `path` with a success."""
    try:
        get(address, path)
    except OSError:
        return False
    return True
