"""A router whose encoder is a server that fails for a while."""

from pathlib import Path
from typing import Any

from semrouter_extproc.config import Address
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.testing.upstream import running_upstream
from semrouter_extproc.workbench.loopback import serving
from support.client import send
from support.embeddings_server import EmbeddingsServer, embeddings
from support.front import running_page
from support.stack import MATH, chat_body


def reason(address: Address) -> str:
    answer = send(address, chat_body(MATH), method="POST", path="/v1/chat/completions", headers={})
    assert answer.status == 200
    return answer.headers["x-semrouter-reason"]


def test_requests_are_answered_while_the_encoder_is_away_and_classified_once_it_is_back(
    tmp_path: Path,
) -> None:
    here = local_encoder(DEFAULT_MODEL, backend="auto", device="cpu", workers=1)

    def well(asked: Any) -> tuple[int, bytes]:
        return embeddings(here.encode(here.tokenize(asked["input"])))

    with serving(EmbeddingsServer()) as server, running_upstream("small") as upstream:
        server.answering = well
        page = {
            "models": {"small": {"dialect": "qwen3", "endpoints": [upstream.address]}},
            "default": {"model": "small", "reasoning": "off"},
            # Whatever could answer in place of the encoder is switched off.
            "classifier": {"static_tier": False, "cache": 0},
            "encoder": {"remote": {"url": server.url, "deadline": "5s"}},
        }
        with running_page(page, tmp_path) as (config, _):
            before = reason(config.envoy.listen)
            server.answering = lambda _: (503, b"")
            meanwhile = reason(config.envoy.listen)
            server.answering = well
            after = reason(config.envoy.listen)

    assert (before, meanwhile, after) == ("routed", "encoder_error", "routed")
