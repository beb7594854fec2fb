"""Rankings of accuracies and of training times."""

from itertools import pairwise

import pytest

from emotion.plots import ranking, style
from tests.plots.drawings import drawn


class TestRanking:
    def test_names_from_top_to_bottom_and_their_values(self) -> None:
        dots = [
            ranking.Dot("bert", "bert", 0.93, 0.92, 0.94, [0.925, 0.935]),
            ranking.Dot("ann", "ann", 0.88, 0.87, 0.89),
        ]
        texts = drawn(lambda: ranking.intervals(dots, "accuracy on test"))
        assert [text for text in texts if text in {"bert", "ann"}] == ["bert", "ann"]
        assert texts[-2:] == ["0.930", "0.880"]
        assert "accuracy on test" in texts

    @pytest.mark.parametrize("value", [0.0, 0.9, 1.0])
    @pytest.mark.parametrize("count", [1, 2])
    def test_one_value_and_equal_ones(self, value: float, count: int) -> None:
        texts = drawn(lambda: ranking.intervals([ranking.Dot("x", "ann", value, value, value)] * count, "accuracy"))
        assert texts.count(f"{value:.3f}") >= count

    @pytest.mark.parametrize("seconds", [[0.0], [0.0, 0.0], [0.0, 5000.0], [7.0, 7.0], [1.0, 30.0]])
    def test_times_that_are_none_equal_or_near(self, seconds: list[float]) -> None:
        texts = drawn(lambda: ranking.times([("x", "ann", value) for value in seconds]))
        assert "training time" in texts
        assert texts.count("x") == len(seconds)

    def test_times_that_are_far_apart(self) -> None:
        texts = drawn(lambda: ranking.times([("ann", "ann", 10.0), ("bert", "bert", 15_000.0)]))
        assert "training time (log scale)" in texts
        assert texts[-2:] == ["10 s", "4.2 h"]

    @pytest.mark.parametrize("longest", [45, 90, 600, 3600, 20_000, 86_400, 400_000])
    @pytest.mark.parametrize("shortest", [0.02, 1.0, 9.0, 40.0])
    def test_the_times_on_the_axis_do_not_overlap(self, shortest: float, longest: float) -> None:
        with style.theme():
            figure = ranking.times([("ann taught by minilm", "ann", shortest), ("bert", "bert", longest)])
            figure.draw_without_rendering()
            boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
            axes = figure.axes[0].get_window_extent()
        inside = [box for box in boxes if axes.x0 <= (box.x0 + box.x1) / 2 <= axes.x1]
        assert len(inside) >= 2
        assert all(left.x1 + 3 < right.x0 for left, right in pairwise(inside))
