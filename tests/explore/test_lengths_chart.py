"""The chart of lengths: the chosen length, the share of rows that fits, and percentiles."""

from tests.explore.scenes import draw_figure, make_measurements, texts_in


def test_the_chosen_length_is_marked_with_the_rows_that_fit() -> None:
    measurements = make_measurements([("a a b", "x"), ("a c", "y")], [("a d", "x")], max_length=2)
    texts = texts_in(draw_figure("lengths", measurements))
    assert {"50.0% of rows fit in 2 words", "100.0% of rows fit in 2 words"} <= set(texts)
    assert "p90, p95, p99: 3" in texts
