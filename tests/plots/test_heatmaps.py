"""Heat maps, of few labels and of many."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.plots import heatmaps
from tests.plots.drawings import drawn

NAN = math.nan
SIX = ["anger", "fear", "joy", "love", "sadness", "surprise"]


def some_counts(size: int) -> NDArray[np.int64]:
    counts = np.random.default_rng(size).integers(1, 100, (size, size)) + 900 * np.eye(size, dtype=np.int64)
    return counts.astype(np.int64)


class TestConfusion:
    def test_a_cell_tells_its_share_of_the_label_and_its_rows(self) -> None:
        texts = drawn(
            lambda: heatmaps.confusion(
                np.asarray([[1500, 500], [1, 999]], np.int64), ["anger", "joy"], "ann/s1 on test"
            )
        )
        assert [text for text in texts if text.endswith("%")] == ["75%", "25%", "<1%", "100%"]
        assert [text for text in texts if text.replace(",", "").isdecimal()] == ["1,500", "500", "1", "999"]
        assert texts.count("anger") == texts.count("joy") == 2
        assert {"true label", "predicted label", "ann/s1 on test"} <= set(texts)

    @pytest.mark.parametrize("size", [2, 6, heatmaps.MOST_WRITTEN])
    def test_every_label_is_named_on_both_sides_and_every_cell_has_its_share(self, size: int) -> None:
        names = [f"label {number}" for number in range(size)]
        texts = drawn(lambda: heatmaps.confusion(some_counts(size), names, "title"))
        assert all(texts.count(name) == 2 for name in names)
        assert sum(text.endswith("%") for text in texts) == size**2

    def test_of_more_labels_the_cells_are_colours(self) -> None:
        names = [f"label {number}" for number in range(heatmaps.MOST_WRITTEN + 1)]
        texts = drawn(lambda: heatmaps.confusion(some_counts(len(names)), names, "title"))
        assert all(texts.count(name) == 2 for name in names)
        assert not [text for text in texts if text.endswith("%")]
        assert "share of the label's rows" in texts

    def test_of_very_many_labels_some_are_named(self) -> None:
        names = [f"label {number}" for number in range(200)]
        texts = drawn(lambda: heatmaps.confusion(some_counts(200), names, "title"))
        assert [text for text in texts if text in names] == 2 * names[::5]
        assert {"predicted label (one label in 5 is named)", "true label (one label in 5 is named)"} <= set(texts)

    def test_a_label_without_rows_has_an_empty_row(self) -> None:
        counts = np.asarray([[3, 1, 0], [0, 0, 0], [0, 2, 2]], np.int64)
        texts = drawn(lambda: heatmaps.confusion(counts, ["a", "b", "c"], "title"))
        assert [text for text in texts if text.endswith("%")] == ["75%", "25%", "50%", "50%"]
        assert not [text for text in texts if "nan" in text.lower()]
        assert texts.count("b") == 2

    def test_long_names_are_cut(self) -> None:
        names = ["the first of two very long names", "the other one of them, which is even longer" * 50]
        texts = drawn(lambda: heatmaps.confusion(np.eye(2, dtype=np.int64), names, "title"))
        assert texts.count("the first of two…") == texts.count("the other one of…") == 2

    @pytest.mark.parametrize(("size", "written"), [(2, True), (heatmaps.MOST_WRITTEN, True), (15, False), (200, False)])
    def test_a_small_one_to_stand_beside_others(self, size: int, written: bool) -> None:
        names = [f"a rather long label {number}" for number in range(size)]
        texts = drawn(lambda: heatmaps.small_confusion(some_counts(size), names))
        assert sum(text.endswith("%") for text in texts) == (size**2 if written else 0)
        assert sum(text.endswith("…") for text in texts) == 2 * min(size, 40)


class TestScoresByLabel:
    def test_a_score_that_is_not_there_is_an_empty_cell(self) -> None:
        values = np.asarray([[0.5, NAN, 1.0], [NAN, 0.25, 0.75]])
        texts = drawn(lambda: heatmaps.scores_by_label(values, ["ann", "bert"], ["a", "b", "c"], "F1"))
        assert texts[-4:] == ["0.50", "1.00", "0.25", "0.75"]
        assert {"ann", "bert", "a", "b", "c"} <= set(texts)

    def test_equal_scores(self) -> None:
        texts = drawn(lambda: heatmaps.scores_by_label(np.full((2, 6), 0.5), ["ann", "bert"], SIX, "F1"))
        assert texts.count("0.50") == 12

    def test_of_many_labels_the_colours_are_explained(self) -> None:
        values = np.random.default_rng(1).random((3, 200))
        values[1] = NAN
        names = [f"label {number}" for number in range(200)]
        texts = drawn(lambda: heatmaps.scores_by_label(values, ["ann", "lstm", "bert"], names, "F1 on test"))
        assert "F1 on test" in texts
        assert [text for text in texts if text in names] == names[::5]
