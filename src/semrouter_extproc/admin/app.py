"""The admin port: metrics for Prometheus, probes for Kubernetes, and a look inside for people."""

import msgspec
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from semrouter_extproc.admin.guard import Guard, error
from semrouter_extproc.admin.inside import Inside
from semrouter_extproc.admin.openapi import document
from semrouter_extproc.admin.redacted import redacted
from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS
from semrouter_extproc.core.intent import HEADER
from semrouter_extproc.core.policy import Reason
from semrouter_extproc.errors import MalformedRequest


def admin_app(inside: Inside, guard: Guard) -> Starlette:
    """Return the admin application. Configuration and decisions are for whom `guard` lets pass."""

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(inside.registry), headers={"content-type": content_type})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        if inside.is_ready:
            return PlainTextResponse("ready\n")
        return PlainTextResponse("warming up or draining\n", status_code=503)

    async def config(request: Request) -> Response:
        return guard.refusal(request) or JSONResponse(redacted(inside.edition().config))

    async def route(request: Request) -> Response:
        return guard.refusal(request) or await _explained(request, inside)

    async def openapi(_: Request) -> Response:
        return JSONResponse(document())

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/config", config),
            Route("/v1/route", route, methods=["POST"]),
            Route("/openapi.json", openapi),
        ]
    )


async def _explained(request: Request, inside: Inside) -> Response:
    path = request.query_params.get("path", CHAT_COMPLETIONS.path)
    if path not in APIS:
        return error(
            400, "path_not_routed", f"path: nothing is routed there, but on {', '.join(APIS)}"
        )
    if inside.explain is None:
        return error(503, "warming_up", "the encoder is still warming up")
    body = await _body(request, inside.edition().config.server.max_body)
    if body is None:
        return error(413, Reason.BODY_TOO_LARGE, "the body is larger than server.max_body")
    try:
        explanation = await inside.explain(body, APIS[path], request.headers.get(HEADER))
    except MalformedRequest as fault:
        return error(400, Reason.UNPARSABLE, str(fault))
    return Response(msgspec.json.encode(explanation), media_type="application/json")


async def _body(request: Request, most: int) -> bytes | None:
    """Return the request's body, None for one of more than `most` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return bytes(body)
