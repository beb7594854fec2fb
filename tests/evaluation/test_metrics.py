"""Metrics from logits: held against published values, hand-made cases and scikit-learn."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss

from emotion.evaluation import metrics
from emotion.evaluation.calibration import expected_calibration_error, reliability_bins

Logits = NDArray[np.float32]
Labels = NDArray[np.int32]


def case(seed: int, rows: int = 300, classes: int = 6) -> tuple[Logits, Labels]:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, classes)).astype(np.float32)
    labels = np.where(random.random(rows) < 0.6, logits.argmax(axis=1), random.integers(0, classes, rows))
    return logits, labels.astype(np.int32)


def labels_of(*labels: int) -> Labels:
    return np.asarray(labels, dtype=np.int32)


class TestWilson:
    @pytest.mark.parametrize(
        ("correct", "rows", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_published_values(self, correct: int, rows: int, low: float, high: float) -> None:
        """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
        assert metrics.wilson_interval(correct, rows) == pytest.approx((low, high), abs=5e-5)

    @pytest.mark.parametrize(("correct", "rows"), [(81, 263), (1, 3), (1887, 2000), (2000, 2000), (0, 1)])
    def test_the_formula(self, correct: int, rows: int) -> None:
        z, share = 1.959963984540054, correct / rows
        middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
        half = z / (1 + z**2 / rows) * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
        expected = (middle - half, middle + half)
        assert metrics.wilson_interval(correct, rows) == pytest.approx(expected, abs=1e-12)

    def test_bounds_are_shares(self) -> None:
        for correct in (0, 7):
            low, high = metrics.wilson_interval(correct, 7)
            assert 0 <= low < high <= 1


class TestScores:
    @pytest.mark.parametrize("seed", range(3))
    def test_scikit_learn_finds_the_same(self, seed: int) -> None:
        logits, labels = case(seed)
        exponentials = np.exp(logits.astype(np.float64))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        predicted = probabilities.argmax(axis=1)
        scores = metrics.split_scores(logits, labels, list("abcdef"))
        assert scores.rows == 300
        assert scores.accuracy == pytest.approx(accuracy_score(labels, predicted))
        assert scores.loss == pytest.approx(log_loss(labels, probabilities, labels=range(6)))
        assert scores.macro_f1 == f1_score(labels, predicted, average="macro")
        assert scores.macro_f1_labels == list("abcdef")

    def test_macro_f1_by_hand(self) -> None:
        """Predicted 0 0 1 1 of true 0 0 0 1: F1 of 0 is 4/5, of 1 is 2/3. The third label does not occur."""
        logits = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
        assert metrics.split_scores(logits, labels_of(0, 0, 0, 1), list("abc")).macro_f1 == pytest.approx(11 / 15)

    def test_a_label_without_rows_does_not_pull_macro_f1_down(self) -> None:
        """Predicted 0 0 1 2 of true 0 0 1 1: F1 of 0 is 1, of 1 is 2/3. Nothing can be right about the third label."""
        logits = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
        scores = metrics.split_scores(logits, labels_of(0, 0, 1, 1), list("abcd"))
        assert scores.macro_f1 == pytest.approx(5 / 6)
        assert scores.macro_f1_labels == ["a", "b"]

    def test_large_logits_do_not_overflow(self) -> None:
        logits = np.asarray([[3e4, -3e4], [3e4, -3e4]], dtype=np.float32)
        assert metrics.split_scores(logits, labels_of(0, 1), list("ab")).loss == pytest.approx(3e4)

    def test_the_loss_is_in_nats(self) -> None:
        scores = metrics.split_scores(np.zeros((5, 6), dtype=np.float32), labels_of(0, 1, 2, 3, 4), list("abcdef"))
        assert scores.loss == pytest.approx(math.log(6))


class TestOnTest:
    def test_it_has_the_scores_of_every_split_and_more(self) -> None:
        logits, labels = case(0)
        scores = metrics.test_scores(logits, labels, list("abcdef"), 1)
        assert metrics.split_scores(logits, labels, list("abcdef")).model_dump().items() <= scores.model_dump().items()
        assert scores.accuracy_ci95 == metrics.wilson_interval(round(scores.accuracy * 300), 300)
        assert scores.ece == expected_calibration_error(reliability_bins(logits, labels))

    def test_scores_of_each_label(self) -> None:
        """Predicted 0 0 1 1 of true 0 0 0 1."""
        logits = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
        per_class = metrics.test_scores(logits, labels_of(0, 0, 0, 1), ["no", "yes"], 1).per_class
        assert list(per_class) == ["no", "yes"]
        assert per_class["no"].model_dump() == pytest.approx(
            {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3}
        )
        assert per_class["yes"].model_dump() == pytest.approx(
            {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1}
        )

    def test_a_label_that_test_lacks_is_there_without_support(self) -> None:
        logits, labels = case(1, classes=3)
        labels[labels == 1] = 0
        per_class = metrics.test_scores(logits, labels, ["a", "b", "c"], 1).per_class
        assert list(per_class) == ["a", "b", "c"]
        assert per_class["b"].model_dump() == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
        assert per_class["c"].support == (labels == 2).sum()

    def test_labels_may_be_called_anything(self) -> None:
        logits, labels = case(2)
        names = ["accuracy", "macro avg", "weighted avg", "0", "1", ""]
        plain = metrics.test_scores(logits, labels, list("abcdef"), 1).per_class
        assert list(metrics.test_scores(logits, labels, names, 1).per_class.values()) == list(plain.values())
        assert list(metrics.test_scores(logits, labels, names, 1).per_class) == names

    def test_the_macro_average_of_the_report_leaves_out_labels_without_rows(self) -> None:
        logits = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
        names = ["a", "a name of many letters", "c", "macro avg"]
        report = metrics.text_report(logits, labels_of(0, 0, 1, 1), names)
        lines = report.splitlines()
        (macro,) = [line for line in lines if line.split()[:2] == ["macro", "avg"] and line.split()[-1] == "4"]
        assert macro.split() == ["macro", "avg", "1.0000", "0.7500", "0.8333", "4"]
        (weighted,) = [line for line in lines if "weighted avg" in line]
        assert len(macro) == len(weighted)
        assert lines[-1] == "The macro average leaves out labels without rows: c, macro avg"

    def test_the_report_of_a_split_with_all_labels_is_scikit_learns(self) -> None:
        logits, labels = case(0)
        names = list("abcdef")
        expected = classification_report(labels, logits.argmax(axis=1), target_names=names, digits=4)
        assert metrics.text_report(logits, labels, names) == expected

    def test_the_report_names_every_label(self) -> None:
        logits, labels = case(3, classes=3)
        labels[labels == 1] = 0
        report = metrics.text_report(logits, labels, ["accuracy", "absent", "joy"])
        row = next(line.split() for line in report.splitlines() if line.split()[:1] == ["absent"])
        assert row == ["absent", "0.0000", "0.0000", "0.0000", "0"]
        assert "joy" in report
