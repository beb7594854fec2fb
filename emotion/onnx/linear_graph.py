"""The linear model as an ONNX graph of sums over token ids, without operators for strings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from emotion.onnx.export import DIMENSIONS, OUTPUT
from emotion.text.bigrams import Bigrams

INPUT = "input_ids"
# Added under the square root: a text without known words has this norm, and only the bias as logits.
TINY = 1e-12
# The oldest file format with the operators of opset 17.
IR_VERSION = 8


@dataclass
class _Graph:
    """Nodes and constants of an unfinished graph; `add` and `constant` return the name of their result."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        result = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [result], name=result, **attributes))
        return result

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def integers(self, name: str, values: Sequence[int]) -> str:
        return self.constant(name, np.asarray(values, np.int64))


def linear_graph(
    weights: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    bias: NDArray[np.float64],
    bigrams: Bigrams | None,
    opset: int,
) -> bytes:
    """Serialize the graph: `input_ids` int64 (batch, length) to `logits` float32 (batch, labels).

    `weights` (features,), `coefficients` (features, labels) and `bias` (labels,) come from `emotion.training.linear`. A
    token's row has the coefficients times its weight, and its squared weight in the last column. The sum of all rows,
    divided by the root of the last column, gives the logits without bias.
    """
    table = np.concatenate([weights[:, None] * coefficients, np.square(weights)[:, None]], axis=1).astype(np.float32)
    words = bigrams.words if bigrams is not None else len(table)
    graph = _Graph()
    axis, labels = graph.integers("axis", [1]), graph.integers("labels", [len(bias)])
    total = _sum(graph, graph.constant("words", table[:words]), INPUT, axis)
    if bigrams is not None:
        places = _find(graph, bigrams, axis)
        total = graph.add("Add", total, _sum(graph, graph.constant("bigrams", table[words:]), places, axis))
    start, end = graph.integers("start", [0]), graph.integers("end", [len(bias) + 1])
    scores = graph.add("Slice", total, start, labels, axis)
    squares = graph.add("Slice", total, labels, end, axis)
    norm = graph.add("Sqrt", graph.add("Max", squares, graph.constant("tiny", np.asarray([TINY], np.float32))))
    graph.add("Add", graph.add("Div", scores, norm), graph.constant("bias", bias.astype(np.float32)), name=OUTPUT)
    batch, length = DIMENSIONS
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "linear",
            [helper.make_tensor_value_info(INPUT, TensorProto.INT64, [batch, length])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, len(bias)])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="emotion",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _sum(graph: _Graph, table: str, rows: str, axis: str) -> str:
    """Sum the rows of a table over every text."""
    return graph.add("ReduceSum", graph.add("Gather", table, rows), axis, keepdims=0)


def _find(graph: _Graph, bigrams: Bigrams, axis: str) -> str:
    """Find the places of the bigrams like `Bigrams.find`: int64 (batch, length - 1)."""
    zero, one = graph.integers("zero", [0]), graph.integers("one", [1])
    before_last, last = graph.integers("before_last", [-1]), graph.integers("last", [2**31])
    first = graph.add("Slice", INPUT, zero, before_last, axis)
    second = graph.add("Slice", INPUT, one, last, axis)
    keys = graph.add("Add", graph.add("Mul", first, graph.integers("word_count", [bigrams.words])), second)
    slots = graph.constant("slots", bigrams.slots.astype(np.int32))
    slot = graph.add("Mod", keys, graph.integers("slot_count", [len(bigrams.slots)]))
    places = graph.add("Cast", graph.add("Gather", slots, slot), to=TensorProto.INT64)
    found = graph.add("Equal", graph.add("Gather", graph.constant("keys", bigrams.keys), places), keys)
    return graph.add("Where", found, places, zero)
