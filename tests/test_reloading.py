"""Changes of the files while requests are served; each look of the watch is taken by hand."""

import gc
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
import yaml
from msgspec import structs
from prometheus_client import CollectorRegistry

from semrouter_extproc.artefact import save
from semrouter_extproc.assembly import load_edition
from semrouter_extproc.config import load
from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.reloading import Files, Live, Reloader
from support import tiny
from support.artefacts import artefact, centroids
from support.encoders import ProbedEncoder
from support.stack import chat_body


class Service:
    """What serves, without ports, and the files that it was loaded from."""

    def __init__(self, page: Path) -> None:
        files = Files(page)
        as_loaded = files.state()
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry)
        self.live = Live(load_edition(load(page)), tiny.submit, metrics)
        self.reloader = Reloader(files, as_loaded, self.live, ProbedEncoder(), metrics)

    async def look_until_still(self) -> None:
        """Look twice: at the second, what has changed before the first is loaded."""
        await self.reloader.look()
        await self.reloader.look()

    @property
    def default(self) -> str:
        return self.live.edition_now().config.default.model

    def sample(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"semrouter_config_last_reload_{name}")


def write_page(path: Path, folder: Path, default: str = "one", **sections: Any) -> None:
    page = {
        "models": {
            "one": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8001"]},
            "two": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8002"]},
        },
        "default": {"model": default},
        "routes": {"law": {"reasoning": "off"}},
        "classifier": {"centroids": str(folder)},
        **sections,
    }
    path.write_text(yaml.safe_dump(page))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "centroids", artefact())
    return tmp_path / "centroids"


@pytest.fixture
def page(tmp_path: Path, folder: Path) -> Path:
    write_page(tmp_path / "semrouter.yaml", folder)
    return tmp_path / "semrouter.yaml"


async def test_files_that_stay_as_they_are_load_nothing(page: Path) -> None:
    service = Service(page)
    edition = service.live.edition_now()

    await service.look_until_still()

    assert service.live.edition_now() is edition


async def test_a_changed_page_decides_from_then_on(page: Path, folder: Path) -> None:
    service = Service(page)
    write_page(page, folder, default="two")

    await service.look_until_still()

    assert service.default == "two"
    routing = await service.live.router_now().route(chat_body(""), CHAT_COMPLETIONS)
    assert routing.decision.model == "two"


async def test_a_request_keeps_the_router_that_it_came_to(page: Path, folder: Path) -> None:
    service = Service(page)
    router = service.live.router_now()
    write_page(page, folder, default="two")

    await service.look_until_still()

    routing = await router.route(chat_body(""), CHAT_COMPLETIONS)
    assert routing.decision.model == "one"


async def test_a_file_is_not_read_while_it_is_still_being_written(page: Path) -> None:
    service = Service(page)
    whole = text_of(page).replace("model: one", "model: two")

    with structlog.testing.capture_logs() as lines:
        for end in (100, 200, len(whole)):
            cut(page, whole, end)
            await service.reloader.look()

    assert not lines
    await service.reloader.look()
    assert service.default == "two"


def text_of(page: Path) -> str:
    return page.read_text()


def cut(page: Path, text: str, end: int) -> None:
    page.write_text(text[:end])


def break_yaml(page: Path, _: Path) -> None:
    page.write_text("models: [")


def misspell(page: Path, folder: Path) -> None:
    write_page(page, folder, classifiers={})


def delete_page(page: Path, _: Path) -> None:
    page.unlink()


def route_a_stranger(page: Path, folder: Path) -> None:
    write_page(page, folder, routes={"cooking": {"reasoning": "on"}})


def move_the_port(page: Path, folder: Path) -> None:
    write_page(page, folder, server={"grpc": "127.0.0.1:50052"})


def name_no_folder(page: Path, folder: Path) -> None:
    write_page(page, folder.parent / "nowhere")


def cut_the_artefact(_: Path, folder: Path) -> None:
    tensors = folder / "centroids.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])


def fit_with_another_encoder(_: Path, folder: Path) -> None:
    fitted = artefact()
    meta = structs.replace(fitted.meta, encoder="other@sha256:0000000000000000")
    save(folder, replace(fitted, meta=meta))


BREAKS = [
    (break_yaml, "is not valid YAML"),
    (misspell, "classifiers: unknown key, did you mean classifier?"),
    (delete_page, "cannot be read"),
    (route_a_stranger, "routes.cooking: unknown category 'cooking'"),
    (move_the_port, "server.grpc: takes a restart to change"),
    (name_no_folder, "nowhere"),
    (cut_the_artefact, "centroids.safetensors"),
    (fit_with_another_encoder, "fitted with encoder other@sha256:0000000000000000"),
]


@pytest.mark.parametrize(("damage", "fault"), BREAKS, ids=[each.__name__ for each, _ in BREAKS])
async def test_what_cannot_be_used_is_refused_and_the_old_goes_on(
    page: Path, folder: Path, damage: Callable[[Path, Path], None], fault: str
) -> None:
    service = Service(page)
    edition, loaded_at = service.live.edition_now(), service.sample("success_timestamp_seconds")
    assert service.sample("successful") == 1
    damage(page, folder)

    with structlog.testing.capture_logs() as lines:
        for _ in range(4):
            await service.reloader.look()

    assert service.live.edition_now() is edition
    (line,) = lines
    assert line["log_level"] == "error"
    assert fault in line["fault"]
    assert service.sample("successful") == 0
    assert service.sample("success_timestamp_seconds") == loaded_at


@pytest.mark.parametrize("damage", [each for each, _ in BREAKS])
async def test_what_was_mended_is_taken(
    page: Path, folder: Path, damage: Callable[[Path, Path], None]
) -> None:
    service = Service(page)
    damage(page, folder)
    await service.look_until_still()

    save(folder, artefact())
    write_page(page, folder, default="two")
    await service.look_until_still()

    assert service.default == "two"
    assert service.sample("successful") == 1


async def test_a_folder_that_appears_after_its_page_is_taken(page: Path, folder: Path) -> None:
    service = Service(page)
    late = folder.parent / "late"
    write_page(page, late, default="two")
    await service.look_until_still()
    assert service.default == "one"

    shutil.copytree(folder, late)
    await service.look_until_still()

    assert service.default == "two"


async def test_a_fitted_artefact_takes_the_place_of_the_old_one(page: Path, folder: Path) -> None:
    service = Service(page)
    save(folder, artefact(replace(centroids(), temperature=0.5)))

    await service.look_until_still()

    assert service.live.edition_now().artefact.centroids.temperature == 0.5


async def test_a_config_map_changes_by_a_link_above_its_files(tmp_path: Path, folder: Path) -> None:
    mount = tmp_path / "mount"
    for name, model in (("first", "one"), ("second", "two")):
        (mount / name).mkdir(parents=True)
        write_page(mount / name / "semrouter.yaml", folder, default=model)
    (mount / "..data").symlink_to("first")
    page = mount / "semrouter.yaml"
    page.symlink_to("..data/semrouter.yaml")
    service = Service(page)

    # As the kubelet does it: a new link, renamed over the old one.
    (mount / "..data_tmp").symlink_to("second")
    (mount / "..data_tmp").rename(mount / "..data")
    await service.look_until_still()

    assert service.default == "two"


async def test_the_page_of_the_shadow_is_watched_too(
    tmp_path: Path, page: Path, folder: Path
) -> None:
    shadow = tmp_path / "shadow.yaml"
    write_page(shadow, folder)
    write_page(page, folder, shadow=str(shadow))
    service = Service(page)

    write_page(shadow, folder, default="two")
    await service.look_until_still()

    found = service.live.edition_now().shadow
    assert found is not None
    assert found.config.default.model == "two"


async def test_a_shadow_can_be_switched_on_and_off(
    tmp_path: Path, page: Path, folder: Path
) -> None:
    shadow = tmp_path / "shadow.yaml"
    write_page(shadow, folder)
    service = Service(page)

    write_page(page, folder, shadow=str(shadow))
    await service.look_until_still()
    assert service.live.edition_now().shadow is not None

    write_page(page, folder)
    await service.look_until_still()
    assert service.live.edition_now().shadow is None


async def test_many_reloads_keep_no_edition_in_memory(page: Path, folder: Path) -> None:
    service = Service(page)
    with structlog.testing.capture_logs():
        seen = [weakref.ref(service.live.router_now())]
        for number in range(6):
            write_page(page, folder, default=("two", "one")[number % 2])
            await service.look_until_still()
            seen.append(weakref.ref(service.live.router_now()))
    gc.collect()

    assert [reference() is not None for reference in seen] == [False] * 6 + [True]
