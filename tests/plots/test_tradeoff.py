"""The chart of accuracy against cost: the Pareto front, and the names of points."""

import numpy as np
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

    def test_validation_decides_about_the_front_and_test_about_the_height(self) -> None:
        """The second is better on test alone: the line falls from the first to the third."""
        found = [
            Point("first", "ann", 10, 0.90, 0.89, 0.91, validation=0.95),
            Point("lucky", "lstm", 9, 0.99, 0.98, 1.0, validation=0.94),
            Point("third", "bert", 20, 0.92, 0.91, 0.93, validation=0.93),
        ]
        with style.theme():
            axes = tradeoff.tradeoff(found, "rows a second", more_is_better=True).axes[0]
        assert {text.get_text() for text in axes.texts if text.get_fontweight() == "bold"} == {"first", "third"}
        assert np.asarray(axes.lines[0].get_xydata()).tolist() == [[10, 0.90], [20, 0.92]]

    def test_composites_have_marks_of_their_own_which_a_legend_explains(self) -> None:
        found = [
            self.point("minilm", 400, 0.93, "minilm"),
            self.point("lstm → minilm, 16%", 2000, 0.92, "cascade"),
            self.point("2 x minilm", 200, 0.94, "ensemble"),
        ]
        with style.theme():
            axes = tradeoff.tradeoff(found, "rows a second", more_is_better=True, wide=True).axes[0]
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["cascade", "ensemble"]
        marks = {style.model_style(point.model)[1] for point in found}
        assert len(marks) == 3
        assert not {mark for _, mark in style.COMPOSITES.values()} & {mark for _, mark in style.MODELS.values()}

    def test_single_models_alone_need_no_legend(self) -> None:
        with style.theme():
            axes = tradeoff.tradeoff([self.point("ann", 5, 0.9)], "MB", more_is_better=False).axes[0]
        assert axes.get_legend() is None

    def test_the_most_important_of_a_long_front_have_names(self) -> None:
        found = [self.point(f"p{n}", 10.0 * 2**n, 0.95 - n / 100, "cascade") for n in range(12)]
        texts = drawn(lambda: tradeoff.tradeoff(found[::-1], "rows a second", more_is_better=True, wide=True))
        assert {text for text in texts if text.startswith("p")} == {f"p{n}" for n in range(6, 12)}

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

    def test_every_recipe_is_named_beside_many_composites(self) -> None:
        """An LSTM and its student both have names; composites behind the front have none."""
        found = [
            self.point("plain", 100, 0.90),
            self.point("taught", 10000, 0.95),
            self.point("other", 10, 0.91, "bert"),
        ]
        found += [self.point(f"behind{n}", 200 + 400 * n, 0.86 + n / 1000, "ensemble") for n in range(12)]
        texts = drawn(lambda: tradeoff.tradeoff(found, "rows a second", more_is_better=True, wide=True))
        assert {"plain", "taught", "other"} <= set(texts)
        assert not [text for text in texts if text.startswith("behind")]
