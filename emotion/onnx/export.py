"""Export of a trained Keras model to ONNX, with its tokenizer and labels beside it."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from tokenizers import Tokenizer

from emotion.errors import CheckFailedError
from emotion.files import write_bytes, write_json, write_text
from emotion.params import Params

INPUT, OUTPUT = "input_ids", "logits"


def export_model(
    folder: Path,
    model: Any,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    params: Params,
    card: dict[str, Any],
) -> None:
    """Write `model.onnx`, `tokenizer.json` and `config.json` into `folder`.

    The graph takes `input_ids` int64 (batch, max_length) and gives `logits` float32 (batch, labels); the
    batch is dynamic. `card` goes into config.json, for people and for `emotion runs show`.

    Raises:
        CheckFailedError: the converter wrote a graph that is not valid ONNX.
    """
    write_bytes(folder / "model.onnx", to_onnx(model, params))
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
    names = {str(index): label for index, label in enumerate(labels)}
    write_json(
        folder / "config.json",
        {
            "model_type": f"emotion-{params.model.name}",
            "id2label": names,
            "label2id": {label: int(index) for index, label in names.items()},
            "max_length": params.text.max_length,
            **card,
        },
    )


def to_onnx(model: Any, params: Params) -> bytes:
    """Convert on the CPU and return the serialised graph."""
    import tensorflow as tf

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)

    def logits(input_ids: Any) -> dict[str, Any]:
        return {OUTPUT: model(tf.cast(input_ids, tf.int32), training=False)}

    signature = [tf.TensorSpec([None, params.text.max_length], tf.int64, name=INPUT)]
    with tf.device("/CPU:0"):
        graph, _ = tf2onnx.convert.from_function(
            tf.function(logits), input_signature=signature, opset=params.export.opset
        )
    _name_batch(graph)
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckFailedError(f"the exported graph is not valid ONNX: {error}") from error
    return bytes(graph.SerializeToString())


def _name_batch(graph: Any) -> None:
    """Give the dynamic dimension the name that readers expect, instead of the converter's number."""
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
