"""What the weights are pinned by, and that it is looked at."""

import shutil
from pathlib import Path

import pytest

from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.pins import ALL_MINILM_L6_V2
from semrouter_extproc.encoding.prepared import CARD, NETWORK, TOKENIZER, prepare
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of, require_digests
from semrouter_extproc.errors import EncoderUnavailable
from semrouter_extproc.workbench.loopback import serving
from support.fresh_python import run_python
from support.model_hub import MODEL, ModelHub
from support.sentence_models import change

# Read by nobody here.
UNREAD = {".gitattributes", "README.md", "data_config.json"}


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def linked(folder: Path, out: Path) -> Path:
    """Return a copy of `folder` whose files are links, so that it costs nothing."""
    return shutil.copytree(
        folder, out, copy_function=lambda here, there: Path(there).symlink_to(here)
    )


@pytest.fixture
def exported(bert: Path, tmp_path: Path) -> Path:
    prepare("bert", bert, tmp_path / "exported")
    return tmp_path / "exported"


def test_every_file_of_the_packaged_encoder_is_pinned() -> None:
    folder = folder_of(DEFAULT_MODEL)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert files - UNREAD == set(ALL_MINILM_L6_V2)


@pytest.mark.parametrize("file", ALL_MINILM_L6_V2)
def test_a_flipped_bit_in_a_packaged_file_is_refused_and_the_file_named(
    tmp_path: Path, file: str
) -> None:
    folder = linked(folder_of(DEFAULT_MODEL), tmp_path / "model")
    flip(folder / file)

    with pytest.raises(EncoderUnavailable) as raised:
        require_digests(folder, {file: ALL_MINILM_L6_V2[file]}, "do something")

    assert str(raised.value) == (
        f"{folder / file} cannot be trusted: its SHA-256 is not {ALL_MINILM_L6_V2[file]}; "
        "do something"
    )


def test_a_pinned_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        EncoderUnavailable, match=r"vocab\.txt cannot be read: No such .*; do something$"
    ):
        require_digests(tmp_path, {"vocab.txt": ALL_MINILM_L6_V2["vocab.txt"]}, "do something")


@pytest.mark.parametrize("backend", ["auto", "onnx", "torch"])
def test_no_backend_loads_a_package_that_was_changed(tmp_path: Path, backend: str) -> None:
    package = folder_of(DEFAULT_MODEL).parent
    changed = linked(package, tmp_path / package.name) / "model" / "tokenizer.json"
    flip(changed)

    done = run_python(
        "from semrouter_extproc.encoding.local import local_encoder\n"
        f"local_encoder('{DEFAULT_MODEL}', backend='{backend}', device='cpu', workers=1)",
        PYTHONPATH=str(tmp_path),
    )

    last = done.stderr.strip().splitlines()[-1]
    assert f"EncoderUnavailable: {changed} cannot be trusted: its SHA-256 is not be50c" in last
    assert last.endswith("; install the package again")


@pytest.mark.parametrize("file", [NETWORK, TOKENIZER])
def test_a_flipped_bit_in_a_prepared_encoder_is_refused_and_the_file_named(
    exported: Path, file: str
) -> None:
    flip(exported / file)

    with pytest.raises(EncoderUnavailable, match=f"{exported / file} cannot be trusted: its SHA"):
        OnnxEncoder(exported)


@pytest.mark.parametrize("member", ["network_sha256", "tokenizer_sha256"])
def test_a_card_with_another_digest_is_refused(exported: Path, member: str) -> None:
    change(exported / CARD, **{member: "0" * 64})

    with pytest.raises(EncoderUnavailable, match="its SHA-256 is not 000"):
        OnnxEncoder(exported)


def test_no_pickle_is_fetched_from_the_hub(tmp_path: Path) -> None:
    wanted = {"config.json", "model.safetensors", "1_Pooling/config.json"}
    pickles = {"pytorch_model.bin", "2_Dense/pytorch_model.bin", "a.pt", "b.pth", "c.pkl", "d.ckpt"}

    with serving(ModelHub(wanted | pickles | {"onnx/model.onnx"})) as hub:
        done = run_python(
            f"from semrouter_extproc.encoding.weights import folder_of\nfolder_of('{MODEL}')",
            HF_ENDPOINT=hub.url,
            HF_HUB_OFFLINE="0",
            HF_HOME=str(tmp_path),
            NO_PROXY="127.0.0.1",
        )

    assert done.returncode == 0, done.stderr
    assert hub.fetched == wanted
