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

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.ngrams import Buckets, buckets_of
from semrouter_extproc.core.policy import Choice, Policy, Reason
from semrouter_extproc.core.static import StaticModel, classify_static
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.metrics import Metrics, Rung, Stage

Submit = Callable[[str], Awaitable[NDArray[np.float32]]]

_ENTRY_BYTES: Final = 900
"""What an entry of the cache takes at most beside its probabilities (measured)."""

_log = structlog.get_logger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """A route for a prompt, and where it comes from. `classification` is None for the default."""

    choice: Choice
    rung: Rung
    classification: Classification | None = None


class Ladder:
    """Finds the route for a prompt.

    `submit` turns a text into its unit vector; it is waited for at most `deadline` seconds.
    `static` is None where there is no static tier, or none is wanted; `learned` settles the open
    routes of `policy`. The cache holds answers of the trusted rungs, up to `cache_bytes`, by a
    hash of the text: no prompt stays in memory.
    """

    def __init__(
        self,
        submit: Submit,
        *,
        centroids: Centroids,
        static: StaticModel | None,
        policy: Policy,
        learned: Learned | None,
        deadline: float,
        cache_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._submit = submit
        self._centroids = centroids
        self._static = static
        self._policy = policy
        self._learned = learned
        self._deadline = deadline
        self._metrics = metrics
        self._logged: Callable[[], EncodingFailed | None] = lambda: None
        self._cache: LRUCache[bytes, Answer] = LRUCache(cache_bytes, getsizeof=_bytes_of)

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
        guess = self._guess(buckets)
        if guess is not None and self._is_sure(guess.choice):
            return self._remembered(key, guess)
        outcome = await self._encoded(text, buckets)
        if isinstance(outcome, Answer):
            return self._remembered(key, outcome)
        if guess is not None and self._is_usable(guess.choice):
            # The reason stays that of the encoder, or half of its failures would be hidden.
            choice = msgspec.structs.replace(guess.choice, reason=outcome)
            return Answer(choice, Rung.GUESS, guess.classification)
        return self._default(outcome)

    def _answer(self, classification: Classification, rung: Rung) -> Answer:
        with self._metrics.time(Stage.DECIDE):
            return Answer(self._policy.choose(classification), rung, classification)

    def _default(self, reason: Reason) -> Answer:
        return Answer(self._policy.choose(reason), Rung.DEFAULT)

    def _guess(self, buckets: Buckets) -> Answer | None:
        # Of a text without n-grams nothing is known, however many categories go one way.
        if self._static is None or not buckets.size:
            return None
        with self._metrics.time(Stage.STATIC):
            classification = classify_static(buckets, self._static)
        return self._answer(classification, Rung.STATIC)

    def _is_sure(self, choice: Choice) -> bool:
        bar = self._static.bar if self._static else 1.0
        return self._is_usable(choice) and (choice.lead or 0.0) >= bar

    @staticmethod
    def _is_usable(choice: Choice) -> bool:
        # An open route is settled by the vector.
        return choice.reason is Reason.ROUTED and not choice.route.arms

    async def _encoded(self, text: str, buckets: Buckets) -> Answer | Reason:
        """Return what vector and n-grams lead to, or the reason why there is no vector."""
        try:
            async with asyncio.timeout(self._deadline):
                vector = await self._submit(text)
        except TimeoutError:
            return Reason.DEADLINE
        except (Overloaded, Closed):
            return Reason.OVERLOADED
        except EncodingFailed as error:
            self._log_once(error)
            return Reason.ENCODER_ERROR
        with self._metrics.time(Stage.CLASSIFY):
            classification = classify(vector, buckets, self._centroids)
        answer = self._answer(classification, Rung.ENCODER)
        if self._learned is None:
            return answer
        settled = self._learned.settled(answer.choice, vector, text, buckets)
        return msgspec.structs.replace(answer, choice=settled)

    def _log_once(self, error: EncodingFailed) -> None:
        # All prompts of a failed batch are given the same error. It leads to them by its
        # traceback, and is not kept for that reason.
        if error is not self._logged():
            _log.error("encoding failed", error=str(error))
        self._logged = weakref.ref(error)

    def _remembered(self, key: bytes, answer: Answer) -> Answer:
        # A cache smaller than one entry is a cache switched off.
        if _bytes_of(answer) <= self._cache.maxsize:
            self._cache[key] = Answer(answer.choice, Rung.CACHE, answer.classification)
        return answer


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _bytes_of(answer: Answer) -> int:
    known = answer.classification
    return _ENTRY_BYTES + (known.probabilities.nbytes if known else 0)
