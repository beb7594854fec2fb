"""What figures have in common: names that can be told apart, and grids without lonely panels."""

import pytest
from rich.cells import cell_len

from emotion.plots.panels import names, new_grid, noted


def test_short_names_stay_and_long_ones_end_in_an_ellipsis() -> None:
    assert names(["joy", "a very long name indeed"], 10) == ["joy", "a very lo…"]


def test_names_that_begin_alike_keep_their_ends() -> None:
    assert names(["complaint about parcel 1", "complaint about parcel 2"], 15) == ["complai…arcel 1", "complai…arcel 2"]


def test_wide_characters_count_twice() -> None:
    found = names(["嬉しさと悲しみと怒り一", "嬉しさと悲しみと怒り二", "嬉しい"], 12)
    assert all(cell_len(name) <= 12 for name in found)
    assert len(set(found)) == 3
    assert found[2] == "嬉しい"


def test_control_characters_are_not_drawn() -> None:
    assert names(["red\x1b[31m\n\u202etxt"], 24) == ["red [31m txt"]


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (7, (3, 3))])
def test_grids(count: int, shape: tuple[int, int]) -> None:
    figure, grid = new_grid(count, 2.0)
    assert len(grid) == len(figure.axes) == count
    subplot_spec = grid[0].get_subplotspec()
    assert subplot_spec is not None
    assert subplot_spec.get_gridspec().get_geometry() == shape


def test_what_is_not_drawn_is_told() -> None:
    assert noted("Note.", 0, "labels") == "Note."
    assert noted("Note.", 1200, "labels") == "Note.\n1,200 labels are not drawn; explore.json has them."
    assert noted("", 3, "labels") == "3 labels are not drawn; explore.json has them."
