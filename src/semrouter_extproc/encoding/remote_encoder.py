"""The encoder elsewhere: any server with OpenAI's `/v1/embeddings`, such as vLLM or TEI."""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from time import monotonic
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.encoding.http_endpoint import HttpEndpoint
from semrouter_extproc.encoding.weights import first_line
from semrouter_extproc.errors import EncoderUnavailable, EncodingFailed

# A server that has just started may load or compile before its first answer.
_FIRST_ANSWER_SECONDS: Final = 30.0

# As many characters as 32 prompts of usual length: the server makes batches of its own from what
# all callers send, so that more would only make the first of them wait for the last.
_BATCH_COST: Final = 10_000

_TO_THE_WINDOW: Final = -1
_NUMBER: Final = np.dtype("<f4")
_REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class RemoteEncoder:
    """Vectors of `model` from the server whose OpenAI API is at `url`, as `http://host:8000/v1`.

    `deadline` is the time in seconds that one batch may take. A batch of more than `max_batch`
    texts is sent in parts, one after the other; TEI takes 32 unless told otherwise. The server
    tokenizes, and cuts long texts: vLLM because it is asked to, TEI when it was started with
    `--auto-truncate`. `api_key` is sent as a bearer token where there is one.

    Raises `EncoderUnavailable`.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        deadline: float,
        workers: int = 4,
        max_batch: int = 32,
        api_key: str | None = None,
    ) -> None:
        self.fingerprint = f"{model}@{url}"
        self.workers = workers
        self.batch_cost = _BATCH_COST
        self._model = model
        self._deadline = deadline
        self._max_batch = max_batch
        self._truncation: int | msgspec.UnsetType = _TO_THE_WINDOW
        try:
            self._endpoint = HttpEndpoint(f"{url.rstrip('/')}/embeddings", _headers(api_key))
            self.dimensions = self._learn()
        except (ValueError, EncodingFailed) as error:
            raise EncoderUnavailable(
                f"encoder {model!r} at {url}: {error}; "
                "start the server, or correct encoder.model and encoder.remote"
            ) from error

    @property
    def description(self) -> str:
        """What runs here, for people."""
        return f"remote, {self.fingerprint}"

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts, as the server tokenizes them itself."""
        # A lone surrogate is no character: no JSON that a server would read can carry it.
        return [text.encode("utf-8", "replace").decode() for text in texts]

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, `[len(batch), dimensions]`. Raises EncodingFailed."""
        give_up = monotonic() + self._deadline
        parts = [
            self._vectors(batch[start : start + self._max_batch], give_up - monotonic())
            for start in range(0, len(batch), self._max_batch)
        ]
        vectors = np.concatenate(parts)
        if vectors.shape[1] != self.dimensions:
            raise EncodingFailed(
                f"the embeddings server sent vectors of {vectors.shape[1]} numbers, "
                f"and {self.dimensions} before"
            )
        return vectors

    def close(self) -> None:
        """Close the connections to the server."""
        self._endpoint.close()

    def _learn(self) -> int:
        """Find out what the server takes, and return the length of its vectors."""
        try:
            with suppress(_Refused):
                return self._first_answer()
            # OpenAI's own servers take no members that they do not know.
            self._truncation = msgspec.UNSET
            return self._first_answer()
        except EncodingFailed:
            self.close()
            raise

    def _first_answer(self) -> int:
        return int(self._vectors(["dimensions"], _FIRST_ANSWER_SECONDS).shape[1])

    def _vectors(self, texts: Sequence[str], seconds: float) -> NDArray[np.float32]:
        request = _Request(self._model, texts, self._truncation)
        content = self._post(msgspec.json.encode(request), seconds)
        try:
            answer = msgspec.json.decode(content, type=_Answer)
        except msgspec.MsgspecError as error:
            raise EncodingFailed(
                f"the embeddings server sent no list of embeddings: {first_line(error)}"
            ) from error
        return unit_rows(_matrix(answer.data, len(texts)))

    def _post(self, body: bytes, seconds: float) -> bytes:
        try:
            status, content = self._endpoint.post(body, seconds)
        except TimeoutError as error:
            raise EncodingFailed("the embeddings server did not answer in time") from error
        except OSError as error:
            why = error.strerror or first_line(error)
            raise EncodingFailed(f"the embeddings server cannot be reached: {why}") from error
        except (HTTPException, UnicodeError) as error:
            why = type(error).__name__
            raise EncodingFailed(f"the embeddings server sent no proper HTTP ({why})") from error
        if status != HTTPStatus.OK:
            failure = _Refused if status in _REFUSED else EncodingFailed
            # Nothing of the content, which may repeat the prompt.
            raise failure(f"the embeddings server answered with status {status}")
        return content


class _Request(msgspec.Struct):
    model: str
    input: Sequence[str]
    truncate_prompt_tokens: int | msgspec.UnsetType
    # Numbers as text would take each side ten times as long. Who does not know it sends them.
    encoding_format: Literal["base64"] = "base64"


class _Embedding(msgspec.Struct):
    index: int
    embedding: bytes | list[float]


class _Answer(msgspec.Struct):
    data: list[_Embedding]


class _Refused(EncodingFailed):
    """The server does not take what it was sent."""


def _headers(api_key: str | None) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if api_key is not None:
        if not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("the API key holds characters that no header can carry")
        headers["authorization"] = f"Bearer {api_key}"
    return headers


def _matrix(embeddings: Sequence[_Embedding], count: int) -> NDArray[np.float32]:
    """Return the embeddings in the order of their texts, `[count, D]`."""
    ordered = sorted(embeddings, key=lambda each: each.index)
    if [each.index for each in ordered] != list(range(count)):
        raise EncodingFailed(
            f"the embeddings server sent {len(ordered)} embeddings for {count} texts, "
            f"or did not number them from 0 to {count - 1}"
        )
    rows = [_row(each.embedding) for each in ordered]
    if len({len(row) for row in rows}) > 1:
        raise EncodingFailed("the embeddings server sent vectors of unlike lengths")
    return np.stack(rows)


def _row(embedding: bytes | list[float]) -> NDArray[np.float32]:
    if isinstance(embedding, list):
        return np.array(embedding, np.float32)
    if len(embedding) % _NUMBER.itemsize:
        raise EncodingFailed(
            f"the embeddings server sent {len(embedding)} bytes, which are no float32 numbers"
        )
    return np.frombuffer(embedding, _NUMBER)
