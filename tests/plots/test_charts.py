"""Every chart on ordinary figures and on odd ones: it is drawn without a warning, and says what there is to say."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emotion.plots import curves, diagram, matrix, precision_recall, ranking, reliability, style, tradeoff
from emotion.plots.curves import History
from emotion.plots.tradeoff import Point
from tests.plots.drawings import drawn

NAN, INFINITY = math.nan, math.inf
SIX = ["anger", "fear", "joy", "love", "sadness", "surprise"]


def some_counts(size: int) -> NDArray[np.int64]:
    counts = np.random.default_rng(size).integers(1, 100, (size, size)) + 900 * np.eye(size, dtype=np.int64)
    return counts.astype(np.int64)


class TestTrainingCurves:
    def test_both_lines_are_named_and_the_kept_epoch_is_told(self) -> None:
        history = History([1.5, 0.9, 0.5], [0.4, 0.7, 0.9], [1.2, 0.8, 0.9], [0.5, 0.8, 0.7], best=2)
        texts = drawn(lambda: curves.training_curves(history, "ann/s1"))
        assert texts.count("train, in training") == texts.count("validation") == 2
        assert {"ann/s1", "epoch 2 was kept", "loss (nats)", "accuracy", "epoch"} <= set(texts)

    def test_one_epoch(self) -> None:
        texts = drawn(lambda: curves.training_curves(History([1.5], [0.4], [1.2], [0.5], best=1), "ann/s1"))
        assert "epoch 1 was kept" in texts
        assert texts.count("validation") == 2
        assert texts.count("1") == 2

    @pytest.mark.parametrize("loss", [NAN, 3e38])
    def test_a_training_that_diverged_is_drawn_as_far_as_it_went(self, loss: float) -> None:
        history = History([1.5, 0.9, loss], [0.4, 0.7, 0.2], [1.2, 0.8, loss], [0.5, 0.8, 0.2], best=2)
        texts = drawn(lambda: curves.training_curves(history, "ann/s1"))
        assert texts.count("train, in training") == texts.count("validation") == 2

    def test_without_any_finite_loss_accuracy_is_still_drawn(self) -> None:
        history = History([NAN, INFINITY], [0.4, 0.2], [INFINITY, NAN], [0.5, 0.2], best=1)
        texts = drawn(lambda: curves.training_curves(history, "ann/s1"))
        assert texts.count("train, in training") == texts.count("validation") == 1


class TestOverlaidCurves:
    def names(self, lines: Sequence[tuple[str, str, Sequence[float]]]) -> list[str]:
        """What is written beside the lines, but for axes."""
        said = {name for name, *_ in lines}
        return [text for text in drawn(lambda: curves.overlaid_curves(lines)) if text in said]

    def test_every_model_is_named_once_however_many_runs_it_has(self) -> None:
        lines = [("ann", "ann", [0.5, 0.7]), ("bert", "bert", [0.8, 0.9]), ("ann", "ann", [0.6, 0.8])]
        assert sorted(self.names(lines)) == ["ann", "bert"]

    def test_one_epoch(self) -> None:
        assert self.names([("ann", "ann", [0.5])]) == ["ann"]

    def test_of_very_many_the_best_are_named(self) -> None:
        lines = [(f"ann/{number}", "ann", [0.1, number / 100]) for number in range(11, 51)]
        assert set(self.names(lines)) == {f"ann/{number}" for number in range(51 - curves.MANY_NAMES, 51)}

    def test_an_epoch_without_accuracy_hides_no_line(self) -> None:
        lines = [("ann", "ann", [0.5, NAN]), ("lstm", "lstm", [NAN, 0.6]), ("bert", "bert", [NAN, NAN])]
        assert sorted(self.names(lines)) == ["ann", "lstm"]

    def test_nan_is_not_the_best(self) -> None:
        lines = [("lost", "ann", [NAN, 0.01])] + [(f"a{number}", "ann", [0.5]) for number in range(curves.MANY_NAMES)]
        assert "lost" not in self.names(lines)


class TestConfusion:
    def test_a_cell_tells_its_share_of_the_label_and_its_rows(self) -> None:
        texts = drawn(
            lambda: matrix.confusion(np.asarray([[1500, 500], [1, 999]], np.int64), ["anger", "joy"], "ann/s1 on test")
        )
        assert [text for text in texts if text.endswith("%")] == ["75%", "25%", "<1%", "100%"]
        assert [text for text in texts if text.replace(",", "").isdecimal()] == ["1,500", "500", "1", "999"]
        assert texts.count("anger") == texts.count("joy") == 2
        assert {"label", "predicted", "ann/s1 on test"} <= set(texts)

    @pytest.mark.parametrize("size", [2, 6, matrix.MOST_WRITTEN])
    def test_every_label_is_named_on_both_sides_and_every_cell_has_its_share(self, size: int) -> None:
        names = [f"label {number}" for number in range(size)]
        texts = drawn(lambda: matrix.confusion(some_counts(size), names, "title"))
        assert all(texts.count(name) == 2 for name in names)
        assert sum(text.endswith("%") for text in texts) == size**2

    def test_of_more_labels_the_cells_are_colours(self) -> None:
        names = [f"label {number}" for number in range(matrix.MOST_WRITTEN + 1)]
        texts = drawn(lambda: matrix.confusion(some_counts(len(names)), names, "title"))
        assert all(texts.count(name) == 2 for name in names)
        assert not [text for text in texts if text.endswith("%")]
        assert "share of the label's rows" in texts

    def test_of_very_many_labels_some_are_named(self) -> None:
        names = [f"label {number}" for number in range(200)]
        texts = drawn(lambda: matrix.confusion(some_counts(200), names, "title"))
        assert [text for text in texts if text in names] == 2 * names[::5]
        assert {"predicted (one label in 5 is named)", "label (one label in 5 is named)"} <= set(texts)

    def test_a_label_without_rows_has_an_empty_row(self) -> None:
        counts = np.asarray([[3, 1, 0], [0, 0, 0], [0, 2, 2]], np.int64)
        texts = drawn(lambda: matrix.confusion(counts, ["a", "b", "c"], "title"))
        assert [text for text in texts if text.endswith("%")] == ["75%", "25%", "50%", "50%"]
        assert not [text for text in texts if "nan" in text.lower()]
        assert texts.count("b") == 2

    def test_long_names_are_cut(self) -> None:
        names = ["the first of two very long names", "the other one of them, which is even longer" * 50]
        texts = drawn(lambda: matrix.confusion(np.eye(2, dtype=np.int64), names, "title"))
        assert texts.count("the first of two…") == texts.count("the other one of…") == 2

    @pytest.mark.parametrize(("size", "written"), [(2, True), (matrix.MOST_WRITTEN, True), (15, False), (200, False)])
    def test_a_small_one_to_stand_beside_others(self, size: int, written: bool) -> None:
        names = [f"a rather long label {number}" for number in range(size)]
        texts = drawn(lambda: matrix.small_confusion(some_counts(size), names))
        assert sum(text.endswith("%") for text in texts) == (size**2 if written else 0)
        assert sum(text.endswith("…") for text in texts) == 2 * min(size, 40)


class TestScoresByLabel:
    def test_a_score_that_is_not_there_is_an_empty_cell(self) -> None:
        values = np.asarray([[0.5, NAN, 1.0], [NAN, 0.25, 0.75]])
        texts = drawn(lambda: matrix.scores_by_label(values, ["ann", "bert"], ["a", "b", "c"], "F1"))
        assert texts[-4:] == ["0.50", "1.00", "0.25", "0.75"]
        assert {"ann", "bert", "a", "b", "c"} <= set(texts)

    def test_equal_scores(self) -> None:
        texts = drawn(lambda: matrix.scores_by_label(np.full((2, 6), 0.5), ["ann", "bert"], SIX, "F1"))
        assert texts.count("0.50") == 12

    def test_of_many_labels_the_colours_are_explained(self) -> None:
        values = np.random.default_rng(1).random((3, 200))
        values[1] = NAN
        names = [f"label {number}" for number in range(200)]
        texts = drawn(lambda: matrix.scores_by_label(values, ["ann", "lstm", "bert"], names, "F1 on test"))
        assert "F1 on test" in texts
        assert [text for text in texts if text in names] == names[::5]


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
        texts = drawn(lambda: ranking.times([("x", "ann", each) for each in seconds]))
        assert "training time" in texts
        assert texts.count("x") == len(seconds)

    def test_times_that_are_far_apart(self) -> None:
        texts = drawn(lambda: ranking.times([("ann", "ann", 10.0), ("bert", "bert", 15_000.0)]))
        assert "training time (logarithmic)" in texts
        assert texts[-2:] == ["10 s", "4.2 h"]


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
        assert [text for text in texts if "  " in text] == [f"label {n}  {n / 50:.3f}" for n in range(6, -1, -1)]
        assert "average precision (43 better ones in grey)" in texts

    def test_no_label_with_rows(self) -> None:
        assert "average precision" in drawn(lambda: precision_recall.precision_recall([], "title"))


def bins(*filled: tuple[int, int, float]) -> reliability.Bins:
    """Of fifteen bins those that have rows, as (bin, rows, accuracy)."""
    rows, confidence, accuracy = np.zeros(15, np.int64), np.full(15, NAN), np.full(15, NAN)
    for place, count, right in filled:
        rows[place], confidence[place], accuracy[place] = count, (place + 0.5) / 15, right
    return rows, confidence, accuracy


class TestReliability:
    def test_before_and_after_scaling(self) -> None:
        before, after = bins((7, 20, 0.5), (14, 900, 0.8)), bins((7, 100, 0.5), (12, 820, 0.84))
        texts = drawn(lambda: reliability.before_and_after(before, after, (0.1234, 0.02), 1.5))
        assert "as trained: ECE 0.123" in texts
        assert "scaled: logits / 1.50: ECE 0.020" in texts
        assert {"accuracy", "rows"} <= set(texts)

    @pytest.mark.parametrize("only", [bins((14, 10, 1.0)), bins()])
    def test_a_single_bin_and_none(self, only: reliability.Bins) -> None:
        assert "as trained: ECE 0.100" in drawn(lambda: reliability.before_and_after(only, only, (0.1, 0.1), 1.0))
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


places = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), max_size=12)


class TestTradeoff:
    @given(places, st.booleans())
    @settings(max_examples=150, deadline=None)
    def test_on_the_front_are_those_that_no_other_equals_or_beats_in_both(
        self, found: list[tuple[int, int]], more_is_better: bool
    ) -> None:
        def covers(one: int, other: int) -> bool:
            """Whether one is as good as another in both; of two that are equal the first covers."""
            (x, y), (other_x, other_y) = found[one], found[other]
            as_cheap = x >= other_x if more_is_better else x <= other_x
            return as_cheap and y >= other_y and (found[one] != found[other] or one < other)

        every = range(len(found))
        points = [Point(str(number), "ann", x, y, 0, 1) for number, (x, y) in enumerate(found)]
        kept = [points[one] for one in every if not any(covers(other, one) for other in every if other != one)]
        assert tradeoff.front(points, more_is_better=more_is_better) == sorted(kept, key=lambda point: point.x)

    def point(self, name: str, x: float, y: float, model: str = "ann") -> Point:
        return Point(name, model, x, y, y - 0.01, y + 0.01)

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
        found = [self.point(f"{model}{n}", 10 + 90 * place + n, 0.9 + place / 50 - n / 1000, model)
                 for place, model in enumerate(("ann", "lstm")) for n in range(10)]  # fmt: skip
        found += [self.point(f"bert{n}", 5000 + n, 0.85 - n / 1000, "bert") for n in range(10)]
        texts = drawn(lambda: tradeoff.tradeoff(found, "MB", more_is_better=False))
        assert {text for text in texts if text.startswith(("ann", "lstm", "bert"))} == {"ann0", "lstm0", "bert0"}


class TestDiagram:
    def layers(self, *parameters: int) -> list[diagram.Layer]:
        return [diagram.Layer(f"Dense{place}", "64 units", "64", count) for place, count in enumerate(parameters)]

    def test_layers_stand_in_order_with_what_they_have(self) -> None:
        texts = drawn(lambda: diagram.architecture(self.layers(1000, 0, 2_000_000), "ann/s1", 2_001_000))
        assert [text for text in texts if text.startswith("Dense")] == ["Dense0", "Dense1", "Dense2"]
        assert {"ann/s1", "layer", "output", "parameters", "1,000", "2,000,000"} <= set(texts)
        assert texts.count("64 units") == texts.count("64") == 3
        assert "0" not in texts

    def test_one_layer_without_parameters(self) -> None:
        texts = drawn(lambda: diagram.architecture(self.layers(0), "title", 0))
        assert "Dense0" in texts
        assert "0" not in texts

    def test_hostile_words_are_one_line(self) -> None:
        layer: Any = diagram.Layer("\x1b[31mDense\n</text>", "\x00" + "x" * 500, "64", 1)
        texts = drawn(lambda: diagram.architecture([layer], "ti\ntle", 1))
        assert {"[31mDense </text>", "ti tle"} <= set(texts)
        assert max(map(len, texts)) <= 52
