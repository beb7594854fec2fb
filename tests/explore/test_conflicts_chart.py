"""The chart of conflicts: pairs of labels, and a data set without conflicts."""

from tests.explore.scenes import draw_figure, make_measurements, texts_in

ROWS = [("i feel so happy today", "joy"), ("i am afraid of the dark", "fear"), ("why so happy", "fear")]


def test_texts_under_two_labels() -> None:
    drawn = draw_figure("conflicts", make_measurements([("x", "a"), ("x", "b"), ("y", "a"), ("y", "b"), ("y", "c")]))
    assert [tick.get_text() for tick in drawn.axes[0].get_yticklabels()] == ["a / b", "a / c", "b / c"]
    assert texts_in(draw_figure("conflicts", make_measurements(ROWS)))[0] == "No text occurs under two labels"
