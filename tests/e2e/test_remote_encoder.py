"""The encoder in a real vLLM: the same vectors as here, and a router that lives on them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import Encoder, Tokens
from semrouter_extproc.encoding.remote_encoder import RemoteEncoder
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.errors import EncoderUnavailable
from semrouter_extproc.testing.upstream import running_upstream
from semrouter_extproc.workbench.backend.server import Installation
from support.client import send
from support.front import running_page
from support.stack import LAW, MATH, chat_body
from support.vllm_embeddings import running_embeddings

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

TEXTS = (
    MATH,
    LAW,
    "",
    "日本の首都はどこですか",
    "half a smile: \ud83d",
    "Why does ice float on water? " * 40,
)


@pytest.fixture(scope="module")
def url(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("embeddings") / "vllm.log"
    with running_embeddings(installation, log) as address:
        yield f"http://{address}/v1"


@pytest.fixture(scope="module")
def encoder(url: str) -> Iterator[RemoteEncoder]:
    with closing(RemoteEncoder(url, DEFAULT_MODEL, deadline=60)) as remote:
        yield remote


def vectors_of(encoder: Encoder[Tokens], *texts: str) -> NDArray[np.float32]:
    return encoder.encode(encoder.tokenize(texts))


def test_vectors_are_those_of_the_same_weights_here(encoder: RemoteEncoder) -> None:
    here = vectors_of(TorchEncoder(device="cpu", precision="float32"), *TEXTS)

    there = vectors_of(encoder, *TEXTS)

    assert np.sum(here * there, axis=1).min() > 0.9999


def test_every_text_of_a_large_batch_gets_its_own_vector(encoder: RemoteEncoder) -> None:
    texts = [f"The number {number} follows {number - 1}." for number in range(100)]
    alone = np.concatenate([vectors_of(encoder, text) for text in texts[::9]])

    together = vectors_of(encoder, *texts)

    assert together.shape == (100, encoder.dimensions)
    assert np.allclose(together[::9], alone, atol=1e-3)


@pytest.mark.parametrize("text", ["a b c d " * 12_500, "x" * 100_000], ids=["words", "one word"])
def test_a_very_long_text_is_cut_and_not_refused(encoder: RemoteEncoder, text: str) -> None:
    assert np.allclose(vectors_of(encoder, text), vectors_of(encoder, text[:50_000]), atol=1e-3)


def test_a_model_that_is_not_served_is_told_at_the_start(url: str) -> None:
    with pytest.raises(EncoderUnavailable, match=f"'other' at {url}: .* status 404"):
        RemoteEncoder(url, "other", deadline=60)


def test_a_router_classifies_by_the_vectors_of_the_server(url: str, tmp_path: Path) -> None:
    with running_upstream("small") as upstream:
        page = {
            "models": {"small": {"dialect": "qwen3", "endpoints": [upstream.address]}},
            "default": {"model": "small", "reasoning": "off"},
            "routes": {"math": {"reasoning": "on"}},
            # Whatever could answer in place of the encoder is switched off.
            "classifier": {"static_tier": False, "cache": 0},
            "encoder": {"remote": {"url": url, "deadline": "5s"}},
        }
        with running_page(page, tmp_path) as (config, _):
            answer = send(
                config.envoy.listen,
                chat_body(MATH),
                method="POST",
                path="/v1/chat/completions",
                headers={},
            )

    assert answer.headers["x-semrouter-reason"] == "routed"
    assert answer.headers["x-semrouter-category"] == "math"
    assert upstream.only().json["chat_template_kwargs"] == {"enable_thinking": True}
