"""Chooses and writes a run's `figures/`: learning curves, confusion, calibration, precision-recall, architecture."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.errors import BadDataError
from emotion.evaluation.calibration import ReliabilityBins, expected_calibration_error, reliability_bins
from emotion.evaluation.history import read_history
from emotion.evaluation.metrics_file import Metrics
from emotion.evaluation.predictions import Predictions, read_predictions
from emotion.onnx.session import probabilities
from emotion.plots import heatmaps, layer_diagram, learning_curves, precision_recall, reliability, style
from emotion.plots.fonts import find_fonts
from emotion.store.layout import Run, read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Figures show at most so many labels, the most frequent.
MOST_LABELS = 200


def draw_run(run: Run, metrics: Metrics) -> list[str]:
    """Draw all figures from the run's files, as PNG and SVG; return warnings about characters without a font.

    Raises:
        InputMissingError, BadDataError: a file of the run is absent or damaged.
        CannotWriteError: the folder cannot be written.
    """
    labels = metrics.data.labels
    test = read_predictions(run.predictions / "test.npz", len(labels))
    fonts = find_fonts([*labels, str(run)])
    with style.theme(fonts):
        style.save(learning_curves.training_curves(read_history(run.history), str(run)), run.figures, "training")
        style.save(_confusion(test, labels, run), run.figures, "confusion")
        style.save(_calibration(test, metrics.temperature), run.figures, "calibration")
        style.save(_precision_recall(test, labels, run), run.figures, "precision_recall")
        style.save(_architecture(run.architecture, run), run.figures, "architecture")
    return fonts.warnings()


def confusion_counts(test: Predictions, classes: int) -> NDArray[np.int64]:
    """Count rows by label and predicted label, int64 (classes, classes)."""
    cells = np.bincount(test.label.astype(np.int64) * classes + test.predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def most_frequent(test: Predictions, labels: Sequence[str]) -> tuple[Predictions, list[str]]:
    """Keep the labels that figures can show, those with most rows, and the rows whose label and prediction are kept."""
    if len(labels) <= MOST_LABELS:
        return test, list(labels)
    kept = np.sort(np.argsort(-np.bincount(test.label, minlength=len(labels)), kind="stable")[:MOST_LABELS])
    rows = np.isin(test.label, kept) & np.isin(test.predicted, kept)
    label = np.searchsorted(kept, test.label[rows]).astype(np.int32)
    return Predictions(test.row[rows], label, test.logits[rows][:, kept]), [labels[index] for index in kept]


def as_bins(bins: ReliabilityBins) -> reliability.Bins:
    """Convert to the arrays that the charts of calibration take."""
    return bins.rows, bins.confidence, bins.accuracy


def _confusion(test: Predictions, labels: Sequence[str], run: Run) -> "Figure":
    shown, names = most_frequent(test, labels)
    return heatmaps.confusion(
        confusion_counts(shown, len(names)), names, _title("Confusion matrix", run, names, labels)
    )


def _title(what: str, run: Run, shown: Sequence[str], labels: Sequence[str]) -> str:
    which = "" if len(shown) == len(labels) else f", the {len(shown)} most frequent labels of {len(labels):,}"
    return f"{what} on test{which}\n{run}"


def _calibration(test: Predictions, temperature: float) -> "Figure":
    before = reliability_bins(test.logits, test.label)
    after = reliability_bins(test.logits, test.label, temperature)
    errors = (expected_calibration_error(before), expected_calibration_error(after))
    return reliability.before_and_after(as_bins(before), as_bins(after), errors, temperature)


def _precision_recall(test: Predictions, labels: Sequence[str], run: Run) -> "Figure":
    shown, names = most_frequent(test, labels)
    return precision_recall.precision_recall(
        list(_curves(shown, names)), _title("Precision-recall curves", run, names, labels)
    )


def _curves(test: Predictions, labels: Sequence[str]) -> Iterable[precision_recall.Curve]:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    scores = probabilities(test.logits)
    for index, label in enumerate(labels):
        truth = test.label == index
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, scores[:, index], drop_intermediate=True)
            average = float(average_precision_score(truth, scores[:, index]))
            yield precision_recall.Curve(label, precision, recall, average)


def _architecture(path: Path, run: Run) -> "Figure":
    content = read_json(path)
    try:
        inputs = [layer for layer in content["layers"] if layer["type"] == "InputLayer"]
        inner = [_layer(layer) for layer in content["layers"] if layer["type"] not in {"InputLayer", "MaskBias"}]
        first = layer_diagram.Layer("input", ", ".join(str(layer["name"]) for layer in inputs), _shape(inputs), 0)
        total, trainable = (int(content["parameters"][key]) for key in ("total", "trainable"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadDataError(f"{path} is not an architecture: {error!r}") from error
    which = "all trainable" if trainable == total else f"{trainable:,} trainable"
    layers = [first, *inner, layer_diagram.Layer("softmax", "one score per label", "", 0)]
    return layer_diagram.architecture(layers, f"{run}: {total:,} parameters, {which}", total)


def _layer(layer: dict[str, Any]) -> layer_diagram.Layer:
    kind, detail = str(layer["type"]), str(layer.get("detail", ""))
    return layer_diagram.Layer(kind, detail, _shape([layer]), int(layer["parameters"]))


def _shape(layers: Sequence[dict[str, Any]]) -> str:
    """Describe the output shape of the first layer, without the batch."""
    sizes = layers[0]["output_shape"][1:] if layers else []
    return " x ".join("any" if size is None else f"{size:,}" for size in sizes)
