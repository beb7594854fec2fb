"""Reliability diagrams, of full bins and of empty ones."""

import math

import numpy as np
import pytest

from emotion.plots import reliability, style
from tests.plots.drawings import drawn

NAN = math.nan


def bins(*filled: tuple[int, int, float]) -> reliability.Bins:
    """Make fifteen bins, of which some have rows, as (bin, rows, accuracy)."""
    rows, confidence, accuracy = np.zeros(15, np.int64), np.full(15, NAN), np.full(15, NAN)
    for index, count, right in filled:
        rows[index], confidence[index], accuracy[index] = count, (index + 0.5) / 15, right
    return rows, confidence, accuracy


class TestReliability:
    def test_before_and_after_scaling(self) -> None:
        before, after = bins((7, 20, 0.5), (14, 900, 0.8)), bins((7, 100, 0.5), (12, 820, 0.84))
        texts = drawn(lambda: reliability.before_and_after(before, after, (0.1234, 0.02), 1.5))
        assert "without temperature: ECE 0.123" in texts
        assert "temperature 1.50: ECE 0.020" in texts
        assert {"accuracy", "rows"} <= set(texts)

    @pytest.mark.parametrize("only", [bins((14, 10, 1.0)), bins()])
    def test_a_single_bin_and_none(self, only: reliability.Bins) -> None:
        assert "without temperature: ECE 0.100" in drawn(
            lambda: reliability.before_and_after(only, only, (0.1, 0.1), 1.0)
        )
        assert "accuracy on test" in drawn(lambda: reliability.overlaid_reliability([("one run", "ann", only)]))

    def test_bins_with_few_rows_are_left_out_where_models_are_compared(self) -> None:
        with style.theme():
            filled = bins((5, 9, 0.1), (8, 10, 0.5), (14, 900, 0.9))
            figure = reliability.overlaid_reliability([("one run", "ann", filled)])
        np.testing.assert_array_equal(figure.axes[0].lines[-1].get_ydata(), [0.5, 0.9])

    def test_calibration_errors_one_below_the_other(self) -> None:
        pairs = [("bert", "bert", 0.05, 0.01), ("ann", "ann", 0.1, 0.02), ("perfect", "lstm", 0.0, 0.0)]
        texts = drawn(lambda: reliability.error_pairs(pairs))
        assert [text for text in texts if text in {"bert", "ann", "perfect"}] == ["bert", "ann", "perfect"]
