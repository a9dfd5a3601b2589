"""A BERT sentence encoder as an ONNX graph, in 8-bit integers where that saves time.

The graph is written from the weights themselves rather than traced: that needs no torch, takes
a second, and uses ONNX Runtime's fused operators, which its optimizer does not find in a traced
graph (measured: a tenth less time per prompt).

Inputs, for N texts of at most L tokens:
    input_ids  int64 [N, L]       padded on the right
    lengths    int32 [N]          the tokens of each text
    pooling    float32 [N, 1, L]  the weight of each token in its text's vector
Output:
    vectors    float32 [N, 1, D]  not of unit length
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import EncoderUnavailable

if TYPE_CHECKING:
    import onnx

Precision = Literal["int8", "float32"]
Array = NDArray[np.float32]

INSTALL: Final = "install it with: pip install 'semrouter-extproc[onnx]'"

# Seven bits: a product of two such weights with 8-bit inputs fits the 16-bit sums of
# processors without VNNI, which would saturate with eight.
_LARGEST: Final = 63
_OPERATORS: Final = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the graph needs beside the weights."""

    layers: int
    heads: int
    width: int
    epsilon: float


def sentence_graph(
    weights: Mapping[str, Array], shape: Shape, precision: Precision
) -> "onnx.ModelProto":
    """Return the graph for `weights`, named as in the checkpoints of transformers' BertModel.

    Raises `KeyError` for a weight that is missing, `EncoderUnavailable` without onnx.
    """
    return _Graph(weights, shape, precision).model()


class _Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self, weights: Mapping[str, Array], shape: Shape, precision: Precision) -> None:
        if find_spec("onnx") is None:
            raise EncoderUnavailable(f"onnx is missing; {INSTALL}")
        # An extra, and half a second: only who prepares an encoder needs it.
        import onnx  # noqa: PLC0415

        self._onnx = onnx
        self._weights = weights
        self._shape = shape
        self._quantized = precision == "int8"
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self) -> "onnx.ModelProto":
        vectors = self._embeddings()
        for layer in range(self._shape.layers):
            vectors = self._layer(vectors, f"encoder.layer.{layer}")
        self._node("MatMul", "pooling", vectors, to="vectors")
        return self._assembled()

    def _embeddings(self) -> str:
        words = self._constant("words", self._weights["embeddings.word_embeddings.weight"])
        places = self._weights["embeddings.position_embeddings.weight"]
        # Every token is of the first type: prompts are no pairs of sentences.
        first_type = self._weights["embeddings.token_type_embeddings.weight"][0]
        zero = self._constant("zero", np.zeros(1, np.int64))
        length = self._node("Shape", "input_ids", to="length", start=1, end=2)
        here = self._node(
            "Slice", self._constant("places", places + first_type), zero, length, to="here"
        )
        found = self._node("Gather", words, "input_ids", to="found")
        return self._normalized(self._sum(found, here, "embedded"), "embeddings.LayerNorm")

    def _layer(self, vectors: str, name: str) -> str:
        mixed = self._attention(vectors, name)
        attended = self._dense(mixed, f"{name}.attention.output.dense")
        first = self._normalized(
            self._sum(attended, vectors, f"{name}.first"), f"{name}.attention.output.LayerNorm"
        )
        inner = self._dense(first, f"{name}.intermediate.dense")
        # The approximation by tanh differs by far less than rounding to integers does.
        kind = "FastGelu" if self._quantized else "Gelu"
        bent = self._node(kind, inner, to=f"{name}.bent", domain=_OPERATORS)
        outer = self._dense(bent, f"{name}.output.dense")
        return self._normalized(
            self._sum(outer, first, f"{name}.second"), f"{name}.output.LayerNorm"
        )

    def _attention(self, vectors: str, name: str) -> str:
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{part}.weight"] for part in parts]).T
        bias = self._constant(
            f"{name}.qkv.bias", np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        )
        to, heads = f"{name}.mixed", self._shape.heads
        if not self._quantized:
            inputs = [vectors, self._constant(f"{name}.qkv", weight), bias, "lengths"]
            return self._node("Attention", *inputs, to=to, domain=_OPERATORS, num_heads=heads)
        matrix, scale, zero = self._integers(f"{name}.qkv", weight)
        rounded = [f"{name}.rounded", f"{name}.rounded.scale", f"{name}.rounded.zero"]
        self._nodes.append(self._onnx.helper.make_node("DynamicQuantizeLinear", [vectors], rounded))
        inputs = [rounded[0], matrix, bias, rounded[1], scale, "lengths", rounded[2], zero]
        return self._node("QAttention", *inputs, to=to, domain=_OPERATORS, num_heads=heads)

    def _dense(self, vectors: str, name: str) -> str:
        weight = self._weights[f"{name}.weight"].T
        bias = self._constant(f"{name}.bias", self._weights[f"{name}.bias"])
        if not self._quantized:
            product = self._node("MatMul", vectors, self._constant(name, weight), to=f"{name}.ab")
            return self._sum(product, bias, f"{name}.out")
        inputs = (vectors, *self._integers(name, weight), bias)
        return self._node("DynamicQuantizeMatMul", *inputs, to=f"{name}.out", domain=_OPERATORS)

    def _normalized(self, vectors: str, name: str) -> str:
        scale = self._constant(f"{name}.weight", self._weights[f"{name}.weight"])
        shift = self._constant(f"{name}.bias", self._weights[f"{name}.bias"])
        return self._node(
            *("LayerNormalization", vectors, scale, shift),
            to=f"{name}.out",
            axis=-1,
            epsilon=self._shape.epsilon,
        )

    def _sum(self, left: str, right: str, name: str) -> str:
        return self._node("Add", left, right, to=name)

    def _integers(self, name: str, weight: Array) -> tuple[str, str, str]:
        """Round `weight`, `[in, out]`, with a scale for every output."""
        scale = np.maximum(np.abs(weight).max(axis=0) / _LARGEST, np.finfo(np.float32).tiny)
        rounded = np.rint(weight / scale).astype(np.int8)
        return (
            self._constant(f"{name}.integers", rounded),
            self._constant(f"{name}.scale", scale.astype(np.float32)),
            self._constant(f"{name}.zero", np.zeros(scale.shape, np.int8)),
        )

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        array = np.ascontiguousarray(value)
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    # The attributes of operators are of many types.
    def _node(self, kind: str, *inputs: str, to: str, **attributes: Any) -> str:  # noqa: ANN401
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [to], **attributes))
        return to

    def _assembled(self) -> "onnx.ModelProto":
        helper, types = self._onnx.helper, self._onnx.TensorProto
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "sentence encoder",
            inputs=[
                info("input_ids", types.INT64, ["N", "L"]),
                info("lengths", types.INT32, ["N"]),
                info("pooling", types.FLOAT, ["N", 1, "L"]),
            ],
            outputs=[info("vectors", types.FLOAT, ["N", 1, self._shape.width])],
            initializer=self._constants,
        )
        operators = [helper.make_opsetid("", 18), helper.make_opsetid(_OPERATORS, 1)]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=operators, ir_version=9)
        return model
