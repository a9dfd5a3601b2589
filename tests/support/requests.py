"""Requests for the tests of the core."""

import json
from typing import Any

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES, Api
from semrouter_extproc.core.request import Request, parse

TEMPLATED = (CHAT_COMPLETIONS, RESPONSES, MESSAGES)
EVERY = (*TEMPLATED, COMPLETIONS)


def conversation(api: Api, ask: str) -> dict[str, Any]:
    """Return the member that asks `ask` in the shape of `api`."""
    if api is RESPONSES:
        return {"input": ask}
    if api is COMPLETIONS:
        return {"prompt": ask}
    return {"messages": [{"role": "user", "content": ask}]}


def request(api: Api = CHAT_COMPLETIONS, ask: str = "Why?", **members: Any) -> Request:
    document = {"model": "auto", **conversation(api, ask), **members}
    return parse(json.dumps(document).encode(), api)
