"""Names beside what they name: moved apart no further than need be, and none over another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from sklearn.isotonic import isotonic_regression

from emotion.plots import style
from emotion.plots.annotations import LONGEST, below, end_labels, point_labels, spread, two_lines

many_heights = st.lists(st.floats(0, 1000) | st.integers(0, 5).map(float), min_size=1, max_size=20)


@given(many_heights, st.floats(0, 100))
@settings(max_examples=200, deadline=None)
def test_names_keep_their_order_and_the_gap_and_move_as_little_as_that_takes(heights: list[float], gap: float) -> None:
    """Least squares under an order is isotonic regression, which scikit-learn has too."""
    moved = np.asarray(spread(heights, gap))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(moved[order]) >= gap - 1e-6).all()
    steps = gap * np.arange(len(heights))
    least = isotonic_regression(np.asarray(heights)[order] - steps) + steps
    np.testing.assert_allclose(moved[order], least, atol=1e-6)


@pytest.mark.parametrize(
    ("heights", "moved"),
    [
        ([], []),
        ([0.0, 10.0, 30.0], [0.0, 10.0, 30.0]),
        ([5.0, 5.0], [0.0, 10.0]),
        ([9.0, 1.0, 50.0], [10.0, 0.0, 50.0]),
    ],
)
def test_names_that_have_room_stay_and_others_make_room_alike(heights: list[float], moved: list[float]) -> None:
    assert spread(heights, 10) == moved


@pytest.fixture
def axes() -> Iterator[Any]:
    with style.theme():
        axes = style.new_figure(5, 4).subplots()
        axes.set(xlim=(0, 10), ylim=(0, 10))
        yield axes


def names(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def boxes(axes: Any) -> dict[str, Bbox]:
    """Where the names are once everything has been laid out, without the lines that lead to them."""
    axes.figure.draw_without_rendering()
    return {text.get_text(): Text.get_window_extent(text) for text in axes.texts}


def overlapping(found: dict[str, Bbox]) -> list[tuple[str, str]]:
    """Pairs of names that share more than a pixel's edge."""
    return [
        (first, second)
        for first in found
        for second in found
        if first < second and (shared := Bbox.intersection(found[first], found[second])) and min(shared.size) > 1
    ]


class TestPoints:
    @pytest.mark.parametrize("seed", range(5))
    def test_names_of_spread_points_are_all_there_and_cover_neither_each_other_nor_a_point(
        self, axes: Any, seed: int
    ) -> None:
        random = np.random.default_rng(seed)
        columns = random.permutation(7) + 2
        points = [(float(x), float(random.uniform(2, 8)), f"a name {x}", False) for x in columns]
        point_labels(axes, points, [(x, y - 0.3, y + 0.3) for x, y, *_ in points])
        found = boxes(axes)
        assert len(found) == 7
        assert not overlapping(found)
        centres = [axes.transData.transform((x, y)) for x, y, *_ in points]
        assert not [name for name, box in found.items() for centre in centres if box.contains(*centre)]

    def test_where_there_is_no_room_weak_names_are_left_out_and_strong_ones_never(self, axes: Any) -> None:
        crowd = [(5 + number % 5 / 20, 5 + number // 5 / 20, f"name {number}", number < 15) for number in range(60)]
        point_labels(axes, crowd, [])
        found = names(axes)
        assert {f"name {number}" for number in range(15)} <= set(found)
        assert len(found) < 60

    def test_a_weak_name_gives_way_to_the_names_before_it(self, axes: Any) -> None:
        point_labels(axes, [(5, 5, "the first and strong", True), (9, 9, "elsewhere", False)], [])
        assert names(axes) == ["the first and strong", "elsewhere"]
        assert [text.get_fontweight() for text in axes.texts] == ["bold", "normal"]

    @pytest.mark.parametrize(("x", "y"), [(0.1, 5), (9.9, 5), (5, 0.1), (5, 9.9), (9.9, 9.9)])
    def test_a_name_at_the_edge_stays_within_the_frame(self, axes: Any, x: float, y: float) -> None:
        point_labels(axes, [(x, y, "a rather long name", True)], [])
        (box,) = boxes(axes).values()
        frame = axes.get_window_extent()
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert frame.y0 <= box.y0
        assert box.y1 <= frame.y1

    def test_names_are_one_short_line(self, axes: Any) -> None:
        point_labels(axes, [(5, 5, "two\nlines \x1b[31m" + "x" * 100, True)], [])
        (name,) = names(axes)
        assert name.startswith("two lines [31mx")
        assert len(name) == LONGEST


class TestEnds:
    def test_names_of_lines_that_end_together_are_one_below_the_other(self, axes: Any) -> None:
        ends = [(10, 5 + index / 100, f"line {index}", style.ACCENT) for index in (2, 0, 1, 4, 3)]
        end_labels(axes, ends)
        found = boxes(axes)
        assert not overlapping(found)
        assert sorted(found, key=lambda name: found[name].y0) == [f"line {index}" for index in range(5)]

    def test_names_stand_to_the_right_of_everything(self, axes: Any) -> None:
        end_labels(axes, [(3, 2, "short", style.ACCENT), (6, 8, "long", style.ACCENT)], right=10)
        found = boxes(axes)
        assert min(box.x0 for box in found.values()) > axes.get_window_extent().x1

    def test_a_name_with_room_stands_at_its_line(self, axes: Any) -> None:
        end_labels(axes, [(10, 2, "low", style.ACCENT), (10, 8, "high", style.ACCENT)])
        for name, box in boxes(axes).items():
            height = axes.transData.inverted().transform(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))[1]
            assert height == pytest.approx({"low": 2, "high": 8}[name], abs=0.1)

    @pytest.mark.parametrize("nowhere", [float("nan"), float("inf"), float("-inf")])
    def test_a_line_that_ends_nowhere_has_no_name(self, axes: Any, nowhere: float) -> None:
        end_labels(axes, [(10, nowhere, "lost", style.ACCENT), (10, 5, "there", style.ACCENT)])
        assert list(boxes(axes)) == ["there"]

    def test_no_lines_have_no_names(self, axes: Any) -> None:
        end_labels(axes, [])
        assert not names(axes)


def test_a_long_name_of_a_row_has_two_lines() -> None:
    assert two_lines("lstm taught by 3 minilm") == "lstm taught by 3 minilm"
    assert two_lines("lstm taught by minilm + bert") == "lstm taught by minilm +\nbert"
    assert two_lines("x" * 100) == f"{'x' * 24}\n{'x' * 23}…"


def test_names_end_at_the_upper_edge() -> None:
    assert below([3.0, 10.0, 9.0], 2.0, 9.0) == [3.0, 9.0, 7.0]
    assert below([1.0, 2.0], 1.0, 5.0) == [1.0, 2.0]
