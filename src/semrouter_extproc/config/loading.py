"""From a file to a page, or to a list of every fault with its path."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from semrouter_extproc.config.schema import Config
from semrouter_extproc.config.sections import Section
from semrouter_extproc.config.values import did_you_mean
from semrouter_extproc.errors import ConfigError


def load(path: Path) -> Config:
    """Read and validate a configuration file, raising `ConfigError` with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}"]) from None
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML lets the errors of Python's own constructors through, such as a thirteenth month.
        raise ConfigError(str(path), [f"is not valid YAML: {_one_line(error)}"]) from None
    return parse(document, source=str(path))


def parse(document: object, *, source: str) -> Config:
    """Validate a configuration that is already plain data, such as a parsed YAML file."""
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        errors = error.errors()
    faults = [fault for details in errors for fault in _describe(details)]
    if any(details["loc"] for details in errors):
        # Sections are compared only once each is valid in itself: do so for the rest of the page.
        faults += _disagreements(_without(document, [details["loc"] for details in errors]))
    raise ConfigError(source, faults)


def _disagreements(document: object) -> Iterable[str]:
    try:
        Config.model_validate(document)
    except ValidationError as error:
        whole_page = (details for details in error.errors() if not details["loc"])
        return [fault for details in whole_page for fault in _describe(details)]
    return []


def _without(document: object, paths: Iterable[Sequence[int | str]]) -> object:
    """Return a copy of `document` that lacks what stands at `paths`, so far as it can."""
    pruned = deepcopy(document)
    for path in paths:
        parent = pruned
        for step in path[:-1]:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
    return pruned


def _describe(error: ErrorDetails) -> Iterable[str]:
    """Turn one pydantic error into lines of `path: what is wrong`."""
    if error["type"] == "model_type" and not error["loc"]:
        yield "is no page of `key: value` lines; config/semrouter.yaml shows one"
        return
    path = ".".join(str(step) for step in error["loc"] if step != "[key]")
    if error["type"] == "extra_forbidden":
        *section, key = error["loc"]
        yield f"{path}: unknown key" + did_you_mean(str(key), _keys_of(section))
        return
    message = error["msg"].removeprefix("Value error, ")
    for line in message.splitlines():
        # The checks across sections name their own paths.
        yield f"{path}: {line}" if path else line


def _keys_of(path: Sequence[int | str]) -> Iterable[str]:
    """Return the keys of the section at `path`."""
    section: Any = Config
    for step in path:
        known = section.model_fields.get(step) if isinstance(step, str) else None
        section = _section_in(known.annotation) if known else section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[Section]:  # noqa: ANN401 - a type of any form
    """Return the section that a field holds, by itself or many of them."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = (_section_in(part) for part in get_args(annotation))
    return next((part for part in inner if part is not Section), Section)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class _StrictLoader(yaml.SafeLoader):
    """YAML without its quietest trap: a key written twice, where the last would win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001 - PyYAML's signature
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", mark)
        return super().construct_mapping(node, deep=deep)
