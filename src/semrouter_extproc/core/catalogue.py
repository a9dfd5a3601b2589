"""The list of models that clients see: aliases and configured models, in OpenAI's shape."""

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from semrouter_extproc.core.apis import openai_error

PATH: Final = "/v1/models"
"""Where the list is asked for; one entry stands below it, by its name."""

_OWNER: Final = "semrouter"


class Catalogue:
    """The answers to `GET /v1/models` and to `GET /v1/models/{name}`."""

    def __init__(self, names: Iterable[str]) -> None:
        # Nobody can say when an alias was created; a constant lets replicas agree.
        self._entries = {
            name: {"id": name, "object": "model", "created": 0, "owned_by": _OWNER}
            for name in names
        }

    def answer(self, path: str) -> tuple[int, bytes] | None:
        """Return status and body for a path without its query, None for one of another kind."""
        if path == PATH:
            return 200, _json({"object": "list", "data": list(self._entries.values())})
        if not path.startswith(f"{PATH}/"):
            return None
        name = unquote(path.removeprefix(f"{PATH}/"))
        if name in self._entries:
            return 200, _json(self._entries[name])
        message = f"the model {name!r} does not exist; GET {PATH} lists those that do"
        return 404, _json(openai_error(message, "model_not_found"))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
