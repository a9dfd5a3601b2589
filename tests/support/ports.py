"""Ports that nobody else takes while the tests run."""

import socket

_held: list[socket.socket] = []


def free_port() -> int:
    """Return a port of the loopback, kept for us until the tests end.

    A server can still listen on it: the socket that keeps it never does, and both allow the
    address to be used again.
    """
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    # After binding, or the kernel could give two holders the same port.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(holder)
    return int(holder.getsockname()[1])
