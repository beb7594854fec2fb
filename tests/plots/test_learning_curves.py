"""Learning curves, of ordinary trainings and of odd ones."""

import math
from collections.abc import Sequence

import pytest

from emotion.plots import learning_curves
from emotion.plots.learning_curves import History
from tests.plots.drawings import drawn

NAN, INFINITY = math.nan, math.inf


class TestTrainingCurves:
    def test_both_lines_are_named_and_the_kept_epoch_is_told(self) -> None:
        history = History([1.5, 0.9, 0.5], [0.4, 0.7, 0.9], [1.2, 0.8, 0.9], [0.5, 0.8, 0.7], best=2)
        texts = drawn(lambda: learning_curves.training_curves(history, "ann/s1"))
        assert texts.count("train (running mean)") == texts.count("validation") == 2
        assert {"ann/s1", "best epoch: 2", "loss (nats)", "accuracy", "epoch"} <= set(texts)

    def test_one_epoch(self) -> None:
        texts = drawn(lambda: learning_curves.training_curves(History([1.5], [0.4], [1.2], [0.5], best=1), "ann/s1"))
        assert "best epoch: 1" in texts
        assert texts.count("validation") == 2
        assert texts.count("1") == 2

    @pytest.mark.parametrize("loss", [NAN, 3e38])
    def test_a_training_that_diverged_is_drawn_as_far_as_it_went(self, loss: float) -> None:
        history = History([1.5, 0.9, loss], [0.4, 0.7, 0.2], [1.2, 0.8, loss], [0.5, 0.8, 0.2], best=2)
        texts = drawn(lambda: learning_curves.training_curves(history, "ann/s1"))
        assert texts.count("train (running mean)") == texts.count("validation") == 2

    def test_without_any_finite_loss_accuracy_is_still_drawn(self) -> None:
        history = History([NAN, INFINITY], [0.4, 0.2], [INFINITY, NAN], [0.5, 0.2], best=1)
        texts = drawn(lambda: learning_curves.training_curves(history, "ann/s1"))
        assert texts.count("train (running mean)") == texts.count("validation") == 1


class TestOverlaidCurves:
    def names(self, lines: Sequence[tuple[str, str, Sequence[float]]]) -> list[str]:
        """What is written beside the lines, but for axes."""
        names = {name for name, *_ in lines}
        return [text for text in drawn(lambda: learning_curves.overlaid_curves(lines)) if text in names]

    def test_every_model_is_named_once_however_many_runs_it_has(self) -> None:
        lines = [("ann", "ann", [0.5, 0.7]), ("bert", "bert", [0.8, 0.9]), ("ann", "ann", [0.6, 0.8])]
        assert sorted(self.names(lines)) == ["ann", "bert"]

    def test_one_epoch(self) -> None:
        assert self.names([("ann", "ann", [0.5])]) == ["ann"]

    def test_of_very_many_the_best_are_named(self) -> None:
        lines = [(f"ann/{number}", "ann", [0.1, number / 100]) for number in range(11, 51)]
        assert set(self.names(lines)) == {f"ann/{number}" for number in range(51 - learning_curves.MANY_NAMES, 51)}

    def test_an_epoch_without_accuracy_hides_no_line(self) -> None:
        lines = [("ann", "ann", [0.5, NAN]), ("lstm", "lstm", [NAN, 0.6]), ("bert", "bert", [NAN, NAN])]
        assert sorted(self.names(lines)) == ["ann", "lstm"]

    def test_nan_is_not_the_best(self) -> None:
        lines = [("lost", "ann", [NAN, 0.01])] + [
            (f"a{number}", "ann", [0.5]) for number in range(learning_curves.MANY_NAMES)
        ]
        assert "lost" not in self.names(lines)
