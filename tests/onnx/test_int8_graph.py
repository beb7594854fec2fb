"""int8 products: exact sums, a scale per token, and no value that hides or makes a NaN."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array, to_array

from emotion.errors import CheckFailedError
from emotion.onnx.int8_graph import WEIGHT_LIMIT, quantize_weights, to_int8

Array = NDArray[np.float32]
# Ends with a product that gives the logits, as every classifier does.
LABELS = 3


def classifier(weights: Array, opset: int = 17) -> onnx.ModelProto:
    """Build a graph of one product; its logits are the product's first columns, by a second product."""
    outputs = weights.shape[1]
    select = np.eye(outputs, LABELS, dtype=np.float32)
    nodes = [
        make_node("MatMul", ["states", "weights"], ["product"]),
        make_node("MatMul", ["product", "head"], ["logits"]),
    ]
    tensor = onnx.TensorProto.FLOAT
    graph = make_graph(
        nodes,
        "classifier",
        [make_tensor_value_info("states", tensor, ["tokens", weights.shape[0]])],
        [make_tensor_value_info("logits", tensor, ["tokens", LABELS])],
        [from_array(weights, "weights"), from_array(select, "head")],
    )
    # Only tests read the product itself.
    graph.output.append(make_tensor_value_info("product", tensor, ["tokens", outputs]))
    return make_model(graph, opset_imports=[make_opsetid("", opset)], ir_version=9)


def multiply(weights: Array, states: Array, opset: int = 17) -> Array:
    """Multiply float32 (tokens, inputs) by float32 (inputs, outputs), as int8."""
    model = classifier(weights, opset)
    to_int8(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    product: Array = session.run(["product"], {"states": states})[0]
    return product


def reference(weights: Array, states: Array) -> Array:
    """Multiply with integers that cannot overflow."""
    small, scales = quantize_weights(weights)
    scale = np.abs(states).max(axis=1, keepdims=True) / np.float32(127)
    sums = np.rint(states / scale).astype(np.int64) @ small.astype(np.int64)
    product: Array = sums.astype(np.float32) * scales * scale
    return product


def random(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("opset", [17, 18, 21])
def test_a_product_is_nearly_that_of_float32(opset: int) -> None:
    weights, states = random(96, 40), random(7, 96)
    product = multiply(weights, states, opset)
    assert np.abs(product - states @ weights).max() < 0.02 * np.abs(states @ weights).max()
    np.testing.assert_allclose(product, reference(weights, states), rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("inputs", [2, 64, 3072])
def test_the_largest_sums_are_exact(inputs: int, sign: int) -> None:
    # Every byte is 255 or 1 and every weight 64 or -64. Sums of 16 bits would saturate with larger weights.
    signs = np.where(np.arange(inputs) % 5 < 3, 1, -1).astype(np.float32)[:, None]
    weights = np.repeat(np.hstack([signs, -signs, np.ones_like(signs)]), 16, axis=1)
    states = np.vstack([signs.T, -signs.T, np.full((1, inputs), sign)]).astype(np.float32)
    assert set(np.unique(quantize_weights(weights)[0])) <= {-WEIGHT_LIMIT, WEIGHT_LIMIT}
    np.testing.assert_allclose(multiply(weights, states), states @ weights, rtol=1e-6)


def test_bytes_fit_in_sums_of_16_bits() -> None:
    small, _ = quantize_weights(random(256, 64) * 1e3)
    assert np.abs(small.astype(int)).max() == WEIGHT_LIMIT
    assert np.iinfo(np.int16).max >= 2 * 255 * WEIGHT_LIMIT


def test_a_token_does_not_depend_on_its_neighbors() -> None:
    weights, states = random(64, 32), random(50, 64)
    states[::7] *= 1e4
    together = multiply(weights, states)
    for token in range(len(states)):
        # Two equal tokens, because a single one takes another path.
        alone = multiply(weights, np.repeat(states[token : token + 1], 2, axis=0))
        np.testing.assert_array_equal(alone[0], together[token])
    np.testing.assert_array_equal(multiply(weights, states[::-1])[::-1], together)


def test_zeros_give_zeros() -> None:
    weights, states = random(64, 32), random(4, 64)
    states[1] = 0
    weights[:, 5] = 0
    product = multiply(weights, states)
    assert np.isfinite(product).all()
    assert (product[1] == 0).all()
    assert (product[:, 5] == 0).all()
    assert (product[0] != 0).any()


@pytest.mark.parametrize("size", [1e-25, 1e-3, 1e20, 1e36])
def test_values_of_any_size_keep_their_digits(size: float) -> None:
    weights, states = random(64, 32), random(4, 64)
    product = multiply(weights, states * np.float32(size))
    expected = states @ weights
    assert np.abs(product / np.float32(size) - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_state_is_not_hidden(value: float) -> None:
    states = random(3, 64)
    states[1, 9] = value
    product = multiply(random(64, 32), states)
    assert not np.isfinite(product[1]).any()
    assert np.isfinite(product[[0, 2]]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    weights = random(64, 32)
    weights[3, 4] = value
    with pytest.raises(CheckFailedError, match="NaN or infinite: weights"):
        to_int8(classifier(weights))


def test_the_logits_product_stays_float32_and_unread_weights_go() -> None:
    model = classifier(random(64, 32))
    to_int8(model)
    tensors = {tensor.name: to_array(tensor) for tensor in model.graph.initializer}
    assert tensors["head"].dtype == np.float32
    assert "weights" not in tensors
    assert tensors["weights/int8"].dtype == np.int8
    assert [node.op_type for node in model.graph.node].count("MatMul") == 1
