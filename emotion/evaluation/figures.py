"""A run's `figures/`: its training, confusion, calibration, precision and recall on test, and its architecture."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.errors import BadDataError
from emotion.evaluation.calibration import Reliability, reliability
from emotion.evaluation.history import read_history
from emotion.evaluation.metrics_file import Metrics
from emotion.evaluation.predictions import Predictions, read_predictions
from emotion.onnx.session import probabilities
from emotion.plots import curves, diagram, matrix, style
from emotion.plots import precision_recall as pr
from emotion.plots import reliability as reliable
from emotion.plots.fonts import find_fonts
from emotion.store.layout import Run, read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Labels are shown up to here, the most frequent first.
MOST_LABELS = 200


def draw_run(run: Run, metrics: Metrics) -> list[str]:
    """Draw all figures from the files of the run's folder, as PNG and SVG; return warnings, of letters without a font.

    Raises:
        InputMissingError, BadDataError: a file of the run is absent or damaged.
        CannotWriteError: the folder cannot be written.
    """
    labels = metrics.data.labels
    test = read_predictions(run.predictions / "test.npz", len(labels))
    fonts = find_fonts([*labels, str(run)])
    with style.theme(fonts):
        style.save(curves.training_curves(read_history(run.history), str(run)), run.figures, "training")
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
    """Keep the labels with most rows, as many as can be shown, and the rows that are of these and were said to be."""
    if len(labels) <= MOST_LABELS:
        return test, list(labels)
    kept = np.sort(np.argsort(-np.bincount(test.label, minlength=len(labels)), kind="stable")[:MOST_LABELS])
    rows = np.isin(test.label, kept) & np.isin(test.predicted, kept)
    label = np.searchsorted(kept, test.label[rows]).astype(np.int32)
    return Predictions(test.row[rows], label, test.logits[rows][:, kept]), [labels[index] for index in kept]


def as_bins(found: Reliability) -> reliable.Bins:
    """Give what the charts of calibration take."""
    return found.rows, found.confidence, found.accuracy


def _confusion(test: Predictions, labels: Sequence[str], run: Run) -> "Figure":
    shown, names = most_frequent(test, labels)
    return matrix.confusion(confusion_counts(shown, len(names)), names, _title(run, names, labels))


def _title(run: Run, shown: Sequence[str], labels: Sequence[str]) -> str:
    which = "" if len(shown) == len(labels) else f", the {len(shown)} most frequent labels of {len(labels):,}"
    return f"{run} on test{which}"


def _calibration(test: Predictions, temperature: float) -> "Figure":
    before, after = (reliability(test.logits, test.label, each) for each in (1.0, temperature))
    return reliable.before_and_after(as_bins(before), as_bins(after), (before.error, after.error), temperature)


def _precision_recall(test: Predictions, labels: Sequence[str], run: Run) -> "Figure":
    shown, names = most_frequent(test, labels)
    return pr.precision_recall(list(_curves(shown, names)), _title(run, names, labels))


def _curves(test: Predictions, labels: Sequence[str]) -> Iterable[pr.Curve]:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    scores = probabilities(test.logits)
    for index, label in enumerate(labels):
        truth = test.label == index
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, scores[:, index], drop_intermediate=True)
            yield pr.Curve(label, precision, recall, float(average_precision_score(truth, scores[:, index])))


def _architecture(path: Path, run: Run) -> "Figure":
    content = read_json(path)
    try:
        inputs = [each for each in content["layers"] if each["type"] == "InputLayer"]
        inner = [_layer(each) for each in content["layers"] if each["type"] not in {"InputLayer", "MaskBias"}]
        names = diagram.Layer("input", ", ".join(str(each["name"]) for each in inputs), _shape(inputs), 0)
        total, trainable = (int(content["parameters"][each]) for each in ("total", "trainable"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadDataError(f"{path} is not an architecture: {error!r}") from error
    which = "all trainable" if trainable == total else f"{trainable:,} trainable"
    layers = [names, *inner, diagram.Layer("softmax", "of the logits: a score a label", "", 0)]
    return diagram.architecture(layers, f"{run}: {total:,} parameters, {which}", total)


def _layer(layer: dict[str, Any]) -> diagram.Layer:
    return diagram.Layer(str(layer["type"]), str(layer.get("detail", "")), _shape([layer]), int(layer["parameters"]))


def _shape(layers: Sequence[dict[str, Any]]) -> str:
    """The output of the first of the layers, without the batch."""
    sizes = layers[0]["output_shape"][1:] if layers else []
    return " x ".join("any" if size is None else f"{size:,}" for size in sizes)
