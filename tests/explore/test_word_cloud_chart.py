"""Word clouds: words neither touch nor leave the canvas, and every cloud has a fitting font."""

from itertools import combinations
from pathlib import Path

import pytest
from PIL import ImageFont

from emotion.explore.word_cloud_chart import Placed, choose_font, clouds_as_json, place_words
from emotion.plots.fonts import find_fonts
from tests.explore.scenes import make_clouds
from tests.explore.toyfont import bare_machine, write_font

FEELINGS = ["joy", "fear", "anger", "grief", "hope", "love", "pride", "awe", "yearning", "envy", "pity", "calm"]
COUNTED = [(word, 300 // (rank + 1)) for rank, word in enumerate(FEELINGS)]


def box(placed: Placed, font: Path) -> tuple[float, float, float, float]:
    left, top, right, bottom = ImageFont.truetype(str(font), placed.size).getbbox(placed.word, anchor="ls")
    return placed.x + left, placed.y + top, placed.x + right, placed.y + bottom


def test_places_are_apart_on_the_canvas_and_always_the_same() -> None:
    font = choose_font(COUNTED, find_fonts(FEELINGS)).font
    placed = place_words(COUNTED, 500, 300, font)

    assert [word.word for word in placed] == FEELINGS
    assert [word.size for word in placed] == sorted((word.size for word in placed), reverse=True)
    boxes = [box(word, font) for word in placed]
    assert all(left >= 0 and top >= 0 and right <= 500 and bottom <= 300 for left, top, right, bottom in boxes)
    # A small word may stand inside a large letter; these are too large for that.
    for first, second in combinations(boxes, 2):
        assert first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]
    assert placed == place_words(COUNTED, 500, 300, font)


def test_a_word_that_is_longer_than_the_canvas_is_cut() -> None:
    font = choose_font(COUNTED, find_fonts("a")).font
    placed = place_words([("a" * 500, 9), ("joy", 8)], 240, 200, font)
    assert [word.word for word in placed] == ["a" * 19 + "…", "joy"]


@pytest.fixture
def toy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare_machine(monkeypatch, [write_font(tmp_path / "toy.ttf", "뷁쀍…")])


@pytest.mark.usefixtures("toy_machine")
def test_each_cloud_has_the_font_of_most_of_its_words_and_the_rest_is_told() -> None:
    found = make_clouds("joy hope joy 뷁", "뷁쀍 뷁 쀍 oo", "꿽 꿽")
    fonts = find_fonts(word for counted in found.all() for word, _ in counted)

    content = clouds_as_json(found, fonts)

    assert content["labels"]["label 0"] == {
        "font": "DejaVuSans.ttf",
        "words": {"joy": 2, "hope": 1},
        "left_out": {"뷁": 1},
    }
    assert content["labels"]["label 1"]["font"] == "toy.ttf"
    assert content["labels"]["label 1"]["left_out"] == {"oo": 1}
    assert content["labels"]["label 2"]["words"] == {}
    assert fonts.missing == {"꿽"}
