"""Clouds: which words, in which font, and that they neither touch nor leave the canvas."""

from itertools import combinations
from pathlib import Path

import pytest
from PIL import ImageFont

from emotion.explore import cloud
from emotion.explore.cloud_words import Clouds, choose_words
from emotion.explore.word_counts import words_by_label
from emotion.plots.fonts import find_fonts
from tests.explore.scenes import make_words
from tests.explore.toyfont import bare_machine, write_font

FEELINGS = ["joy", "fear", "anger", "grief", "hope", "love", "pride", "awe", "yearning", "envy", "pity", "calm"]
COUNTED = [(word, 300 // (rank + 1)) for rank, word in enumerate(FEELINGS)]


def clouds(*texts: str) -> Clouds:
    words = make_words(list(texts))
    labels = [f"label {number}" for number in range(len(texts))]
    return choose_words(words, words_by_label(words, labels), labels)


def box(placed: cloud.Placed, font: Path) -> tuple[float, float, float, float]:
    left, top, right, bottom = ImageFont.truetype(str(font), placed.size).getbbox(placed.word, anchor="ls")
    return placed.x + left, placed.y + top, placed.x + right, placed.y + bottom


def test_stop_words_signs_numbers_and_single_letters_are_left_out() -> None:
    found = clouds("I don't, don’t feel 42 % and the joy of x joys; 東 京 😀 ß")  # noqa: RUF001
    assert sorted(word for word, _ in found.train) == sorted(["feel", "joy", "joys", "東", "京", "😀"])


def test_words_of_a_label_count_within_it() -> None:
    found = clouds("hope hope fear", "fear fear fear hope")
    assert found.train == [("fear", 4), ("hope", 3)]
    assert found.labels == {"label 0": [("hope", 2), ("fear", 1)], "label 1": [("fear", 3), ("hope", 1)]}


def test_places_are_apart_on_the_canvas_and_always_the_same() -> None:
    font = cloud.letter(COUNTED, find_fonts(FEELINGS)).font
    placed = cloud.place(COUNTED, 500, 300, font)

    assert [each.word for each in placed] == FEELINGS
    assert [each.size for each in placed] == sorted((each.size for each in placed), reverse=True)
    boxes = [box(each, font) for each in placed]
    assert all(left >= 0 and top >= 0 and right <= 500 and bottom <= 300 for left, top, right, bottom in boxes)
    # A small word may stand inside a large letter; these are too large for that.
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    assert placed == cloud.place(COUNTED, 500, 300, font)


def test_a_word_that_is_longer_than_the_canvas_is_cut() -> None:
    font = cloud.letter(COUNTED, find_fonts("a")).font
    placed = cloud.place([("a" * 500, 9), ("joy", 8)], 240, 200, font)
    assert [each.word for each in placed] == ["a" * 19 + "…", "joy"]


@pytest.fixture
def toy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare_machine(monkeypatch, [write_font(tmp_path / "toy.ttf", "뷁쀍…")])


@pytest.mark.usefixtures("toy_machine")
def test_each_cloud_has_the_font_of_most_of_its_words_and_the_rest_is_told() -> None:
    found = clouds("joy hope joy 뷁", "뷁쀍 뷁 쀍 oo", "꿽 꿽")
    fonts = find_fonts(word for counted in found.all() for word, _ in counted)

    content = cloud.as_json(found, fonts)

    assert content["labels"]["label 0"] == {
        "font": "DejaVuSans.ttf",
        "words": {"joy": 2, "hope": 1},
        "left_out": {"뷁": 1},
    }
    assert content["labels"]["label 1"]["font"] == "toy.ttf"
    assert content["labels"]["label 1"]["left_out"] == {"oo": 1}
    assert content["labels"]["label 2"]["words"] == {}
    assert fonts.missing == {"꿽"}
