"""The words of a cloud: which are left out, and how those of a label count."""

from tests.explore.scenes import make_clouds


def test_stop_words_signs_numbers_and_single_letters_are_left_out() -> None:
    found = make_clouds("I don't, don’t feel 42 % and the joy of x joys; 東 京 😀 ß")  # noqa: RUF001
    assert sorted(word for word, _ in found.train) == sorted(["feel", "joy", "joys", "東", "京", "😀"])


def test_words_of_a_label_count_within_it() -> None:
    found = make_clouds("hope hope fear", "fear fear fear hope")
    assert found.train == [("fear", 4), ("hope", 3)]
    assert found.labels == {"label 0": [("hope", 2), ("fear", 1)], "label 1": [("fear", 3), ("hope", 1)]}
