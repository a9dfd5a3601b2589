"""External processors as people write them, around classifiers that are not ours.

`python server.py PORT KIND MATERIAL`, where KIND is `semantic-router`, for which the interpreter
is that of `environment.py`, or `sentence-transformers`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
from peer.files import ARTEFACT, EXAMPLES, VECTORS

from semrouter_extproc.core.policy import PAPER_POLICY
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    HeaderValue,
    HeaderValueOption,
    ProcessingRequest,
    ProcessingResponse,
)

SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"

Classify = Callable[[str], Awaitable[str]]


def indexed_router(material: Path) -> Classify:
    """Return semantic-router's router, with every example as an utterance."""
    from semantic_router import IndexedRouter  # type: ignore[import-not-found]  # noqa: PLC0415
    from semantic_router.encoders import (  # type: ignore[import-not-found]  # noqa: PLC0415
        LocalEncoder,
    )
    from semantic_router.index import LocalIndex  # type: ignore[import-not-found]  # noqa: PLC0415

    lines = (material / EXAMPLES).read_text(encoding="utf-8").split("\n")
    examples = [json.loads(line) for line in lines]
    index = LocalIndex()
    # What the encoder itself would compute here, in minutes.
    index.add(
        embeddings=np.load(material / VECTORS).tolist(),
        routes=[each["category"] for each in examples],
        utterances=[each["text"] for each in examples],
    )
    router = IndexedRouter(LocalEncoder(name=str(folder_of(DEFAULT_MODEL))), index=index)

    async def classify(text: str) -> str:
        return str((await router.acall(text)).name)

    return classify


def encoder_in_threads(material: Path) -> Classify:
    """Return what awaits sentence-transformers in a thread, and then asks our centroids."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    from semrouter_extproc.artefact import load  # noqa: PLC0415
    from semrouter_extproc.core.classify import classify as placed  # noqa: PLC0415
    from semrouter_extproc.core.ngrams import buckets_of  # noqa: PLC0415

    centroids = load(material / ARTEFACT).centroids
    model = SentenceTransformer(str(folder_of(DEFAULT_MODEL)))

    async def classify(text: str) -> str:
        vector = await asyncio.to_thread(model.encode, text, show_progress_bar=False)
        return placed(vector, buckets_of(text), centroids).category

    return classify


KINDS: Final[dict[str, Callable[[Path], Classify]]] = {
    "semantic-router": indexed_router,
    "sentence-transformers": encoder_in_threads,
}


async def serve(port: int, classify: Classify) -> None:
    """Answer streams until killed."""

    async def process(_: object, context: Any) -> None:  # noqa: ANN401 - gRPC's, without types
        await context.read()
        await context.write(ProcessingResponse(request_headers=HeadersResponse()))
        request = await context.read()
        body = json.loads(request.request_body.body)
        category = await classify(body["messages"][-1]["content"])
        thinks = PAPER_POLICY[category] is Reasoning.ON
        body["chat_template_kwargs"] = {"enable_thinking": thinks}
        await context.write(rewritten(json.dumps(body).encode(), category))

    handler = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=ProcessingRequest.FromString,
        response_serializer=ProcessingResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),)
    )
    await classify("Which is warm?")
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def rewritten(body: bytes, category: str) -> ProcessingResponse:
    """Return the answer that sends `body` on and names the category in a header."""
    headers = {"x-semrouter-category": category, "content-length": str(len(body))}
    options = [
        HeaderValueOption(header=HeaderValue(key=key, raw_value=value.encode()))
        for key, value in headers.items()
    ]
    common = CommonResponse(
        header_mutation=HeaderMutation(set_headers=options),
        body_mutation=BodyMutation(body=body),
    )
    return ProcessingResponse(request_body=BodyResponse(response=common))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), KINDS[sys.argv[2]](Path(sys.argv[3]))))
