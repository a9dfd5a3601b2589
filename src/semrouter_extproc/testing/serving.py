"""A small processor, for what a test wants it to say."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc

from semrouter_extproc.config import Address
from semrouter_extproc.extproc._pb.ext_proc_pb2 import ProcessingResponse
from semrouter_extproc.extproc.service import SERVICE

Process = Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[ProcessingResponse]]
"""Answers one stream, whose messages come as the bytes that Envoy sent."""

_STREAMS: Final = 16
ANY_SIZE: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)


@contextmanager
def serving_processor(process: Process, *, port: int = 0) -> Iterator[Address]:
    """Serve for as long as the block lasts, at any port or at `port`; the address is where."""
    server = grpc.server(ThreadPoolExecutor(_STREAMS), options=ANY_SIZE)
    method = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=bytes,
        response_serializer=ProcessingResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(SERVICE, {"Process": method})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield Address("127.0.0.1", port)
    finally:
        server.stop(grace=None).wait()
