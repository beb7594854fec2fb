"""The chart of labels: order, shares, and splits without rows."""

from matplotlib.patches import Rectangle

from tests.explore.scenes import draw_figure, make_measurements, texts_in


def test_labels_are_in_the_order_of_train_and_shares_of_their_split() -> None:
    train = [("a", "rare"), *[("b", "common")] * 3]
    drawn = draw_figure("labels", make_measurements(train, [("a", "rare"), ("c", "new")]))
    bars = [[round(bar.get_bbox().width) for bar in axes.patches if isinstance(bar, Rectangle)] for axes in drawn.axes]
    assert [tick.get_text() for tick in drawn.axes[0].get_yticklabels()] == ["common", "rare", "new"]
    assert bars == [[75, 25, 0], [0, 50, 50], []]
    assert "no rows" in texts_in(drawn)
