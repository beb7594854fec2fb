"""Parity: an exported model that differs from the trained one ends the run with exit code 70."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.errors import CheckFailedError
from emotion.onnx.parity import check_parity

Logits = NDArray[np.float32]


def logits(*rows: list[float]) -> Logits:
    return np.asarray(rows, dtype=np.float32)


TRAINED = logits([1.0, 2.0, -3.0], [0.5, -0.5, 0.0])


def refused(exported: Logits, tolerance: float = 1e-4) -> CheckFailedError:
    with pytest.raises(CheckFailedError) as caught:
        check_parity(TRAINED, exported, tolerance)
    assert caught.value.exit_code == 70
    return caught.value


def test_equal_logits_agree_in_full() -> None:
    parity = check_parity(TRAINED, TRAINED.copy(), 1e-4)
    assert (parity.max_abs_logit_diff, parity.label_agreement) == (0.0, 1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_difference_of_any_logit_counts(sign: int) -> None:
    exported = TRAINED + sign * logits([0, 0, 2**-10], [2**-12, 0, 0])
    assert check_parity(TRAINED, exported, 0.1).max_abs_logit_diff == pytest.approx(2**-10, rel=1e-3)


def test_the_tolerance_itself_is_allowed_and_more_is_not() -> None:
    exported = TRAINED + logits([0, 0, 0.25], [0, 0, 0])
    assert check_parity(TRAINED, exported, 0.25).max_abs_logit_diff == 0.25
    assert "2.50e-01" in refused(exported, 0.2).message


def test_a_changed_label_fails_though_its_logits_are_near() -> None:
    trained, exported = logits([1.0, 0.85], [0.0, 1.0]), logits([0.91, 0.94], [0.0, 1.0])
    with pytest.raises(CheckFailedError) as caught:
        check_parity(trained, exported, 0.1)
    assert "50.00% of labels" in caught.value.message


def test_a_label_may_change_where_two_logits_are_as_good_as_equal() -> None:
    trained, exported = logits([1.0, 0.95], [0.0, 1.0]), logits([0.96, 0.99], [0.0, 1.0])
    parity = check_parity(trained, exported, 0.1)
    assert parity.label_agreement == 0.5
    assert parity.max_abs_logit_diff == pytest.approx(0.04, rel=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_fails(value: float) -> None:
    exported = TRAINED.copy()
    exported[1, 2] = value
    refused(exported, 1e9)


def test_not_a_number_on_both_sides_fails_too() -> None:
    broken = logits([np.nan, np.nan])
    with pytest.raises(CheckFailedError):
        check_parity(broken, broken, 1e9)


@pytest.mark.parametrize("exported", [TRAINED[:1], TRAINED[:, :2], TRAINED[:, :1]])
def test_another_shape_fails(exported: Logits) -> None:
    assert str(exported.shape) in refused(exported, 1e9).message


def test_logits_too_large_for_a_comparison_say_what_to_lower() -> None:
    with pytest.raises(CheckFailedError) as caught:
        check_parity(500 * TRAINED, 500 * TRAINED + 0.001, 1e-4)
    assert "logits up to 1,500" in caught.value.hint
    assert "learning_rate" in caught.value.hint
    assert "learning_rate" not in refused(TRAINED + 0.001).hint
