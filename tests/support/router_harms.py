"""What may befall what the router relies on: its encoder, its files, an encoder elsewhere."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from semrouter_extproc.artefact import BUILT_IN
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.testing.harms import Harm, Scene
from support.embeddings_server import Answering, EmbeddingsServer, base64_of, embeddings, listing
from support.eventually import eventually
from support.fault_benches import RouterBench
from support.faulty_router import FAULTS

ARTEFACT: Final = "artefact"
LOOKED: Final = "semrouter_config_last_reload_successful"

_MOMENT: Final = 0.3
"""Seconds in which what was sent is in the encoder's hands."""

REMOTE_PAUSE: Final = 2.5
"""Seconds that a hanging server of embeddings lets pass: more than the deadline."""


def encoder_harms(router: RouterBench) -> Sequence[Harm]:
    """Return what the router's own encoder may do."""
    told = [
        Harm(
            f"its encoder {fault}",
            partial(_tell, router.encoder, fault),
            partial(_untell, router.encoder),
        )
        for fault in ("hangs", *filter(None, FAULTS))
    ]
    midway = Harm(
        "killed in the middle of a batch",
        partial(_kill_midway, router.encoder),
        partial(_start_anew, router.encoder),
    )
    return [midway, *told]


def _tell(encoder: Path, fault: str, scene: Scene) -> None:
    encoder.write_text(fault)
    scene.send()


def _untell(encoder: Path, _: Scene) -> None:
    encoder.write_text("")


def _kill_midway(encoder: Path, scene: Scene) -> None:
    _tell(encoder, "hangs", scene)
    time.sleep(_MOMENT)
    scene.victim.kill()


def _start_anew(encoder: Path, scene: Scene) -> None:
    _untell(encoder, scene)
    scene.victim.start()


def own_artefact(folder: Path) -> dict[str, Any]:
    """Return the sections of a page whose artefact lies in `folder`, to be spoilt."""
    shutil.copytree(BUILT_IN / "mmlu-pro", folder / ARTEFACT)
    return {"classifier": {"static_tier": False, "cache": 0, "centroids": str(folder / ARTEFACT)}}


def file_harms(router: RouterBench) -> Sequence[Harm]:
    """Return what may become of the files that the router looks at while it serves."""
    tensors = router.page.parent / ARTEFACT / "centroids.safetensors"
    meta = router.page.parent / ARTEFACT / "meta.json"
    return [
        _spoiling("the disk is full while its page is written", router, router.page, _cut_off),
        _spoiling("the disk is full while its artefact is written", router, tensors, _cut_off),
        _spoiling("its artefact is of another encoder", router, meta, _fit_with_another_encoder),
    ]


def _spoiling(
    name: str, router: RouterBench, file: Path, spoil: Callable[[Path, bytes], None]
) -> Harm:
    good = file.read_bytes()

    def do(scene: Scene) -> None:
        spoil(file, good)
        assert eventually(lambda: router.metric(LOOKED) == 0, seconds=30), "not noticed"
        scene.send()

    def mend(_: Scene) -> None:
        file.write_bytes(good)
        assert eventually(lambda: router.metric(LOOKED) == 1, seconds=30), "not taken up"

    return Harm(name, do, mend)


def _cut_off(file: Path, good: bytes) -> None:
    """Write the file anew, and have the kernel refuse its second half, as a full disk does."""
    whole = file.with_suffix(".whole")
    whole.write_bytes(good)
    half = len(good) // 2
    copy = ("/usr/bin/env", "prlimit", f"--fsize={half}", "cp", whole, file)
    subprocess.run(copy, check=False, capture_output=True)
    whole.unlink()
    assert len(file.read_bytes()) == half


def _fit_with_another_encoder(meta: Path, good: bytes) -> None:
    told = json.loads(good)
    told["encoder"] = "another@sha256:0123456789abcdef"
    meta.write_text(json.dumps(told))


def honest(encoder: AnyEncoder) -> Answering:
    """Return the answers of a server that runs `encoder`."""
    return lambda asked: embeddings(encoder.encode(encoder.tokenize(asked["input"])))


def remote(server: EmbeddingsServer) -> dict[str, Any]:
    """Return the sections of a page whose encoder is at `server`."""
    return {"encoder": {"remote": {"url": server.url, "deadline": "1s"}}}


def remote_harms(server: EmbeddingsServer, encoder: AnyEncoder) -> Sequence[Harm]:
    """Return what a server of embeddings may answer."""
    nan = base64_of([float("nan")] * encoder.dimensions)
    lies: dict[str, Answering] = {
        "refuses": lambda _: (503, b"busy"),
        "answers no JSON": lambda _: (200, b"<html>"),
        "gives NaN": lambda asked: listing(enumerate([nan] * len(asked["input"]))),
        "gives other dimensions": lambda asked: embeddings([[1.0, 2.0]] * len(asked["input"])),
        "gives too few vectors": lambda _: embeddings([]),
    }
    told = [
        Harm(
            f"a remote encoder {fault}",
            partial(_answer, server, lie),
            partial(_recover, server, encoder),
        )
        for fault, lie in lies.items()
    ]
    recover = partial(_recover, server, encoder)
    return [*told, Harm("a remote encoder hangs", partial(_hang, server), recover)]


def _answer(server: EmbeddingsServer, answering: Answering, scene: Scene) -> None:
    server.answering = answering
    scene.send()


def _hang(server: EmbeddingsServer, scene: Scene) -> None:
    server.pause = REMOTE_PAUSE
    scene.send()


def _recover(server: EmbeddingsServer, encoder: AnyEncoder, _: Scene) -> None:
    server.answering = honest(encoder)
    server.pause = 0.0
