import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest

from semrouter_extproc.encoding.remote_encoder import RemoteEncoder
from semrouter_extproc.errors import EncoderUnavailable, EncodingFailed
from semrouter_extproc.workbench.loopback import serving
from support.embeddings_server import EmbeddingsServer, base64_of, embeddings, lengths, listing
from support.ports import free_port

PROMPT = "the prompt that nobody may quote"


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with serving(EmbeddingsServer()) as running:
        yield running


@contextmanager
def remote(server: EmbeddingsServer, **settings: Any) -> Iterator[RemoteEncoder]:
    given = {"deadline": 20.0, **settings}
    with closing(RemoteEncoder(server.url, "small", **given)) as encoder:
        yield encoder


def failure(server: EmbeddingsServer, status: int, content: bytes) -> str:
    """Return what the encoder says of an answer to two texts."""
    with remote(server) as encoder:
        server.answering = lambda _: (status, content)
        with pytest.raises(EncodingFailed) as failed:
            encoder.encode([PROMPT, "b"])
    return str(failed.value)


def test_every_text_gets_its_unit_vector(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        vectors = encoder.encode(["a", "bbb"])

    assert vectors.dtype == np.float32
    expected = np.array(lengths(["a", "bbb"])) / np.sqrt([[2], [10]])
    assert np.allclose(vectors, expected, atol=1e-6)


def test_vectors_are_put_in_the_order_of_their_indices(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        straight = encoder.encode(["a", "bb", "ccc"])
        server.answering = lambda asked: listing(
            reversed([*enumerate(map(base64_of, lengths(asked["input"])))])
        )
        assert np.array_equal(encoder.encode(["a", "bb", "ccc"]), straight)


def test_plain_numbers_are_as_good_as_base64(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        packed = encoder.encode(["a", "bb"])
        server.answering = lambda asked: listing(enumerate(lengths(asked["input"])))
        assert np.allclose(encoder.encode(["a", "bb"]), packed)


def test_a_request_says_all_that_a_server_needs(server: EmbeddingsServer) -> None:
    with remote(server, api_key="k-1") as encoder:
        encoder.encode(encoder.tokenize(["a", "b"]))

    headers, asked = server.arrived[-1]
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer k-1"
    assert asked == {
        "model": "small",
        "input": ["a", "b"],
        "encoding_format": "base64",
        "truncate_prompt_tokens": -1,
    }


def test_without_a_key_none_is_sent(server: EmbeddingsServer) -> None:
    with remote(server):
        assert "authorization" not in server.arrived[0][0]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_unknown_members_gets_none(
    server: EmbeddingsServer, status: int
) -> None:
    def strict(asked: Any) -> tuple[int, bytes]:
        if "truncate_prompt_tokens" in asked:
            return status, b"{}"
        return embeddings(lengths(asked["input"]))

    server.answering = strict
    with remote(server) as encoder:
        assert encoder.encode(["a"]).shape == (1, 2)


def test_a_lone_surrogate_is_sent_as_something_readable(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        encoder.encode(encoder.tokenize(["a\ud83d", "b😀"]))

    assert server.arrived[-1][1]["input"] == ["a?", "b😀"]


def test_a_large_batch_is_sent_in_parts(server: EmbeddingsServer) -> None:
    texts = ["a" * count for count in range(1, 8)]
    with remote(server, max_batch=3) as encoder:
        vectors = encoder.encode(texts)

    assert [len(asked["input"]) for _, asked in server.arrived[1:]] == [3, 3, 1]
    assert np.allclose(vectors[:, 1] / vectors[:, 0], range(1, 8))


def test_the_fingerprint_names_model_and_server(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        assert encoder.fingerprint == f"small@{server.url}"
        assert encoder.dimensions == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "no list of embeddings"),
        (b"\xff", "no list of embeddings"),
        (b"[]", "no list of embeddings"),
        (b'{"data": "' + PROMPT.encode() + b'"}', "no list of embeddings"),
        (b'{"data": [{"embedding": [1]}]}', "no list of embeddings"),
        (listing([(0, "*"), (1, "*")])[1], "no list of embeddings"),
        (listing([(0, [1, None]), (1, [1, 2])])[1], "no list of embeddings"),
        (listing([(0, [1, 2])])[1], "1 embeddings for 2 texts"),
        (listing([(0, [1, 2]), (1, [1, 2]), (2, [1, 2])])[1], "3 embeddings for 2 texts"),
        (listing([(0, [1, 2]), (0, [1, 2])])[1], "did not number them from 0 to 1"),
        (listing([(0, [1, 2]), (1, [1])])[1], "unlike lengths"),
        (listing([(0, [1, 2, 3]), (1, [1, 2, 3])])[1], "vectors of 3 numbers, and 2 before"),
        (listing([(0, "AAAA"), (1, "AAAA")])[1], "3 bytes, which are no float32"),
        (listing([(0, [1, 2]), (1, [0, 0])])[1], "without a direction"),
        (embeddings([[1, 2], [1, float("nan")]])[1], "without a direction"),
        (embeddings([[1, 2], [1, float("inf")]])[1], "without a direction"),
        (listing([(0, []), (1, [])])[1], "without a direction"),
    ],
)
def test_what_are_no_embeddings_is_told_without_the_prompt(
    server: EmbeddingsServer, content: bytes, said: str
) -> None:
    told = failure(server, 200, content)
    assert said in told
    assert PROMPT not in told


@pytest.mark.parametrize("status", [204, 307, 400, 401, 404, 413, 422, 500, 503])
def test_any_status_but_success_is_a_failure_that_names_it(
    server: EmbeddingsServer, status: int
) -> None:
    told = failure(server, status, PROMPT.encode() if status != 204 else b"")
    assert told == f"the embeddings server answered with status {status}"


def test_a_failure_is_not_the_end(server: EmbeddingsServer) -> None:
    with remote(server) as encoder:
        well = server.answering
        server.answering = lambda _: (503, b"")
        with pytest.raises(EncodingFailed):
            encoder.encode(["a"])
        server.answering = well
        assert encoder.encode(["a"]).shape == (1, 2)


@pytest.mark.parametrize("texts", [1, 40], ids=["one part", "many parts"])
def test_a_slow_server_is_given_up_at_the_deadline(server: EmbeddingsServer, texts: int) -> None:
    with remote(server, deadline=0.3, max_batch=1) as encoder:
        server.pause = 20.0 / texts
        started = time.monotonic()
        with pytest.raises(EncodingFailed, match="did not answer in time"):
            encoder.encode(["a"] * texts)
        assert time.monotonic() - started < 10


def test_the_first_answer_may_take_longer_than_the_deadline(server: EmbeddingsServer) -> None:
    server.pause = 0.2
    with remote(server, deadline=0.001) as encoder:
        assert encoder.dimensions == 2


def test_a_server_that_went_away_is_told_at_once() -> None:
    with serving(EmbeddingsServer()) as server:
        server.hangs_up = True
        encoder = RemoteEncoder(server.url, "small", deadline=20)
    started = time.monotonic()
    with pytest.raises(EncodingFailed, match="cannot be reached: Connection refused"):
        encoder.encode(["a"])
    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there_cannot_be_an_encoder() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(EncoderUnavailable, match=f"'small' at {url}: .* Connection refused"):
        RemoteEncoder(url, "small", deadline=20)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_that_leads_nowhere_cannot_be_an_encoder(host: str) -> None:
    with pytest.raises(EncoderUnavailable, match="small"):
        RemoteEncoder(f"http://{host}/v1", "small", deadline=20)


def test_what_is_no_url_cannot_be_an_encoder() -> None:
    with pytest.raises(EncoderUnavailable, match="no http:// or https:// address"):
        RemoteEncoder("embeddings:8000", "small", deadline=20)


def test_a_server_without_the_model_cannot_be_an_encoder(server: EmbeddingsServer) -> None:
    server.answering = lambda _: (404, b"{}")
    with pytest.raises(EncoderUnavailable, match="status 404"):
        RemoteEncoder(server.url, "small", deadline=20)


@pytest.mark.parametrize("key", ["line\n", "clé"])
def test_a_key_that_no_header_carries_is_refused_unquoted(
    server: EmbeddingsServer, key: str
) -> None:
    with pytest.raises(EncoderUnavailable) as refused:
        RemoteEncoder(server.url, "small", deadline=20, api_key=key)
    assert key not in str(refused.value)
