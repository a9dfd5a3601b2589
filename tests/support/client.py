"""A client of Envoy that shows everything it gets."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from semrouter_extproc.config import Address


@dataclass(frozen=True)
class Answer:
    """A whole answer, its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    address: Address,
    body: bytes,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    chunked: bool = False,
) -> Answer:
    """Send one request and read the whole answer; JSON unless `headers` says otherwise."""
    with closing(http.client.HTTPConnection(*address.reachable, timeout=30)) as connection:
        connection.request(
            method,
            path,
            body=iter([body[:10], body[10:]]) if chunked else body,
            headers={"content-type": "application/json", **headers},
            encode_chunked=chunked,
        )
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())
