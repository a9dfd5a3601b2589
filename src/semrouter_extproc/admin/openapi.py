"""The admin port in OpenAPI's words."""

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec

from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS
from semrouter_extproc.core.intent import HEADER
from semrouter_extproc.explaining import Explanation

_REF: Final = "#/components/schemas/{name}"

_TEXT: Final = {"type": "string"}
_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {"type": "object", "properties": {"message": _TEXT, "code": _TEXT}},
    },
}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of the admin port."""
    (explanation,), schemas = msgspec.json.schema_components([Explanation], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "semrouter-extproc, admin port", "version": version("semrouter-extproc")},
        "paths": {
            "/metrics": {"get": _text("Every metric, for Prometheus.")},
            "/healthz": {"get": _text("The process lives.")},
            "/readyz": {"get": _text("It serves.", {"503": "It warms up, or drains."})},
            "/config": {"get": _config()},
            "/v1/route": {"post": _route(explanation)},
            "/openapi.json": {"get": _json("This document.", {"type": "object"})},
        },
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _config() -> dict[str, Any]:
    about = "The configuration in force, with every default, without the words of system prompts."
    return _guarded(_json(about, {"type": "object"}))


def _route(explanation: dict[str, Any]) -> dict[str, Any]:
    """Describe the one question that takes a body."""
    operation = _guarded(
        _json("What would happen to this request, and why. Nothing is counted.", explanation)
    )
    operation["responses"] |= {
        "400": _refused("The request would be refused."),
        "413": _refused("The body is too large."),
        "503": _refused("The encoder is not there yet."),
    }
    operation["parameters"] = [
        {
            "name": "path",
            "in": "query",
            "description": "The path that the body is sent to.",
            "schema": {"enum": list(APIS), "default": CHAT_COMPLETIONS.path},
        },
        {
            "name": HEADER,
            "in": "header",
            "description": "What the client's header says, where the page lets it count.",
            "schema": {"type": "string"},
        },
    ]
    operation["requestBody"] = {
        "description": "A body, as a client would send it.",
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return operation


def _guarded(operation: dict[str, Any]) -> dict[str, Any]:
    operation["responses"] |= {
        "401": _refused("The token is missing or wrong."),
        "403": _refused("The port is open to others, and no token is configured."),
    }
    # Without a token in the configuration, none is asked for on the loopback.
    return operation | {"security": [{"token": []}, {}]}


def _json(about: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"summary": about, "responses": {"200": {"description": about, "content": content}}}


def _text(about: str, others: dict[str, str] | None = None) -> dict[str, Any]:
    responses = {"200": about, **(others or {})}
    return {
        "summary": about,
        "responses": {status: {"description": told} for status, told in responses.items()},
    }


def _refused(why: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Error")}
    return {"description": why, "content": {"application/json": {"schema": schema}}}
