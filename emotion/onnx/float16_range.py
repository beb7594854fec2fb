"""Finds the largest value in a float32 graph: float16 must be able to hold it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto
from onnx.helper import make_node, make_tensor_value_info
from onnx.numpy_helper import to_array

from emotion.hardware import usable_cores
from emotion.onnx.devices import open_on_cpu
from emotion.onnx.session import Classifier

# The largest finite float16 number: 65,504.
RANGE = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Largest:
    """The largest magnitude in a graph, and the name of its weight or result."""

    name: str
    value: float


def find_largest(float32: Classifier, texts: Sequence[str], threads: int | None) -> Largest:
    """Find the largest magnitude among weights and all results for `texts`; NaN counts as the largest.

    Only the CPU runs the graph, without fused operators. A fused layer normalization may hold squares that float16
    cannot hold, so this check is stricter.
    """
    model = onnx.load(str(float32.graph))
    found = dict(_weights(model.graph))
    names = _add_magnitudes(model)
    session = open_on_cpu(model.SerializeToString(), threads or usable_cores())
    largest = np.zeros(len(names), np.float32)
    for batch in float32.batched(texts):
        largest = np.maximum(largest, np.array(session.run(None, batch.inputs), np.float32))
    found |= dict(zip(names, largest.tolist(), strict=True))
    name = max(found, key=lambda name: np.nan_to_num(found[name], nan=np.inf))
    return Largest(name, found[name])


def _weights(graph: onnx.GraphProto) -> Iterator[tuple[str, float]]:
    """Yield the largest magnitude of every float32 weight."""
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            yield tensor.name, float(np.abs(to_array(tensor)).max(initial=0))


def _add_magnitudes(model: onnx.ModelProto) -> list[str]:
    """Replace a graph's outputs by the largest magnitudes of its float32 results, and name the results."""
    graph = model.graph
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.value_info, *inferred.output]
    names = [value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT]
    del graph.output[:]
    for name in names:
        magnitude, largest = f"{name}/magnitude", f"{name}/largest"
        graph.node.append(make_node("Abs", [name], [magnitude]))
        graph.node.append(make_node("ReduceMax", [magnitude], [largest], keepdims=0))
        graph.output.append(make_tensor_value_info(largest, TensorProto.FLOAT, []))
    return names
