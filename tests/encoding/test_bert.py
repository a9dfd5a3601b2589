from collections.abc import Mapping
from functools import cache

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from semrouter_extproc.encoding.bert import Array, Precision, sentence_graph
from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.encoding.network import Network
from semrouter_extproc.encoding.sentence_model import describe
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of, weight_files

TEXTS = (
    "",
    "sue them",
    "What is the derivative of x squared?",
    "Which of the following is a step in the synthesis of a protein, and where does it happen?",
    "def area(radius):\n    return 3.14159 * radius ** 2\n" * 4,
    "Why does ice float on water? " * 40,
)


def graph(precision: Precision, weights: Mapping[str, Array]) -> onnx.ModelProto:
    return sentence_graph(weights, describe(folder_of(DEFAULT_MODEL)).shape, precision)


@cache
def weights() -> Mapping[str, Array]:
    (file,) = weight_files(folder_of(DEFAULT_MODEL))
    return load_file(file)


@cache
def torch_vectors() -> NDArray[np.float32]:
    return torch_encoder().encode(torch_encoder().tokenize(TEXTS))


@cache
def torch_encoder() -> TorchEncoder:
    return TorchEncoder(device="cpu", precision="float32")


def vectors(precision: Precision) -> NDArray[np.float32]:
    network = Network(graph(precision, weights()).SerializeToString(), "mean")
    return unit_rows(network(torch_encoder().tokenize(TEXTS)))


def test_in_float32_the_vectors_are_those_of_torch() -> None:
    assert np.abs(vectors("float32") - torch_vectors()).max() < 1e-4


def test_in_integers_the_vectors_point_where_those_of_torch_do() -> None:
    cosines = np.sum(vectors("int8") * torch_vectors(), axis=1)

    assert cosines.min() > 0.97
    assert cosines[2:].min() > 0.985  # less is left of texts of two words, or none


def test_no_product_can_leave_the_sums_of_sixteen_bits() -> None:
    integers = [
        onnx.numpy_helper.to_array(constant)
        for constant in graph("int8", weights()).graph.initializer
        if constant.data_type == onnx.TensorProto.INT8
    ]

    largest = max(np.abs(values.astype(int)).max() for values in integers)

    # Two products of an unsigned byte and a weight are added up before they are widened.
    assert 2 * 255 * largest < 2**15
    assert largest == 63


def test_the_graph_in_integers_is_a_fraction_of_the_other() -> None:
    small, large = (graph(precision, weights()).ByteSize() for precision in ("int8", "float32"))

    assert small < 0.7 * large


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_a_missing_weight_is_named(precision: Precision) -> None:
    name = "encoder.layer.5.output.dense.weight"
    without = {each: array for each, array in weights().items() if each != name}

    with pytest.raises(KeyError, match=name):
        graph(precision, without)
