"""Rewrites an exported transformer to multiply matrices of bytes, with a scale per token.

A product of states, float32 (tokens, inputs), and weights, float32 (inputs, outputs), becomes

    scale = largest |state| of the token / 127              float32 (tokens, 1)
    bytes = round(states / scale) + 128                     uint8 (tokens, inputs)
    product = (bytes - 128) @ weights * scales * scale      float32 (tokens, outputs)

with weights int8 (inputs, outputs) and scales float32 (outputs,). A token's scale depends only on the token, so a row's
logits do not depend on other rows. onnxruntime's dynamic quantization has one scale per batch.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import make_node, make_opsetid
from onnx.numpy_helper import from_array, to_array

from emotion.errors import CheckFailedError

STATE_LIMIT = 127
ZERO_POINT = 128
# An x86 CPU without VNNI adds two products of bytes in 16 bits and saturates. 2 x 255 x 64 fits, so all CPUs give the
# same sums. uint8 weights would be exact with 8 bits, but onnxruntime multiplies them no faster than float32.
WEIGHT_LIMIT = 64
# A positive scale for states of zeros.
SMALLEST = 1e-30
# Domain of onnxruntime's additional operators.
MICROSOFT = "com.microsoft"
# From this opset on, ReduceMax and ReduceMin take their axes as an input.
AXES_AS_INPUT = 18
CONSTANTS: dict[str, NDArray[Any]] = {
    "int8/axis": np.array([1], np.int64),
    "int8/limit": np.array(STATE_LIMIT, np.float32),
    "int8/one": np.array(1, np.float32),
    "int8/smallest": np.array(SMALLEST, np.float32),
    "int8/states_zero": np.array(ZERO_POINT, np.uint8),
    "int8/weights_zero": np.array(0, np.int8),
}


def to_int8(model: onnx.ModelProto) -> None:
    """Rewrite the products of `model` with constant weights, in place.

    The last product stays float32: it gives the logits, takes little time, and its error would affect the scores.
    Embeddings stay float32: their rows are looked up, not multiplied.

    Raises:
        CheckFailedError: a weight is NaN or infinite, which bytes would hide.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for name, tensor in weights.items():
        if not np.isfinite(to_array(tensor)).all():
            raise CheckFailedError(f"the exported model has weights that are NaN or infinite: {name}")
    axes_as_input = next(opset.version for opset in model.opset_import if not opset.domain) >= AXES_AS_INPUT
    labels = graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    nodes: list[onnx.NodeProto] = []
    constants = dict(CONSTANTS)
    quantized: set[str] = set()
    for node in graph.node:
        weight = weights.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None or weight.dims[-1] == labels:
            nodes.append(node)
            continue
        states = node.input[0]
        if states not in quantized:  # query, key and value share states
            nodes.extend(_quantize_states(states, axes_as_input))
            quantized.add(states)
        if f"{weight.name}/int8" not in constants:  # ALBERT's layers share weights
            constants[f"{weight.name}/int8"], constants[f"{weight.name}/scales"] = quantize_weights(to_array(weight))
        nodes.extend(_multiply(states, weight.name, node.output[0]))
    _replace(model, nodes, constants)


def quantize_weights(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round weights, float32 (inputs, outputs), to int8 from -64 to 64; also return the scales, float32 (outputs,)."""
    scales = np.maximum(np.abs(weights).max(axis=0) / WEIGHT_LIMIT, np.float32(SMALLEST))
    return np.rint(weights / scales).astype(np.int8), scales


def _quantize_states(states: str, axes_as_input: bool) -> Iterator[onnx.NodeProto]:
    """Make nodes that compute bytes and scale of every token."""
    axes = {} if axes_as_input else {"axes": [1]}
    for name in ("Max", "Min"):
        inputs = [states, "int8/axis"] if axes_as_input else [states]
        yield make_node(f"Reduce{name}", inputs, [f"{states}/{name}"], **axes)
    yield make_node("Neg", [f"{states}/Min"], [f"{states}/-Min"])
    yield make_node("Max", [f"{states}/Max", f"{states}/-Min", "int8/smallest"], [f"{states}/largest"])
    yield make_node("Div", [f"{states}/largest", "int8/limit"], [f"{states}/scale"])
    # QuantizeLinear takes scales and zero points as vectors.
    yield make_node("Squeeze", [f"{states}/scale", "int8/axis"], [f"{states}/scales"])
    yield make_node("Shape", [f"{states}/scales"], [f"{states}/tokens"])
    yield make_node("Expand", ["int8/states_zero", f"{states}/tokens"], [f"{states}/zeros"])
    inputs = [states, f"{states}/scales", f"{states}/zeros"]
    yield make_node("QuantizeLinear", inputs, [f"{states}/bytes"], axis=0)


def _multiply(states: str, weight: str, product: str) -> Iterator[onnx.NodeProto]:
    """Make nodes that multiply the bytes of `states` by int8 weights, with the result `product`."""
    inputs = [f"{states}/bytes", f"{weight}/int8", "int8/one", f"{weight}/scales"]
    zeros = ["int8/states_zero", "int8/weights_zero"]
    yield make_node("MatMulIntegerToFloat", [*inputs, *zeros], [f"{product}/unscaled"], domain=MICROSOFT)
    yield make_node("Mul", [f"{product}/unscaled", f"{states}/scale"], [product])


def _replace(model: onnx.ModelProto, nodes: list[onnx.NodeProto], constants: dict[str, NDArray[Any]]) -> None:
    """Set the graph's nodes, add constants, and drop unused constants."""
    graph = model.graph
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *(from_array(array, name) for name, array in constants.items())])
    model.opset_import.append(make_opsetid(MICROSOFT, 1))
