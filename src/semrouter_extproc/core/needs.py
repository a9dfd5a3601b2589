"""What a request needs of the model that answers it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from semrouter_extproc.core.body import Members, spoken, value_of
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
    """Estimate the length of the prompt in tokens, its tools included."""
    tools = spoken(request.members, "tools")
    size = sum(_bytes(turn.text) for turn in request.turns)
    size += len(memoryview(tools)) if tools is not None else 0
    return size // _BYTES_PER_TOKEN


def answer_limit(request: Request) -> int | None:
    """Return the bound on the answer's tokens that the client set, None where it set none."""
    for name in request.api.limits:
        raw = spoken(request.members, name)
        if raw is not None:
            value = value_of(raw)
            return value if isinstance(value, int) and not isinstance(value, bool) else None
    return None


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
    raw = request.member(path) if path[0] in request.members else None
    value = None if raw is None else value_of(raw)
    return value.get("type") if isinstance(value, dict) else None


def _is_filled(members: Members, name: str) -> bool:
    raw = spoken(members, name)
    return raw is not None and bytes(memoryview(raw)[:8]).strip(b" \t\r\n") not in (b"[]", b"{}")


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
