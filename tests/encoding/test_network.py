from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from semrouter_extproc.encoding.bert import sentence_graph
from semrouter_extproc.encoding.network import Network, Pooling, pooling_weights
from semrouter_extproc.encoding.sentence_model import describe
from semrouter_extproc.errors import EncoderUnavailable
from support.fresh_python import run_python

LENGTHS = np.array([1, 4, 2], np.int32)


def network(folder: Path, pooling: Pooling) -> Network:
    weights = load_file(folder / "model.safetensors")
    model = sentence_graph(weights, describe(folder).shape, "float32")
    return Network(model.SerializeToString(), pooling)


def test_the_mean_counts_every_token_alike_and_no_padding() -> None:
    counted = pooling_weights(LENGTHS, 4, "mean")

    assert counted.dtype == np.float32
    assert counted.tolist() == [
        [[1, 0, 0, 0]],
        [[0.25, 0.25, 0.25, 0.25]],
        [[0.5, 0.5, 0, 0]],
    ]


def test_the_first_token_counts_alone() -> None:
    counted = pooling_weights(LENGTHS, 4, "cls")

    assert counted.dtype == np.float32
    assert counted.tolist() == [[[1, 0, 0, 0]]] * 3


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_changes_nothing(bert: Path, pooling: Pooling) -> None:
    encode = network(bert, pooling)
    short, long = [101, 2712, 102], [101, *range(2000, 2040), 102]

    together = encode([short, long])
    alone = np.concatenate([encode([short]), encode([long])])

    assert together.shape == (2, 32)
    assert np.allclose(together, alone, atol=1e-5)


def test_the_poolings_differ(bert: Path) -> None:
    batch = [[101, 2712, 2003, 102]]

    assert not np.allclose(network(bert, "mean")(batch), network(bert, "cls")(batch), atol=0.01)


def test_a_damaged_graph_is_named_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "encoder.onnx"
    file.write_bytes(b"no graph")

    with pytest.raises(
        EncoderUnavailable, match=r"encoder\.onnx cannot be loaded: .*export --out FOLDER$"
    ):
        Network(file, "mean")


@pytest.mark.parametrize("absent", ["onnxruntime", "onnx"])
def test_without_its_libraries_the_extra_to_install_is_named(bert: Path, absent: str) -> None:
    # None in sys.modules is how Python itself says that a package cannot be imported.
    done = run_python(
        "import sys\n"
        f"sys.modules['{absent}'] = None\n"
        "from pathlib import Path\n"
        "from semrouter_extproc.encoding.prepared import prepare\n"
        f"prepare('bert', Path('{bert}'), Path('{bert}/prepared'))"
    )

    last = done.stderr.strip().splitlines()[-1]
    assert f"EncoderUnavailable: {absent} is missing" in last
    assert "pip install 'semrouter-extproc[onnx]'" in last
