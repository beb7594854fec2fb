"""Exports a Keras model to ONNX: one valid graph with the model's dynamic dimensions."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from emotion.errors import CheckFailedError
from emotion.params.schema import LinearParams, WordParams

OUTPUT = "logits"
DIMENSIONS = ("batch", "length")


def to_onnx(model: Any, opset: int, *, apart: bool = False) -> bytes:
    """Convert on the CPU and return the serialized graph.

    The graph takes the model's inputs by name, int64 (batch, length), and gives `logits`, float32 (batch, labels). The
    batch is dynamic, and so is the length if the model takes any length. With `apart`, the weights join the graph after
    the conversion. The conversion copies the graph many times, which takes 15 GB with BERT's weights. But the converter
    finds an LSTM's ONNX operator only with the weights inside.

    Raises:
        CheckFailedError: the converter wrote a graph that is not valid ONNX.
    """
    import tensorflow as tf

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Otherwise every pass of the converter first copies the whole graph, to continue after an error.
    os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    names = [tensor.name for tensor in model.inputs]
    weights = {f"weight_{number}": weight for number, weight in enumerate(model.trainable_variables if apart else [])}

    def logits(*arguments: Any) -> dict[str, Any]:
        inputs = {name: tf.cast(ids, tf.int32) for name, ids in zip(names, arguments, strict=False)}
        if not apart:
            return {OUTPUT: model(inputs, training=False)}
        return {OUTPUT: model.stateless_call(arguments[len(names) :], [], inputs, training=False)[0]}

    signature = [tf.TensorSpec(tensor.shape, tf.int64, name=tensor.name) for tensor in model.inputs]
    signature += [tf.TensorSpec(weight.shape, weight.dtype, name=name) for name, weight in weights.items()]
    with tf.device("/CPU:0"):
        graph, _ = tf2onnx.convert.from_function(
            tf.function(logits, autograph=False), input_signature=signature, opset=opset
        )
    _insert_weights(graph.graph, weights)
    _name_dimensions(graph)
    _divide_before_erf(graph.graph)
    _drop_unread(graph.graph)
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckFailedError(f"the exported graph is not valid ONNX: {error}") from error
    return bytes(graph.SerializeToString())


def _insert_weights(graph: Any, weights: Mapping[str, Any]) -> None:
    """Replace inputs that stand for weights by initializers, named like Keras' variables."""
    used = {name for node in graph.node for name in node.input} & weights.keys()
    kept = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(kept)
    for node in graph.node:
        node.input[:] = [weights[name].path if name in used else name for name in node.input]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(weight.numpy(), weight.path) for name, weight in weights.items() if name in used
    )


def _name_dimensions(graph: Any) -> None:
    """Name the dynamic dimensions: the converter only numbers them."""
    for value in (*graph.graph.input, *graph.graph.output):
        for name, dimension in zip(DIMENSIONS, value.type.tensor_type.shape.dim, strict=True):
            if not dimension.dim_value:
                dimension.dim_param = name


def _divide_before_erf(graph: Any) -> None:
    """Restore GELU's division x / sqrt(2) from the converter's product: onnxruntime fuses only the division."""
    arguments = {node.input[0] for node in graph.node if node.op_type == "Erf"}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "Mul" or node.output[0] not in arguments:
            continue
        factor = next((name for name in node.input if name in constants), None)
        if factor is None:
            continue
        (value,) = (name for name in node.input if name != factor)
        divisor = 1 / onnx.numpy_helper.to_array(constants[factor]).astype(np.float64)
        name = f"{factor}_inverse"
        if name not in constants:
            constants[name] = onnx.numpy_helper.from_array(divisor.astype(np.float32), name)
            graph.initializer.append(constants[name])
        node.op_type = "Div"
        node.input[:] = [value, name]


def _drop_unread(graph: Any) -> None:
    """Remove unused constants: onnxruntime would warn of them in every tool that opens the file."""
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in read:
            del graph.initializer[index]


def word_config(params: LinearParams | WordParams, labels: Sequence[str]) -> dict[str, Any]:
    """Make the config.json of a model that the transformers library does not know."""
    names = {str(index): label for index, label in enumerate(labels)}
    return {
        "model_type": f"emotion-{params.model.name}",
        "id2label": names,
        "label2id": {label: int(index) for index, label in names.items()},
        "max_length": params.text.max_length,
    }
