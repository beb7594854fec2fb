"""Computes the metrics of one split from logits and labels.

SciPy and scikit-learn take a second to import. Functions import them, so that a refused run ends at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.evaluation.metrics_file import SplitScores, TestScores


def split_scores(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> SplitScores:
    """Compute accuracy, cross-entropy and macro-F1 of logits float (rows, classes) against labels int (rows,)."""
    return SplitScores(**_common(logits, labels))


def test_scores(
    logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str], temperature: float
) -> TestScores:
    """Compute `split_scores` with interval, calibration errors and scores by label; `names` are the classes in order.

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
        **_common(logits, labels),
        accuracy_ci95=wilson_interval(correct, len(labels)),
        ece=expected_calibration_error(reliability_bins(logits, labels)),
        ece_scaled=expected_calibration_error(reliability_bins(logits, labels, temperature)),
        per_class={name: _label_scores(report[str(index)]) for index, name in enumerate(names)},
    )


def _common(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> dict[str, Any]:
    from scipy.special import log_softmax
    from sklearn.metrics import f1_score

    predicted = logits.argmax(axis=1)
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return {
        "rows": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        # The mean over labels that occur in truth or prediction, as in scikit-learn.
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
    }


def _label_scores(row: dict[str, float]) -> dict[str, float]:
    return {
        "precision": row["precision"],
        "recall": row["recall"],
        "f1": row["f1-score"],
        "support": int(row["support"]),
    }


def wilson_interval(correct: int, rows: int) -> tuple[float, float]:
    """Compute the 95 % interval of an accuracy (Wilson, JASA 22, 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(correct, rows).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def text_report(logits: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str]) -> str:
    """Return scikit-learn's classification report as text."""
    from sklearn.metrics import classification_report

    return str(
        classification_report(
            labels,
            logits.argmax(axis=1),
            labels=range(len(names)),
            target_names=list(names),
            digits=4,
            zero_division=0,
        )
    )
