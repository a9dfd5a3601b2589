"""Configuration and artefact change while requests are served: checked first, swapped at once.

The files are looked at once a second rather than listened to: a network volume raises no events,
and a ConfigMap changes by a link two levels above its files. What changed must be still for a look
before it is loaded, or a half-written artefact would be refused.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from semrouter_extproc.artefact import resolve
from semrouter_extproc.assembly import Edition, load_edition, require_match, router_over
from semrouter_extproc.config import Config, load
from semrouter_extproc.core.apis import Api
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ConfigError, SemRouterError
from semrouter_extproc.explaining import Explanation, explain
from semrouter_extproc.ladder import Submit
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.router import SemanticRouter

FIXED: Final = ("server", "encoder", "recorder", "log", "tracing")
"""The sections that take a restart: ports, threads and open files hang on them."""

_SECONDS_BETWEEN_LOOKS: Final = 1.0

_State = Mapping[Path, tuple[int, int, int] | None]

_log = structlog.get_logger(__name__)


class Live:
    """The newest edition and its router. A request keeps the router that it came to.

    `submit` turns a text into its vector.
    """

    def __init__(self, edition: Edition, submit: Submit, metrics: Metrics) -> None:
        self._submit = submit
        self._metrics = metrics
        self.swap(edition)

    def swap(self, edition: Edition) -> None:
        """Let `edition` decide every request that comes from now on."""
        self._edition = edition
        self._metrics.drift.learned_from(edition.artefact.meta.provenance.categories)
        self._router = router_over(self._submit, edition, self._metrics)

    def edition_now(self) -> Edition:
        """Return the edition that decides a request that comes now."""
        return self._edition

    def router_now(self) -> SemanticRouter:
        """Return the router for a request that comes now."""
        return self._router

    async def explain(self, body: bytes, api: Api, header: str | None) -> Explanation:
        """Explain what would happen to a request now. Raises `MalformedRequest`."""
        return await explain(self._edition, self._submit, body, api, header=header)


class Files:
    """The files that an edition is loaded from: the page, and all that it names."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self._pages: Sequence[Path] = [page]
        self._folders: Sequence[Path] = []
        self._read: _State | None = None

    def state(self) -> _State:
        """Return what tells one state of the files from another; None is for a missing one."""
        pages = _marks(self._pages)
        if pages != self._read:
            # What a page names is asked only when it has changed: to read one takes milliseconds.
            self._pages, self._folders = _named(self.page)
            self._read = pages = _marks(self._pages)
        return {**pages, **_marks(file for folder in self._folders for file in _inside(folder))}


class Reloader:
    """Brings `live` up to date with `files`, which were in the state `as_loaded` when it was built.

    What cannot be used is refused, logged and counted, and the edition before it goes on.
    """

    def __init__(
        self, files: Files, as_loaded: _State, live: Live, encoder: AnyEncoder, metrics: Metrics
    ) -> None:
        self._files = files
        self._tried = self._last = as_loaded
        self._live = live
        self._encoder = encoder
        self._metrics = metrics

    async def run(self) -> None:
        """Look after the files until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            await self.look()

    async def look(self) -> None:
        """Load the files if they have changed since they were loaded, but not since the last look.

        Never raises, except when cancelled.
        """
        # In a thread: a network volume may hang, and an artefact takes half a second to load.
        state = await asyncio.to_thread(self._files.state)
        if state == self._last != self._tried:
            self._tried = state
            await self._reload()
        self._last = state

    async def _reload(self) -> None:
        try:
            edition = await asyncio.to_thread(self._load)
        except SemRouterError as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001 - a strange file must not end the watch
            self._refuse(type(error).__name__)
        else:
            self._live.swap(edition)
            self._metrics.reloaded(successful=True)
            _log.info("reloaded", page=str(self._files.page))

    def _load(self) -> Edition:
        page = load(self._files.page)
        faults = [*_fixed_keys(self._live.edition_now().config, page)]
        if faults:
            raise ConfigError(str(self._files.page), faults)
        edition = load_edition(page)
        require_match(page.encoder, self._encoder, *edition.artefacts)
        return edition

    def _refuse(self, fault: str) -> None:
        self._metrics.reloaded(successful=False)
        _log.error("change refused; the configuration before it goes on", fault=fault)


def _fixed_keys(running: Config, wanted: Config) -> Iterator[str]:
    """Name every key that differs but takes a restart."""
    for section in FIXED:
        now, then = getattr(running, section), getattr(wanted, section)
        for key in type(now).model_fields:
            if getattr(now, key) != getattr(then, key):
                yield f"{section}.{key}: takes a restart to change"


def _named(page: Path) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return the pages, this one and its shadow, and the folders of centroids that they name."""
    config = _loaded(page)
    if config is None:
        return [page], []
    folder = resolve(config.classifier.centroids)
    if config.shadow is None:
        return [page], [folder]
    # A shadow's own shadow is refused when it is loaded.
    shadow = _loaded(config.shadow)
    folders = [folder] if shadow is None else [folder, resolve(shadow.classifier.centroids)]
    return [page, config.shadow], folders


def _loaded(page: Path) -> Config | None:
    try:
        return load(page)
    except ConfigError:
        # It will be refused, with its faults, once it is still.
        return None


def _inside(folder: Path) -> Iterator[Path]:
    yield folder
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return


def _marks(files: Iterable[Path]) -> dict[Path, Any]:
    return {file: _mark(file) for file in files}


def _mark(file: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file, or with where a link on the way to it leads."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
