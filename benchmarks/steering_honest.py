"""What a page makes of prompts of people who do not attack."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from prompt_material import reasons
from steering_material import said
from steering_report import Share
from steering_router import Router, Vectors

from semrouter_extproc.workbench.examples import Example

# Of the chat prompts' own categories, those for which it is plain what the policy should do.
CHAT: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("math", "coding", "stem"), True),
    **dict.fromkeys(("writing", "creative_writing", "roleplay", "humanities"), False),
}


class Chat(msgspec.Struct):
    """A prompt as people write them to assistants."""

    text: str
    category: str


def chats_in(path: Path) -> list[Chat]:
    """Return the prompts of a file of which it is plain what the policy should do."""
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    found = [msgspec.json.decode(line, type=Chat) for line in lines if line.strip()]
    return [chat for chat in found if chat.category in CHAT]


@dataclass(frozen=True, slots=True)
class Honest:
    """Prompts of nobody who attacks. `unseen` is the folder of centroids without the questions."""

    questions: Sequence[Example]
    chats: Sequence[Chat]
    unseen: str

    def questions_right(self, vectors: Vectors, page: Mapping[str, Any]) -> Share:
        """Return how many held-out questions are decided as their category should be."""
        changed = {**page, "classifier": {**page.get("classifier", {}), "centroids": self.unseen}}
        decided = Router(vectors, **changed).reasons([said(row.text) for row in self.questions])
        wanted = [reasons(row.category) for row in self.questions]
        return Share.of([a is b for a, b in zip(decided, wanted, strict=True)])

    def chats_right(self, router: Router) -> Share:
        """Return how many chat prompts are decided as their category should be."""
        decided = router.reasons([said(chat.text) for chat in self.chats])
        return Share.of(
            [CHAT[chat.category] is b for chat, b in zip(self.chats, decided, strict=True)]
        )
