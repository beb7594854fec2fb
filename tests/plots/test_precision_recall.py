"""Precision-recall curves, of one label and of many."""

import numpy as np

from emotion.plots import precision_recall
from tests.plots.drawings import drawn


class TestPrecisionRecall:
    def curve(self, label: str, average: float) -> precision_recall.Curve:
        return precision_recall.Curve(label, np.asarray([0.2, 0.5, 1.0]), np.asarray([1.0, 0.5, 0.0]), average)

    def test_labels_are_listed_the_best_first(self) -> None:
        found = [self.curve("anger", 0.5), self.curve("joy", 0.9), self.curve("fear", 0.75)]
        texts = drawn(lambda: precision_recall.precision_recall(found, "ann/s1 on test"))
        assert [text for text in texts if "  " in text] == ["joy  0.900", "fear  0.750", "anger  0.500"]
        assert {"average precision", "precision", "recall", "ann/s1 on test"} <= set(texts)

    def test_one_label(self) -> None:
        assert "joy  0.900" in drawn(lambda: precision_recall.precision_recall([self.curve("joy", 0.9)], "title"))

    def test_of_many_labels_the_worst_are_listed(self) -> None:
        found = [self.curve(f"label {number}", number / 50) for number in range(50)]
        texts = drawn(lambda: precision_recall.precision_recall(found, "title"))
        assert [text for text in texts if "  " in text] == [f"label {n}  {n / 50:.3f}" for n in range(7, -1, -1)]
        assert "average precision (42 higher: gray)" in texts

    def test_no_label_with_rows(self) -> None:
        assert "average precision" in drawn(lambda: precision_recall.precision_recall([], "title"))
