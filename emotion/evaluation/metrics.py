"""Computes the metrics of one split from logits and labels.

SciPy and scikit-learn take a second to import. Functions import them, so a refused run ends at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.data.label_text import name_label
from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.evaluation.metrics_file import SplitScores, TestScores

# 2.5 % of the normal distribution are above this value.
Z = 1.959963984540054
# Characters per column in scikit-learn's report.
COLUMN_WIDTH = 10


def split_scores(logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str]) -> SplitScores:
    """Compute accuracy, cross-entropy and macro-F1 of logits float (rows, classes) against labels int (rows,).

    `names` are the classes in order.
    """
    return SplitScores(**_common(logits, labels, names))


def test_scores(
    logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str], temperature: float
) -> TestScores:
    """Compute `split_scores` with interval, calibration errors and scores by label.

    Only `ece_scaled` depends on the temperature.
    """
    from sklearn.metrics import classification_report

    correct = int((logits.argmax(axis=1) == labels).sum())
    report = classification_report(
        labels,
        logits.argmax(axis=1),
        labels=range(len(names)),
        target_names=[str(index) for index in range(len(names))],  # a label may be called "accuracy"
        output_dict=True,
        zero_division=0,
    )
    return TestScores(
        **_common(logits, labels, names),
        accuracy_ci95=wilson_interval(correct, len(labels)),
        ece=expected_calibration_error(reliability_bins(logits, labels)),
        ece_scaled=expected_calibration_error(reliability_bins(logits, labels, temperature)),
        per_class={name: _label_scores(report[str(index)]) for index, name in enumerate(names)},
    )


def _common(logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str]) -> dict[str, Any]:
    from scipy.special import log_softmax
    from sklearn.metrics import f1_score

    predicted, present = logits.argmax(axis=1), np.unique(labels)
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return {
        "rows": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        # A label without rows has no recall: scikit-learn counts its F1 as 0 if any row gets this prediction.
        "macro_f1": float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        "macro_f1_labels": [names[index] for index in present],
    }


def _label_scores(row: dict[str, float]) -> dict[str, float]:
    return {
        "precision": row["precision"],
        "recall": row["recall"],
        "f1": row["f1-score"],
        "support": int(row["support"]),
    }


def wilson_interval(correct: int, rows: int) -> tuple[float, float]:
    """Compute the 95 % interval of an accuracy (Wilson, JASA 22, 1927), without SciPy for aggregate."""
    share, square = correct / rows, Z**2 / rows
    middle = share + square / 2
    half = (square * (share * (1 - share) + square / 4)) ** 0.5
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def text_report(logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str]) -> str:
    """Return scikit-learn's classification report as text, with a macro average over labels with rows."""
    from sklearn.metrics import classification_report, precision_recall_fscore_support

    predicted, present = logits.argmax(axis=1), np.unique(labels)
    report = str(
        classification_report(
            labels, predicted, labels=range(len(names)), target_names=list(names), digits=4, zero_division=0
        )
    )
    absent = [name_label(name) for index, name in enumerate(names) if index not in present]
    if not absent:
        return report
    *lines, macro, weighted = report.rstrip("\n").split("\n")
    means = precision_recall_fscore_support(labels, predicted, labels=present, average="macro", zero_division=0)[:3]
    columns = "".join(f"{value:>{COLUMN_WIDTH}.4f}" for value in means)
    macro = macro[: -4 * COLUMN_WIDTH] + columns + macro[-COLUMN_WIDTH:]
    note = f"The macro average leaves out labels without rows: {', '.join(absent)}"
    return "\n".join([*lines, macro, weighted, "", note, ""])
