"""Nothing unpickles: a pickle runs what its author likes.

Pickles that make a folder when they are read lie where weights, artefacts and examples are looked
for, and every public way in is tried.
"""

import ast
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semrouter_extproc.artefact import load, save
from semrouter_extproc.artefact.outcomes import OUTCOMES, OUTCOMES_TENSORS
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import CARD, NETWORK, TOKENIZER, prepare
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.errors import ArtefactError, ConfigError, EncoderUnavailable
from semrouter_extproc.workbench.examples import read_examples
from semrouter_extproc.workbench.records import read_records
from support import sentence_models
from support.artefacts import with_static_tier

SOURCES = Path(__file__).parents[1] / "src"

UNPICKLING = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
PICKLES = ("pytorch_model.bin", "model.pkl", "model.pt", "model.joblib", "model.npy", "meta.pickle")


class Trap:
    """A pickle that makes the folder `sprung` when it is read."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.sprung),)

    def set(self, folder: Path, *names: str) -> None:
        for name in names:
            (folder / name).write_bytes(pickle.dumps(self))


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    trap = Trap(tmp_path / "sprung")
    yield trap
    assert not trap.sprung.exists()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sentence_models.write_older(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture
def model(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return shutil.copytree(bert, tmp_path / "model")


def with_torch(model: Path) -> TorchEncoder:
    return TorchEncoder(str(model), device="cpu")


def of_this_machine(model: Path) -> object:
    return local_encoder(str(model), backend="auto", device="cpu", workers=1)


def prepared(model: Path) -> object:
    return prepare("model", model, model / "prepared")


WAYS = pytest.mark.parametrize("way", [with_torch, of_this_machine, prepared])


def test_the_trap_is_sprung_by_whoever_unpickles(tmp_path: Path) -> None:
    trap = Trap(tmp_path / "sprung")

    pickle.loads(pickle.dumps(trap))  # noqa: S301 - the point

    assert trap.sprung.is_dir()


@WAYS
def test_pickles_beside_the_weights_are_left_alone(
    model: Path, trap: Trap, way: Callable[[Path], object]
) -> None:
    trap.set(model, *PICKLES)

    way(model)


@WAYS
def test_weights_that_are_only_a_pickle_are_refused(
    model: Path, trap: Trap, way: Callable[[Path], object]
) -> None:
    (model / "model.safetensors").unlink()
    trap.set(model, "pytorch_model.bin")

    with pytest.raises(EncoderUnavailable, match=r"; convert them to safetensors$"):
        way(model)


def test_weights_that_are_several_pickles_are_refused(model: Path, trap: Trap) -> None:
    (model / "model.safetensors").unlink()
    shard = "pytorch_model-00001-of-00001.bin"
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": shard}}
    sentence_models.change(model / "pytorch_model.bin.index.json", **index)
    trap.set(model, shard)

    with pytest.raises(EncoderUnavailable, match=r"no file named model\.safetensors"):
        with_torch(model)


@WAYS
@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_pickle_by_another_name_is_refused(
    model: Path, trap: Trap, way: Callable[[Path], object], file: str
) -> None:
    trap.set(model, file)

    with pytest.raises(EncoderUnavailable, match=str(model)):
        way(model)


def test_a_module_whose_weights_are_only_a_pickle_is_refused(model: Path, trap: Trap) -> None:
    sentence_models.write_modules(model, ("Transformer", "Pooling", "Dense"))
    dense = model / "2_Dense"
    dense.mkdir()
    sentence_models.change(dense / "config.json", in_features=sentence_models.WIDTH, out_features=8)
    trap.set(dense, "pytorch_model.bin")

    with pytest.raises(EncoderUnavailable, match=r"2_Dense/pytorch_model\.bin: weights are never "):
        with_torch(model)


@pytest.mark.parametrize("file", [NETWORK, TOKENIZER, CARD])
def test_a_prepared_encoder_with_a_pickle_in_it_is_refused(
    model: Path, trap: Trap, file: str
) -> None:
    prepare("model", model, model / "prepared")
    trap.set(model / "prepared", *PICKLES, file)

    with pytest.raises(EncoderUnavailable, match=file):
        OnnxEncoder(model / "prepared")


def test_pickles_beside_an_artefact_are_left_alone(tmp_path: Path, trap: Trap) -> None:
    save(tmp_path / "fitted", with_static_tier())
    trap.set(tmp_path / "fitted", *PICKLES)

    assert load(tmp_path / "fitted").static is not None


@pytest.mark.parametrize(
    "file",
    ["meta.json", "centroids.safetensors", "static.safetensors", OUTCOMES],
)
def test_an_artefact_that_is_a_pickle_is_refused(tmp_path: Path, trap: Trap, file: str) -> None:
    save(tmp_path / "fitted", with_static_tier())
    trap.set(tmp_path / "fitted", OUTCOMES_TENSORS, file)

    with pytest.raises(ArtefactError, match=file):
        load(tmp_path / "fitted")


@pytest.mark.parametrize("read", [read_examples, read_records])
@pytest.mark.parametrize("file", ["rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.pkl"])
def test_what_is_learned_from_is_not_unpickled(
    tmp_path: Path, trap: Trap, read: Callable[[list[Path]], object], file: str
) -> None:
    trap.set(tmp_path, file)

    with pytest.raises(ConfigError, match=file):
        read([tmp_path / file])


def unpickled(source: str) -> list[str]:
    """Return what in `source` could unpickle: imports, torch.load, allow_pickle."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [each.name for each in names]
            case ast.ImportFrom(module=str(module), names=names):
                found += [module, *(f"{module}.{each.name}" for each in names)]
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                found.append(f"{owner}.{name}")
            case ast.keyword(arg="allow_pickle"):
                found.append("allow_pickle")
    unsafe = {"torch.load", "allow_pickle", "pandas.read_pickle", "pd.read_pickle"}
    return [each for each in found if each in unsafe or each.partition(".")[0] in UNPICKLING]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def late():\n    from pickle import loads as read",
        "from torch import load",
        "weights = torch.load('weights.bin', weights_only=True)",
        "np.load('vectors.npy', allow_pickle=True)",
        "import joblib.numpy_pickle",
    ],
)
def test_a_way_to_unpickle_is_seen(source: str) -> None:
    assert unpickled(source) != []


def test_nothing_of_the_product_can_unpickle() -> None:
    modules = sorted(SOURCES.rglob("*.py"))

    assert len(modules) > 100
    assert {
        str(module): found
        for module in modules
        if (found := unpickled(module.read_text(encoding="utf-8")))
    } == {}
