"""Who may see the configuration and ask for decisions."""

import hmac
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from semrouter_extproc.config import Address
from semrouter_extproc.core.apis import openai_error


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets pass who knows the `token`; without a token, everybody on this machine's loopback."""

    address: Address
    token: str | None

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that may not pass, None for one that may."""
        if self.token is None:
            if self.address.is_loopback:
                return None
            return error(
                403,
                "admin_port_open",
                f"this port listens on {self.address}: set server.admin_token_env and send the "
                "token, or listen on 127.0.0.1",
            )
        sent = request.headers.get("authorization", "")
        if hmac.compare_digest(sent.encode(), f"Bearer {self.token}".encode()):
            return None
        refused = error(
            401, "token_needed", "send the token that server.admin_token_env names: Bearer TOKEN"
        )
        refused.headers["www-authenticate"] = "Bearer"
        return refused


def error(status: int, code: str, message: str) -> JSONResponse:
    """Return an error in the shape of OpenAI's."""
    return JSONResponse(openai_error(message, code), status_code=status)
