"""A processor that lets everything pass: `python passing_server.py PORT`."""

import sys
import threading
from collections.abc import Iterator

import grpc

from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing.recording import passing
from semrouter_extproc.testing.serving import serving_processor


def process(messages: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[pb.ProcessingResponse]:
    """Withhold streamed chunks until the last, as a processor does that wants the whole body."""
    mode, body = pb.NONE, b""
    for raw in messages:
        message = pb.ProcessingRequest.FromString(raw)
        if message.HasField("protocol_config"):
            mode = message.protocol_config.request_body_mode
        answer = passing(message, mode)
        if mode == pb.STREAMED and message.HasField("request_body"):
            body += message.request_body.body
            whole = body if message.request_body.end_of_stream else b""
            answer.request_body.response.body_mutation.body = whole
        yield answer


if __name__ == "__main__":
    with serving_processor(process, port=int(sys.argv[1])):
        threading.Event().wait()
