"""Encodes what `prompts.py` reads, decides about it, and counts what is right."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from prompt_material import (
    Document,
    Moment,
    conversations,
    documents,
    reasons,
    sample,
)
from prompt_methods import Cut, Read
from prompt_tables import ChatRow, ConversationRow, LongRow, Sizes

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.policy import Policy
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.features import Vectors
from semrouter_extproc.workbench.progress import Progress

SHORT: Final = 100

_AT_ONCE: Final = 512

# Categories of MT-bench for which it is plain whether the paper's policy would reason.
_CHAT_REASONS: Final = {
    **dict.fromkeys(("math", "coding", "stem"), True),
    **dict.fromkeys(("writing", "roleplay", "humanities"), False),
}

Flags = NDArray[np.bool_]


class _Chat(msgspec.Struct):
    turns: list[str]
    category: str


class Judge:
    """Encodes texts, each once."""

    def __init__(self, encoder: AnyEncoder, progress: Progress) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}
        self.progress = progress

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text."""
        new = sorted(set(texts) - self._known.keys())
        for start in range(0, len(new), _AT_ONCE):
            batch = new[start : start + _AT_ONCE]
            self._known.update(zip(batch, encode_texts(self._encoder, batch), strict=True))
            self.progress.detail(f"{start + len(batch):,} of {len(new):,} texts")
        return np.stack([self._known[text] for text in texts])

    def pooled(self, groups: Sequence[Sequence[str]]) -> Vectors:
        """Return one unit vector per group of texts: the direction of the mean of theirs."""
        flat = self.vectors([text for group in groups for text in group])
        starts = np.cumsum([0, *map(len, groups)])[:-1]
        sums = np.add.reduceat(flat, starts)
        unit: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return unit


@dataclass(frozen=True, slots=True)
class Router:
    """Centroids and a policy."""

    centroids: Centroids
    policy: Policy

    def decide(self, groups: Sequence[Sequence[str]], judge: Judge) -> tuple[Flags, list[str]]:
        """Return for each prompt whether the model reasons, and the category.

        A prompt is a group of texts that are pooled: the mean of their vectors, and the n-grams
        of all.
        """
        choices = [
            self.policy.choose(classify(vector, buckets_of("\n".join(group)), self.centroids))
            for vector, group in zip(judge.pooled(groups), groups, strict=True)
        ]
        on = np.array([choice.route.reasoning is Reasoning.ON for choice in choices])
        return on, [choice.category or "" for choice in choices]


def long_rows(
    rows: Sequence[Example], sizes: Sizes, cuts: Mapping[str, Cut], judge: Judge, router: Router
) -> tuple[LongRow, ...]:
    """Judge every way to cut long prompts, and what it does to questions by themselves."""
    found = list(documents(sample(rows, sizes.questions), rows))
    plain = sample(rows, sizes.plain)
    table = []
    for name, cut in cuts.items():
        judge.progress.step(f"Long prompts: {name}")
        table.append(_long_row(name, cut, found=found, plain=plain, judge=judge, router=router))
    return tuple(table)


def _long_row(
    name: str,
    cut: Cut,
    *,
    found: Sequence[Document],
    plain: Sequence[Example],
    judge: Judge,
    router: Router,
) -> LongRow:
    texts = [cut(document.text) for document in found]
    right, same = _judged(texts, [document.question for document in found], judge, router)
    places = [f"{document.filler} {document.place}" for document in found]
    at_ends = np.array([document.place != "middle" for document in found])
    plain_right, plain_same = _judged([cut(row.text) for row in plain], plain, judge, router)
    return LongRow(
        method=name,
        encodes=round(float(np.mean([len(group) for group in texts])), 1),
        right={
            place: share(right[[other == place for other in places]])
            for place in dict.fromkeys(places)
        },
        at_ends=share(right[at_ends]),
        at_ends_category=share(same[at_ends]),
        plain=share(plain_right),
        plain_category=share(plain_same),
    )


def _judged(
    texts: Sequence[Sequence[str]], about: Sequence[Example], judge: Judge, router: Router
) -> tuple[Flags, Flags]:
    """Say of each group of texts whether on or off is right, and whether the category is."""
    on, categories = router.decide(texts, judge)
    right: Flags = on == [reasons(row.category) for row in about]
    same = [got == row.category for got, row in zip(categories, about, strict=True)]
    return right, np.array(same)


def conversation_rows(
    rows: Sequence[Example], sizes: Sizes, reads: Mapping[str, Read], judge: Judge, router: Router
) -> tuple[ConversationRow, ...]:
    """Judge every way to read conversations."""
    moments = conversations(rows, sizes.conversations)
    return tuple(_conversation_row(*item, moments, judge, router) for item in reads.items())


def _conversation_row(
    name: str, read: Read, moments: Sequence[Moment], judge: Judge, router: Router
) -> ConversationRow:
    judge.progress.step(f"Conversations: {name}")
    on, _ = router.decide([[read(moment.turns)] for moment in moments], judge)
    right = on == [reasons(moment.category) for moment in moments]
    kinds = np.array([moment.kind for moment in moments])
    short = np.array([len(moment.turns[-1]) < SHORT for moment in moments])
    switches = kinds == "switch"
    return ConversationRow(
        method=name,
        right=share(right),
        follow_ups=share(right[kinds == "follow-up"]),
        questions=share(right[(kinds == "first") | (kinds == "same")]),
        switches=share(right[switches]),
        short_switches=share(right[switches & short]),
        flaps=share(_flaps(on, moments)),
        counts={"switches": int(switches.sum()), "short": int((switches & short).sum())},
    )


def _flaps(on: Flags, moments: Sequence[Moment]) -> Flags:
    """Say for each two turns in a row on one subject whether their decisions differ."""
    together = [
        before.conversation == after.conversation and before.category == after.category
        for before, after in pairwise(moments)
    ]
    flaps: Flags = (on[1:] != on[:-1])[together]
    return flaps


def chat_rows(
    path: Path, reads: Mapping[str, Read], judge: Judge, router: Router
) -> tuple[ChatRow, ...]:
    """Judge the second turns of real conversations."""
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    found = [msgspec.json.decode(line, type=_Chat) for line in lines if line.strip()]
    chats = [chat for chat in found if len(chat.turns) > 1]
    return tuple(_chat_row(name, read, chats, judge, router) for name, read in reads.items())


def _chat_row(
    name: str, read: Read, chats: Sequence[_Chat], judge: Judge, router: Router
) -> ChatRow:
    first, _ = router.decide([[read(chat.turns[:1])] for chat in chats], judge)
    second, _ = router.decide([[read(chat.turns)] for chat in chats], judge)
    known = np.array([chat.category in _CHAT_REASONS for chat in chats])
    wanted = np.array([_CHAT_REASONS.get(chat.category, False) for chat in chats])
    return ChatRow(
        method=name,
        chats=len(chats),
        kept=share(first == second),
        plain_cases=int(known.sum()),
        first_right=share((first == wanted)[known]),
        second_right=share((second == wanted)[known]),
    )


def share(flags: Flags) -> float:
    """Return how many flags are set, from 0 to 1."""
    return round(float(np.mean(flags)), 4)
