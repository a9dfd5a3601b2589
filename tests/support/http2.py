"""A client that can do what HTTP/1.1 libraries cannot: send trailers."""

import socket
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

from semrouter_extproc.config import Address


@dataclass
class Reply:
    status: int = 0
    body: bytes = b""


def post_with_trailers(address: Address, path: str, body: bytes) -> Reply:
    """Send a chat completion whose body is followed by a trailer."""
    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    connection.send_headers(
        1,
        [
            (":method", "POST"),
            (":path", path),
            (":scheme", "http"),
            (":authority", "test"),
            ("content-type", "application/json"),
        ],
    )
    connection.send_data(1, body)
    connection.send_headers(1, [("x-checksum", "1")], end_stream=True)
    with socket.create_connection(address, timeout=30) as channel:
        return _converse(connection, channel)


def _converse(connection: H2Connection, channel: socket.socket) -> Reply:
    reply = Reply()
    channel.sendall(connection.data_to_send())
    while received := channel.recv(65536):
        for event in connection.receive_data(received):
            match event:
                case ResponseReceived(headers=headers):
                    reply.status = int({str(name): value for name, value in headers}[":status"])
                case DataReceived(data=data):
                    reply.body += data
                case StreamEnded() | StreamReset():
                    return reply
        channel.sendall(connection.data_to_send())
    return reply
