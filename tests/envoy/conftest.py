from collections.abc import Iterator

import pytest

from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.scene import Scene, scene_config
from support.stub_router import stub_router


@pytest.fixture(scope="package")
def shared_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with (
        serving(CannedUpstream()) as plain,
        serving(CannedUpstream()) as thinker,
        stub_router() as router,
    ):
        config = scene_config(router.address, plain.address, thinker.address)
        with EnvoyProcess(render(config), tmp_path_factory.mktemp("envoy")) as envoy:
            yield Scene(config, envoy, router, plain, thinker)


@pytest.fixture
def scene(shared_scene: Scene) -> Scene:
    for remembered in (shared_scene.plain.arrived, shared_scene.thinker.arrived):
        remembered.clear()
    shared_scene.router.heard.clear()
    return shared_scene
