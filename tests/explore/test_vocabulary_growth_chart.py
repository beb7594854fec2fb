"""The chart of the vocabulary: the chosen size and its coverage."""

from tests.explore.scenes import draw_figure, make_measurements, texts_in


def test_the_chosen_vocabulary_is_marked_with_its_coverage() -> None:
    measurements = make_measurements([("a a b", "x"), ("a c", "y")], [("a d", "x")], vocabulary=3)
    texts = texts_in(draw_figure("vocabulary", measurements))
    assert {"covered by 1 word", "60.0% of train", "50.0% of validation and test"} <= set(texts)
