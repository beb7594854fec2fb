"""The chart of accuracy against cost: the Pareto front, and the names of points."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.plots import style, tradeoff
from emotion.plots.tradeoff import Point
from tests.plots.drawings import drawn

coordinates = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), max_size=12)


class TestTradeoff:
    @given(coordinates)
    @settings(max_examples=150, deadline=None)
    def test_on_the_front_are_those_that_no_other_equals_or_beats_in_both(self, found: list[tuple[int, int]]) -> None:
        def covers(first: int, second: int) -> bool:
            """Whether the first point is as good as the second in both; of equal points, the earlier covers."""
            (x, y), (other_x, other_y) = found[first], found[second]
            return x >= other_x and y >= other_y and (found[first] != found[second] or first < second)

        every = range(len(found))
        kept = [index for index in every if not any(covers(other, index) for other in every if other != index)]
        assert tradeoff.front(every, found.__getitem__) == sorted(kept, key=lambda index: found[index][0])

    def point(self, name: str, x: float, y: float, model: str = "ann") -> Point:
        return Point(name, model, x, y, y - 0.01, y + 0.01, y)

    def test_all_are_named_and_those_on_the_front_are_bold(self) -> None:
        found = [
            self.point("quick", 5000, 0.88),
            self.point("middling", 400, 0.86),
            self.point("slow", 10, 0.94),
        ]
        texts = drawn(lambda: tradeoff.tradeoff(found, "rows a second", more_is_better=True))
        assert {"quick", "middling", "slow", "rows a second", "accuracy on test"} <= set(texts)
        with style.theme():
            figure = tradeoff.tradeoff(found, "rows a second", more_is_better=True)
        weights = {text.get_text(): text.get_fontweight() for text in figure.axes[0].texts}
        assert weights == {"quick": "bold", "middling": "normal", "slow": "bold"}

    @pytest.mark.parametrize("count", [1, 3])
    def test_one_point_and_equal_ones(self, count: int) -> None:
        found = [self.point(f"p{number}", 5, 0.9) for number in range(count)]
        assert "p0" in drawn(lambda: tradeoff.tradeoff(found, "MB", more_is_better=False))

    def test_of_very_many_the_front_and_the_best_of_each_model_are_named(self) -> None:
        """The front is two models' best, of which one is more accurate and one cheaper."""
        found = [self.point(f"{model}{n}", 10 + 90 * index + n, 0.9 + index / 50 - n / 1000, model)
                 for index, model in enumerate(("ann", "lstm")) for n in range(10)]  # fmt: skip
        found += [self.point(f"bert{n}", 5000 + n, 0.85 - n / 1000, "bert") for n in range(10)]
        texts = drawn(lambda: tradeoff.tradeoff(found, "MB", more_is_better=False))
        assert {text for text in texts if text.startswith(("ann", "lstm", "bert"))} == {"ann0", "lstm0", "bert0"}
