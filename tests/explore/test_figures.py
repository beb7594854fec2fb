"""Figures: drawn for any data set, readable, the same every time, with what a data set says kept as text."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emotion.explore.figures import FIGURES, _fit_fonts, write_figures
from emotion.plots import style
from emotion.plots.fonts import find_fonts
from tests.builders import Rows
from tests.explore.scenes import draw_figure, make_measurements, texts_in
from tests.explore.toyfont import bare_machine, write_font

HOSTILE = ['$x^2$ & <b>"it\'s"</b>', "--> ]]> <!-- -", "\x1b[31m\u202ered\x00", "{} %s \\frac{1}{2}"]
WORDS = ["$5 & <script>alert(1)</script>", 'don\'t "quote" $a_b$ \\alpha ^2', "<!-- --> ]]> happy"]
ODD: dict[str, tuple[Rows, Rows, Rows]] = {
    "no rows": ([], [], []),
    "one row": ([("hm, fine", "joy")], [], []),
    "no train": ([], [("a b", "joy")], [("c", "fear")]),
    "one label": ([("so happy", "joy"), ("so fine", "joy")], [("fine", "joy")], [("happy", "joy")]),
    "long tail": ([("a b c", "joy")] * 99 + [("z " * 9000, "fear")], [("a " * 600, "fear")], []),
}
# The figure is so many labels high, and no name or word is short.
LONG: Rows = [
    (
        f"incomprehensibility{label:03d} counterrevolutionaries{row} everywhere",
        f"complaint about the quality of {label:03d}",
    )
    for label in range(200)
    for row in range(2)
] + [("incomprehensibility", f"complaint about the quality of {label:03d}") for label in range(30)]
ROWS = [("i feel so happy today", "joy"), ("i am afraid of the dark", "fear"), ("why so happy", "fear")]


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD)
def test_odd_data_sets_are_drawn_and_told(tmp_path: Path, rows: tuple[Rows, Rows, Rows]) -> None:
    written = write_figures(make_measurements(*rows), tmp_path / "new" / "folder", lambda _: None)

    files = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert files == sorted([f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")] + ["explore.json"])
    stored = (tmp_path / "new" / "folder" / "explore.json").read_text()
    assert json.loads(stored, parse_constant=pytest.fail) == json.loads(json.dumps(written.content))


def test_what_the_data_set_says_stays_text(tmp_path: Path) -> None:
    rows = [(text, label) for label in HOSTILE for text in WORDS]
    write_figures(make_measurements(rows, rows[:2], rows[:1]), tmp_path, lambda _: None)

    for path in tmp_path.glob("*.svg"):
        tags = {element.tag.partition("}")[2] for element in ElementTree.parse(path).iter()}  # noqa: S314  we wrote it
        assert tags <= {*("svg", "metadata", "RDF", "Work", "defs", "style", "g", "path", "use", "clipPath", "rect")}
    labels = texts_in(draw_figure("labels", make_measurements(rows)))
    assert {'$x^2$ & <b>"it\'s"</b>', "--> ]]> <!-- -", "[31m red", "{} %s \\frac{1}{2}"} <= set(labels)


def test_the_same_data_set_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_figures(make_measurements(ROWS, ROWS[:1]), tmp_path / name, lambda _: None)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("first", "second")
    )
    assert first == second


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off(name: str) -> None:
    drawn = draw_figure(name, make_measurements(LONG, LONG[:40], LONG[:3]))
    inked = drawn.get_tightbbox()
    assert min(inked.x0, inked.y0) >= 0
    assert inked.x1 <= drawn.get_figwidth()
    assert inked.y1 <= drawn.get_figheight()


def test_many_labels_are_high_and_small_multiples_stay_few() -> None:
    measurements = make_measurements(LONG)
    with style.theme():
        labels = FIGURES["labels"](measurements, _fit_fonts(measurements))
    assert 30 < labels.get_figheight() < 40
    assert len({text for text in texts_in(labels) if text.startswith("compl")}) == 200
    for name in ("telling", "wordcloud-labels"):
        drawn = draw_figure(name, measurements)
        assert len(drawn.axes) == 24
        assert any("176 rarer labels are not drawn" in text for text in texts_in(drawn))


@pytest.fixture
def toy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare_machine(monkeypatch, [write_font(tmp_path / "toy.ttf", "뷁쀍")])


@pytest.mark.usefixtures("toy_machine")
def test_a_font_installed_since_draws_what_ours_lacks(tmp_path: Path) -> None:
    rows = [("뷁 쀍 joy", "뷁 뷁"), ("fear 꿽", "joy")]
    written = write_figures(make_measurements(rows), tmp_path, lambda _: None)

    assert find_fonts("뷁").families == ("DejaVu Sans", "Toy")
    for name in ("labels", "telling", "wordcloud-labels"):
        assert re.search(r'xlink:href="#Toy', (tmp_path / f"{name}.svg").read_text()), name
    assert len(written.warnings) == 1
    assert "꿽 (U+AFFD)" in written.warnings[0]
