"""The rungs by which a prompt gets its route, the cheapest first.

    cache     the same text was classified before
    static    the static tier is sure enough
    encoder   the encoder's vector and the words, classified by the centroids
    guess     the encoder was not to be had in time: the static tier, though not sure enough
    default   nothing is known about the prompt: the default route

The first three are equally trusted. Under overload the ladder goes on to the last two, each of
which costs microseconds.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final

import msgspec
import numpy as np
import structlog
from cachetools import LRUCache
from numpy.typing import NDArray

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.judge import Judge, Verdict
from semrouter_extproc.core.ngrams import Buckets, buckets_of
from semrouter_extproc.core.policy import Choice, Reason
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.metrics import Metrics, Rung, Stage

Vector = NDArray[np.float32]
Submit = Callable[[str], Awaitable[Vector]]

_ENTRY_BYTES: Final = 900
"""What an entry of the cache takes at most beside its probabilities (measured)."""

_SHADOW_BYTES: Final = 150

_log = structlog.get_logger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """A route for a prompt, and where it comes from. `classification` is None for the default.

    `shadow` is what the shadow would choose, None where it cannot tell or there is none.
    """

    choice: Choice
    rung: Rung
    classification: Classification | None = None
    shadow: Choice | None = None


class Ladder:
    """Finds the route for a prompt.

    `submit` turns a text into its unit vector; it is waited for at most `deadline` seconds. The
    cache holds answers of the trusted rungs, up to `cache_bytes`, by a hash of the text: no
    prompt stays in memory. A `shadow` judges what the `judge` does, and changes nothing.
    """

    def __init__(
        self,
        submit: Submit,
        judge: Judge,
        *,
        shadow: Judge | None = None,
        deadline: float,
        cache_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._submit = submit
        self._judge = judge
        self._shadow = shadow
        self._deadline = deadline
        self._metrics = metrics
        self._logged: Callable[[], EncodingFailed | None] = lambda: None
        self._cache: LRUCache[bytes, Answer] = LRUCache(cache_bytes, getsizeof=_bytes_of)

    @property
    def has_shadow(self) -> bool:
        """Whether answers say what a shadow would choose."""
        return self._shadow is not None

    async def route(self, text: str) -> Answer:
        """Return the route for `text`. Raises only what the encoder's bugs raise."""
        if not text:
            return self._default(Reason.NO_PROMPT)
        key = _key(text)
        known = self._cache.get(key)
        if known is not None:
            return known
        with self._metrics.time(Stage.NGRAMS):
            buckets = buckets_of(text)
        with self._metrics.time(Stage.STATIC):
            guess = self._judge.by_words(buckets)
        if guess is not None and self._judge.is_sure(guess):
            shadow = self._shadowed(buckets, text, None)
            return self._remembered(key, _answer(guess, Rung.STATIC, shadow))
        vector = await self._encoded(text)
        if not isinstance(vector, Reason):
            with self._metrics.time(Stage.CLASSIFY):
                verdict = self._judge.by_vector(vector, text, buckets)
            self._metrics.drift.encoded(self._judge.familiarity_rank(verdict))
            shadow = self._shadowed(buckets, text, vector)
            return self._remembered(key, _answer(verdict, Rung.ENCODER, shadow))
        if guess is not None and self._judge.is_usable(guess):
            # The reason stays that of the encoder, or half of its failures would be hidden.
            choice = msgspec.structs.replace(guess.choice, reason=vector)
            return Answer(choice, Rung.GUESS, guess.classification)
        return self._default(vector)

    def _default(self, reason: Reason) -> Answer:
        return Answer(self._judge.without_vector(reason), Rung.DEFAULT)

    def _shadowed(self, buckets: Buckets, text: str, vector: Vector | None) -> Choice | None:
        """Return what the shadow would choose with the vector that is at hand anyway, if any."""
        if self._shadow is None:
            return None
        with self._metrics.time(Stage.SHADOW):
            guess = self._shadow.by_words(buckets)
            if guess is not None and self._shadow.is_sure(guess):
                return guess.choice
            if vector is None:
                return None
            return self._shadow.by_vector(vector, text, buckets).choice

    async def _encoded(self, text: str) -> Vector | Reason:
        """Return the vector of `text`, or the reason why there is none."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._submit(text)
        except TimeoutError:
            return Reason.DEADLINE
        except (Overloaded, Closed):
            return Reason.OVERLOADED
        except EncodingFailed as error:
            self._log_once(error)
            return Reason.ENCODER_ERROR

    def _log_once(self, error: EncodingFailed) -> None:
        # All prompts of a failed batch are given the same error. It leads to them by its
        # traceback, and is not kept for that reason.
        if error is not self._logged():
            _log.error("encoding failed", error=str(error))
        self._logged = weakref.ref(error)

    def _remembered(self, key: bytes, answer: Answer) -> Answer:
        # A cache smaller than one entry is a cache switched off.
        if _bytes_of(answer) <= self._cache.maxsize:
            self._cache[key] = msgspec.structs.replace(answer, rung=Rung.CACHE)
        return answer


def _answer(verdict: Verdict, rung: Rung, shadow: Choice | None) -> Answer:
    return Answer(verdict.choice, rung, verdict.classification, shadow)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _bytes_of(answer: Answer) -> int:
    known = answer.classification
    shadow = _SHADOW_BYTES if answer.shadow else 0
    return _ENTRY_BYTES + shadow + (known.probabilities.nbytes if known else 0)
