"""What a request needs of the model that answers it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from semrouter_extproc.core.apis import Shape
from semrouter_extproc.core.body import Members, members_of, short_value, spoken
from semrouter_extproc.core.conversation import TOKENS
from semrouter_extproc.core.reasoning import Path
from semrouter_extproc.core.request import Request

# English takes a little more than four bytes a token, code three, Chinese three or four. Too
# high an estimate costs a larger model, too low a one the answer.
_BYTES_PER_TOKEN: Final = 3


class Feature(StrEnum):
    """Something that not every model can take."""

    IMAGES = "images"
    TOOLS = "tools"
    STRUCTURED_OUTPUT = "structured_output"


@dataclass(frozen=True, slots=True)
class Needs:
    """`tokens` is an estimate of prompt and answer together."""

    tokens: int
    features: frozenset[Feature]


def needs_of(request: Request) -> Needs:
    """Estimate what `request` needs."""
    features = {
        Feature.IMAGES: any(turn.image for turn in request.turns),
        Feature.TOOLS: any(_is_filled(request.members, name) for name in ("tools", "functions")),
        Feature.STRUCTURED_OUTPUT: _is_structured(request),
    }
    return Needs(
        tokens=prompt_tokens(request) + (answer_limit(request) or 0),
        features=frozenset(feature for feature, needed in features.items() if needed),
    )


def prompt_tokens(request: Request) -> int:
    """Estimate the length of the prompt in tokens, tools and what they gave back included."""
    members = (spoken(request.members, name) for name in _PROMPT_MEMBERS)
    images = any(turn.image for turn in request.turns)
    size = sum(_bytes(raw, request.api.shape, images=images) for raw in members if raw is not None)
    return size // _BYTES_PER_TOKEN


def answer_limit(request: Request) -> int | None:
    """Return the bound on the answer's tokens that the client set, None where it set none."""
    name = limiting_member(request)
    return None if name is None else whole_number(request.members[name])


def whole_number(raw: msgspec.Raw) -> int | None:
    """Return the whole number that a member says, None for anything else."""
    value = short_value(raw)
    # vLLM takes a number in quotes and one with a point for the whole number that they say.
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def limiting_member(request: Request) -> str | None:
    """Return the name of the member that bounds the answer."""
    set_ones = (name for name in request.api.limits if spoken(request.members, name) is not None)
    return next(set_ones, None)


def _is_structured(request: Request) -> bool:
    """Say whether the answer must follow a grammar or a schema."""
    if any(_is_filled(request.members, name) for name in _GRAMMARS):
        return True
    kinds = (_kind(request, path) for path in _FORMATS)
    return any(kind not in (None, "text") for kind in kinds)


_GRAMMARS: Final = (
    *("structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar"),
)
_FORMATS: Final = (("response_format",), ("text", "format"), ("output_config", "format"))


def _kind(request: Request, path: Path) -> object:
    """Return the type of a format, None where there is none."""
    raw = request.member(path)
    if raw is None:
        return None
    try:
        kind = spoken(members_of(bytes(raw)), "type")
    except (ValueError, RecursionError):
        return None
    return None if kind is None else short_value(kind)


def _is_filled(members: Members, name: str) -> bool:
    raw = spoken(members, name)
    return raw is not None and not _EMPTY.fullmatch(raw)


def _bytes(raw: msgspec.Raw, shape: Shape, *, images: bool) -> int:
    """Return how many bytes of a member are text, in JSON and with its own marks."""
    if shape is Shape.PROMPT and TOKENS.match(raw):
        return bytes(raw).count(b",") * _BYTES_PER_TOKEN
    encoded = sum(len(run[0]) for run in _BASE64.finditer(raw)) if images else 0
    return len(memoryview(raw)) - encoded


_PROMPT_MEMBERS: Final = (
    *("messages", "system", "input", "instructions", "prompt", "tools", "functions"),
)
_EMPTY: Final = re.compile(rb"[\[{]\s*[\]}]")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=]{1024,}")
