"""Calibration: the error against cases by hand, the temperature against a known one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.onnx.session import probabilities
from emotion.onnx.temperature import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, fit_temperature

Logits = NDArray[np.float32]
Labels = NDArray[np.int32]


def sure(*probabilities: float) -> Logits:
    """Make logits of two classes; the first class has the given probabilities."""
    first = np.asarray(probabilities)
    logits: Logits = np.log(np.stack([first, 1 - first], axis=1)).astype(np.float32)
    return logits


def labels_of(*labels: int) -> Labels:
    return np.asarray(labels, dtype=np.int32)


def error_of(logits: Logits, labels: Labels, temperature: float = 1.0) -> float:
    return expected_calibration_error(reliability_bins(logits, labels, temperature))


class TestExpectedCalibrationError:
    def test_a_case_by_hand(self) -> None:
        """Three of four right at 0.9, one of two at 0.65: 4/6 * 0.15 + 2/6 * 0.15."""
        logits = sure(0.9, 0.9, 0.9, 0.9, 0.65, 0.65)
        assert error_of(logits, labels_of(0, 0, 0, 1, 0, 1)) == pytest.approx(0.15, abs=1e-6)

    def test_rows_of_a_bin_are_taken_together(self) -> None:
        """0.62 and 0.66 are both in (9/15, 10/15]: half are right, at 0.64 on the whole."""
        error = error_of(sure(0.62, 0.66), labels_of(0, 1))
        assert error == pytest.approx(0.14, abs=1e-6)

    def test_rows_of_two_bins_are_not(self) -> None:
        """0.66 is below 10/15, 0.68 above."""
        error = error_of(sure(0.66, 0.68), labels_of(0, 1))
        assert error == pytest.approx((0.34 + 0.68) / 2, abs=1e-6)

    def test_the_confidence_is_that_of_the_predicted_label(self) -> None:
        assert error_of(sure(0.2), labels_of(1)) == pytest.approx(0.2, abs=1e-6)

    @pytest.mark.parametrize(("label", "error"), [(0, 0.0), (1, 1.0)])
    def test_full_confidence(self, label: int, error: float) -> None:
        logits = np.asarray([[1e4, -1e4]], dtype=np.float32)
        assert error_of(logits, labels_of(label)) == error


def drawn(seed: int, rows: int = 20_000) -> tuple[Logits, Labels]:
    """Make logits of four classes, and draw labels with the probabilities of the logits."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, 4)).astype(np.float32)
    chosen = (random.random((rows, 1)) > probabilities(logits).cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(chosen, 3).astype(np.int32)


class TestTemperature:
    @pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
    def test_what_logits_were_stretched_by_is_found_again(self, factor: float) -> None:
        logits, labels = drawn(1)
        assert fit_temperature(logits * np.float32(factor), labels) == pytest.approx(factor, rel=0.03)

    def test_it_corrects_calibration_on_other_rows_and_changes_no_label(self) -> None:
        validation, test = drawn(2), drawn(3)
        temperature = fit_temperature(validation[0] * 3, validation[1])
        before = error_of(test[0] * 3, test[1])
        after = error_of(test[0] * 3, test[1], temperature)
        assert before > 0.15
        assert after < 0.02
        same = probabilities(test[0] * 3, temperature).argmax(axis=1) == (test[0] * 3).argmax(axis=1)
        assert same.all()

    def test_rows_that_are_all_right_leave_the_model_as_it_is(self) -> None:
        assert fit_temperature(np.asarray([[1, 0], [0, 1]], np.float32), labels_of(0, 1)) == 1

    def test_rows_that_are_all_wrong_stop_at_a_bound(self) -> None:
        logits = np.asarray([[1, 0], [0, 1]], np.float32)
        assert fit_temperature(logits, labels_of(1, 0)) == pytest.approx(HIGHEST_TEMPERATURE, rel=1e-3)

    def test_huge_logits_do_not_overflow(self) -> None:
        logits = np.asarray([[1e30, -1e30], [3e4, 0]], np.float32)
        assert LOWEST_TEMPERATURE <= fit_temperature(logits, labels_of(0, 1)) <= HIGHEST_TEMPERATURE


def test_the_bins_hold_every_row_once() -> None:
    logits, labels = drawn(4, rows=500)
    found = reliability_bins(logits, labels)
    assert found.rows.sum() == 500
    empty = found.rows == 0
    assert np.isnan(found.accuracy[empty]).all()
    mean = (found.accuracy[~empty] * found.rows[~empty]).sum() / 500
    assert mean == pytest.approx((logits.argmax(axis=1) == labels).mean())
