"""Write configuration.md: what a key takes, by the model; what it says, by the page's comments.

The introduction of configuration.md, above a mark, is written by hand and stays.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ByteSize, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from semrouter_extproc.config import Address, Config
from semrouter_extproc.config.sections import Section
from semrouter_extproc.config.values import Duration, HeaderName, HostPort, Name, Tag
from semrouter_extproc.reloading import FIXED

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER.parent / "config" / "semrouter.yaml"
REFERENCE: Final = FOLDER / "configuration.md"

_Schema = dict[str, Any]

_MARK: Final = "<!-- What follows is written by docs/reference.py -->\n"
_PLACES: Final = {
    "models": "NAME",
    "routes": "CATEGORY",
    "dialects": "FAMILY",
    "learned.arms": "ARM",
}
"""What stands for the keys that operators choose themselves."""

_LINE: Final = re.compile(r"(?P<indent> *)(?:(?P<key>[\w ]+):[^#]*)?(?:#(?P<said>.*))?")
_PART: Final = re.compile(r"(?P<key>\w+): \S.*? {2,}(?P<said>\S.*)")
_SIGNS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_TYPES: Final = {
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "null",
}
_MEBIBYTE: Final = 2**20


class Key(NamedTuple):
    """A key of the page: its path, what it takes in an operator's words, default and bounds."""

    path: str
    takes: str
    default: str
    bounds: str


def comments(page: str) -> dict[str, str]:
    """Return what the comments of `page` say of each key, by its path.

    A comment goes on in the lines below its key. There, `key: EXAMPLE   words` is about a key that
    the page does not spell out, and goes on in lines that are indented.
    """
    said: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    about = ""
    for match in map(_LINE.fullmatch, page.splitlines()):
        if match is None or not (match["key"] or match["indent"]):
            continue
        words = (match["said"] or "").removeprefix(" ")
        if match["key"]:
            indent = len(match["indent"])
            parents = [each for each in parents if each[0] < indent]
            about = f"{parents[-1][1]}." if parents else ""
            about += _PLACES.get(about.removesuffix("."), match["key"])
            parents.append((indent, about))
        elif part := _PART.fullmatch(words):
            about, words = f"{_held_by(parents[-1][1])}.{part['key']}", part["said"]
        elif not words.startswith(" "):
            about = parents[-1][1]
        said[about] = f"{said.get(about, '')} {words.strip()}".strip()
    return said


def every_key() -> Iterator[Key]:
    """Yield every key of the page, a section before its own keys."""
    schema = Config.model_json_schema()
    yield from _keys_of(Config, schema, "", schema["$defs"])


def written() -> str:
    """Return the file's text."""
    said, every = comments(PAGE.read_text(encoding="utf-8")), list(every_key())
    names = [path for path in said if "." not in path]
    introduction, _, _ = REFERENCE.read_text(encoding="utf-8").partition(_MARK)
    return f"{introduction}{_MARK}\n" + "\n".join(_section(name, every, said) for name in names)


def _held_by(path: str) -> str:
    return f"{path}.{_PLACES[path]}" if path in _PLACES else path


def _keys_of(section: type[Section], schema: _Schema, path: str, known: _Schema) -> Iterator[Key]:
    classes = {each.__name__: each for each in Section.__subclasses__()}
    for name, field in section.model_fields.items():
        shape, here = schema["properties"][name], f"{path}{name}"
        takes = _takes(shape, known)
        yield Key(here, takes, _default(field, takes), _bounds(field))
        for inner in filter(classes.__contains__, _references(shape)):
            within = f"{here}[]" if "items" in shape else _held_by(here)
            yield from _keys_of(classes[inner], known[inner], f"{within}.", known)


def _references(shape: object) -> Iterator[str]:
    """Yield the names of the definitions that `shape` refers to."""
    if isinstance(shape, dict):
        if "$ref" in shape:
            yield shape["$ref"].rpartition("/")[2]
        shape = list(shape.values())
    if isinstance(shape, list):
        for inner in shape:
            yield from _references(inner)


def _pattern(kind: TypeAdapter[Any]) -> str:
    schema = kind.json_schema()
    return str(schema.get("anyOf", [schema])[0]["pattern"])


_KINDS: Final = {
    _pattern(TypeAdapter(Duration)): "duration",
    _pattern(TypeAdapter(HostPort)): "HOST:PORT",
    _pattern(TypeAdapter(ByteSize)): "size",
    _pattern(TypeAdapter(Name)): "name",
    _pattern(TypeAdapter(Tag)): "tag",
    _pattern(TypeAdapter(HeaderName)): "header",
}


def _takes(shape: _Schema, known: _Schema) -> str:
    """Return what a value is, in an operator's words."""
    if "$ref" in shape:
        return _takes(known[shape["$ref"].rpartition("/")[2]], known)
    if "anyOf" in shape:
        return _either([_takes(each, known) for each in shape["anyOf"]])
    if shape.get("type") == "array":
        return f"list of: {_takes(shape['items'], known)}"
    return _word(shape)


def _word(shape: _Schema) -> str:
    if "enum" in shape or "const" in shape:
        values = shape.get("enum", [shape.get("const")])
        return ("one of " if len(values) > 1 else "") + ", ".join(f"`{each}`" for each in values)
    if shape.get("pattern") in _KINDS:
        return _KINDS[shape["pattern"]]
    if shape["type"] == "object":
        return "keys and values" if "properties" not in shape else "section"
    return _TYPES.get(shape["type"], "path" if shape.get("format") == "path" else "text")


def _either(words: list[str]) -> str:
    """Join alternatives, without null and other spellings: bytes, and YAML's bare on and off."""
    spare = {"null", _TYPES["integer"] if words[0] == "size" else _TYPES["boolean"]}
    return " or ".join(each for each in words if each not in spare)


def _bounds(field: FieldInfo) -> str:
    limits = [
        f"{sign} {_plain(getattr(limit, name))}"
        for limit in field.metadata
        for name, sign in _SIGNS.items()
        if hasattr(limit, name)
    ]
    least = next((each.min_length for each in field.metadata if hasattr(each, "min_length")), None)
    return ", ".join([*limits, *([f"at least {least}"] if least else [])])


def _default(field: FieldInfo, takes: str) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Section):
        return ""
    text = _seconds(value) if takes == "duration" else _plain(value)
    return f"`{text}`"


def _seconds(value: float) -> str:
    return f"{value:g}s" if value >= 1 else f"{value * 1000:g}ms"


def _plain(value: Any) -> str:  # noqa: ANN401 - a value of any kind
    """Write a value as it stands on a page."""
    if isinstance(value, ByteSize) or (isinstance(value, int) and value >= _MEBIBYTE):
        return f"{value // _MEBIBYTE}MiB"
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, str):
        return value or '""'
    text = yaml.safe_dump(_dumped(value), default_flow_style=True, width=10**6)
    return text.removesuffix("\n...\n").strip().replace("'", "")


def _dumped(value: Any) -> Any:  # noqa: ANN401 - a value of any kind
    if isinstance(value, Section):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, Mapping):
        return {key: _dumped(each) for key, each in value.items()}
    if isinstance(value, tuple | frozenset):
        return [_dumped(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _section(name: str, every: list[Key], said: Mapping[str, str]) -> str:
    inside = [key for key in every if re.match(rf"{name}(\W|$)", key.path)]
    rows = inside[1:] or inside
    lines = [
        f"## {name}",
        "",
        *([_cell(said[name][0].upper() + said[name][1:]) + ".", ""] if inside[1:] else []),
        _when_it_counts(name),
        "",
        "| key | takes | default | says |",
        "| --- | --- | --- | --- |",
        *(_row(key, said.get(key.path, "")) for key in rows),
    ]
    return "\n".join(lines) + "\n"


def _row(key: Key, words: str) -> str:
    takes = ", ".join(filter(None, [key.takes, key.bounds]))
    return f"| `{key.path}` | {takes} | {key.default} | {_cell(words)} |"


def _cell(words: str) -> str:
    linked = re.sub(r"docs/(\S+\.md)", r"[\1](\1)", words)
    return re.sub(r"([|*<])", r"\\\1", linked)


def _when_it_counts(section: str) -> str:
    if section in FIXED:
        return "A change takes a restart."
    if section == "envoy":
        return "A change takes a new bootstrap: `semrouter envoy-config`."
    return "A change is taken up while it serves."


if __name__ == "__main__":
    REFERENCE.write_text(written(), encoding="utf-8")
