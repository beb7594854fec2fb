"""How the winner is chosen: by validation, then by speed, never by test."""

import pytest

from emotion.comparison.winner import choose_winner
from tests.builders import make_metrics


def test_the_highest_validation_accuracy_wins_whatever_test_says() -> None:
    runs = [
        make_metrics("ann", validation__accuracy=0.91, test__accuracy=0.80, onnx__rows_per_second=10.0),
        make_metrics("lstm", validation__accuracy=0.90, test__accuracy=0.99, train__accuracy=1.0),
    ]
    assert choose_winner(runs).model == "ann"


@pytest.mark.parametrize("fast", ["ann", "lstm"])
def test_a_tie_goes_to_the_faster(fast: str) -> None:
    runs = [
        make_metrics(model, onnx__rows_per_second=2000.0 if model == fast else 1000.0, test__accuracy=accuracy)
        for model, accuracy in (("ann", 0.8), ("lstm", 0.9))
    ]
    assert choose_winner(runs).model == fast
