"""Members for composites: runs with real graphs whose scores vary, and with predictions for validation."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from emotion.evaluation.predictions import write_predictions
from emotion.onnx.config import write_temperature
from emotion.onnx.digests import write_digests
from emotion.onnx.graphs import FILES
from emotion.onnx.session import Classifier
from emotion.store.layout import Run, Store
from tests.toy import FILLERS, LABELS, WORDS, write_model

HIDDEN = 48


def draw_texts(count: int, seed: int = 0) -> list[str]:
    """Draw texts of 1 to 30 words."""
    draw = random.Random(seed)  # noqa: S311  no secret
    return [" ".join(draw.choices([*WORDS, *FILLERS], k=draw.randint(1, 30))) for _ in range(count)]


VALIDATION = draw_texts(300, seed=9)


def write_member(
    store: Store,
    name: str,
    seed: int,
    *,
    temperature: float = 1.0,
    noise: float = 1.0,
    labels: tuple[str, ...] = LABELS,
    validation: Sequence[str] = VALIDATION,
) -> Run:
    """Write a run. All members agree on most texts, and less with more `noise`, which `seed` draws."""
    run = store.run(*name.split("/"))
    vary(write_model(run.exported, length=None, labels=labels), seed, noise)
    write_temperature(run.exported / "config.json", temperature)
    write_digests(run.exported, FILES)
    run.metrics.write_text("{}")
    run.predictions.mkdir()
    logits = Classifier.load(run.exported, 1).logits(validation)
    write_predictions(run.predictions / "validation.npz", validation, true_labels(validation), logits)
    return run


def true_labels(texts: Sequence[str]) -> NDArray[np.int32]:
    """The label of a text is that of the most frequent of furious, scared and happy."""
    counts = [[text.split().count(word) for word in WORDS] for text in texts]
    return np.asarray(np.argmax(counts, axis=1), np.int32)


def vary(folder: Path, seed: int, noise: float = 1.0) -> Path:
    """Give a toy model a hidden layer, and weights whose sums are not exact."""
    path = folder / FILES[0]
    model = onnx.load(str(path))
    draw = np.random.default_rng(seed)
    weights = {array.name: array for array in model.graph.initializer}
    words, labels = weights["vectors"].dims[0], weights["dense"].dims[1]
    # Whatever the seed: directions of the words that matter, and of their labels.
    shared = np.random.default_rng(0).normal(size=(labels, HIDDEN))
    vectors = draw.normal(scale=0.3 * noise, size=(words, 2 * HIDDEN))
    for label in range(min(labels, len(WORDS))):
        vectors[2 + label, :HIDDEN] += shared[label]
    weights["vectors"].CopyFrom(_array(vectors, "vectors"))
    weights["dense"].CopyFrom(_array(shared.T / 4, "dense"))
    mixing = np.vstack([np.eye(HIDDEN), draw.normal(scale=0.1 * noise, size=(HIDDEN, HIDDEN))])
    model.graph.initializer.append(_array(mixing, "mixing"))
    model.graph.node[-1].input[0] = "hidden"
    model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("MatMul", ["mean", "mixing"], ["hidden"]))
    onnx.save(model, str(path))
    return folder


def _array(values: NDArray[np.float64], name: str) -> onnx.TensorProto:
    return numpy_helper.from_array(values.astype(np.float32), name)
