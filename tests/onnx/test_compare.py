"""Comparison with float32: which rows count as equal, and what is a reason to reject a file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.compare import Comparison, compare

LABELS = np.array([0, 1, 0, 1], np.int32)


@dataclass
class Fixed:
    """A classifier of these logits."""

    rows: list[list[float]]

    def logits(self, _texts: object) -> NDArray[np.float32]:
        return np.array(self.rows, np.float32)


def compared(before: list[list[float]], after: list[list[float]]) -> Comparison:
    return compare(Fixed(before), Fixed(after), [""] * len(before), LABELS)  # type: ignore[arg-type]


def test_labels_and_accuracy_are_compared() -> None:
    before: list[list[float]] = [[2, 1], [1, 2], [1, 2], [1, 2]]
    assert compared(before, before) == Comparison(1.0, 0.0)
    # One label becomes right, one wrong.
    assert compared(before, [[2, 1], [2, 1], [2, 1], [1, 2]]) == Comparison(0.5, 0.0)
    assert compared(before, [[1, 2], [1, 2], [1, 2], [1, 2]]) == Comparison(0.75, -0.25)


def test_a_label_of_logits_that_are_not_finite_is_a_changed_label() -> None:
    before: list[list[float]] = [[2, 1], [1, 2], [2, 1], [1, 2]]
    inf, nan = float("inf"), float("nan")
    # argmax would find the same labels.
    assert compared(before, [[inf, 1], [1, nan], [2, -inf], [1, 2]]) == Comparison(0.25, -0.75)
    # The tokenizer refuses a text for both.
    refused = [[nan, nan], *before[1:]]
    assert compared(refused, refused) == Comparison(1.0, 0.0)


def test_the_limits_are_allowed() -> None:
    assert Comparison(0.999, -0.003).reasons_to_reject(0.999) == []
    assert Comparison(0.99849, -0.0031).reasons_to_reject(0.999) == [
        "99.85% of validation's labels agree, 99.9% are needed",
        "accuracy falls by 0.31%, allowed is 0.3%",
    ]
