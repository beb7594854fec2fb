"""Fonts for what a data set says: as few as there need be, and what none has is told."""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]
from matplotlib.font_manager import fontManager
from matplotlib.ft2font import FT2Font

from emotion.plots import fonts, style
from emotion.plots.fonts import BOXES, OWN, find_fonts, font_file, has_all

# Chinese, which neither DejaVu nor any other font of matplotlib's has.
TREE, LETTER, SPEECH = "\u6a39", "\u5b57", "\u8a9e"
Write = Callable[..., Path]


def forget() -> None:
    for cached in (fonts._own, fonts._others, fonts._characters):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine have matplotlib's own fonts alone, until a test adds some."""
    bundled = [entry for entry in fontManager.ttflist if entry.fname.startswith(mpl.get_data_path())]
    monkeypatch.setattr(fontManager, "ttflist", bundled)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    forget()
    yield
    forget()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that makes a font with a square for every one of some characters."""

    def write(family: str, characters: str, style: str = "Regular") -> Path:
        names = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
        pen = TTGlyphPen(None)
        for number, point in enumerate([(0, 0), (0, 700), (700, 700), (700, 0)]):
            (pen.lineTo if number else pen.moveTo)(point)
        pen.closePath()
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap(dict(zip(map(ord, characters), names[1:], strict=True)))
        builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
        builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        called = {"familyName": family, "styleName": style, "fullName": f"{family} {style}"}
        builder.setupNameTable(called | {"psName": f"{family}-{style}"})
        builder.setupOS2(usWeightClass=700 if style == "Bold" else 400)
        builder.setupPost()
        path = tmp_path / f"{family}-{style}.ttf"
        builder.save(path)
        return path

    return write


@pytest.fixture
def add(write: Write) -> Write:
    """Give a function that makes a font which matplotlib knows."""

    def add(family: str, characters: str, style: str = "Regular") -> Path:
        path = write(family, characters, style)
        fontManager.addfont(path)
        return path

    return add


@pytest.mark.parametrize(
    "text",
    [
        "joy, naïve façade — “ÅØÞß” ıŞğ ŵ Ŏ ẞ 1½ €",
        "радость ёж ђ",
        "χαρά ὦ",
        "فرح گچپ",
        "שמחה",
        "ուրախություն",
        "სიხარული",
        "\u200b\u2066\ufeff \u00a0\t\n",
    ],
)
def test_many_scripts_need_no_other_font(text: str) -> None:
    found = find_fonts([text])
    assert found.families == (OWN,)
    assert not found.missing
    assert found.warnings() == []


def test_what_no_font_has_is_told_once_with_what_to_do() -> None:
    found = find_fonts([f"joy {TREE}", TREE, f"{LETTER}{TREE}"])
    assert found.missing == {TREE, LETTER}
    assert found.families == (OWN,)
    (warning,) = found.warnings()
    assert "2 of the characters" in warning
    assert f"{TREE} (U+6A39)" in warning
    assert f"{LETTER} (U+5B57)" in warning
    assert "apt-get install fonts-noto" in warning


def test_of_very_many_some_are_named() -> None:
    (warning,) = find_fonts(["".join(map(chr, range(0x4E00, 0x4E00 + 1500)))]).warnings()
    assert "1,500 of the characters" in warning
    assert warning.count("U+") == 5


def test_the_font_with_boxes_for_everything_is_not_one_that_has_it() -> None:
    (boxes,) = [entry for entry in fontManager.ttflist if entry.name.startswith(BOXES)]
    assert ord(TREE) in FT2Font(boxes.fname).get_charmap()
    assert find_fonts([TREE]).missing == {TREE}


def test_the_font_that_has_a_character_is_chosen_and_drawn(add: Write) -> None:
    add("Trees", TREE)
    found = find_fonts([f"a {TREE}"])
    assert found.families == (OWN, "Trees")
    assert found.warnings() == []
    with style.theme(found):
        figure = style.new_figure(2, 2)
        figure.text(0.1, 0.5, f"a {TREE}")
        drawing = style.rendered(figure, "name")["name.svg"].decode()
    assert "#Trees-" in drawing
    assert "#DejaVuSans-" in drawing
    assert "LastResort" not in drawing


def test_what_is_not_needed_is_not_chosen(add: Write) -> None:
    add("Latin", "joy")
    assert find_fonts(["joy"]).families == (OWN,)


def test_as_few_as_have_everything(add: Write) -> None:
    add("A Trees", TREE)
    add("B Letters", LETTER)
    add("C Both", TREE + LETTER)
    add("D Speech", SPEECH + LETTER)
    assert find_fonts([TREE + LETTER]).families == (OWN, "C Both")
    assert find_fonts([TREE + LETTER + SPEECH]).families == (OWN, "C Both", "D Speech")
    part = find_fonts([SPEECH, "\u9f8d"])
    assert part.families == (OWN, "D Speech")
    assert part.missing == {"\u9f8d"}


def test_of_a_family_the_upright_regular_file_is_taken(add: Write) -> None:
    for kind in ("Bold", "Italic", "Regular"):
        add("Trees", TREE + LETTER, kind)
    found = find_fonts([TREE])
    assert font_file(found, [TREE + LETTER, "j"]).name == "Trees-Regular.ttf"
    assert font_file(found, [TREE * 3, "joy"]).name == "DejaVuSans.ttf"


def test_whether_a_font_has_all_of_a_text(add: Write) -> None:
    path = add("Trees", TREE + LETTER)
    assert has_all(path, f"{TREE} {LETTER}\n")
    assert not has_all(path, TREE + SPEECH)


@pytest.mark.parametrize("content", [b"", b"\0\1\0\0 not a font", None])
def test_a_font_that_was_damaged_or_removed_is_passed_over(add: Write, content: bytes | None) -> None:
    path = add("A Damaged", TREE + LETTER)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    add("B Whole", TREE)
    found = find_fonts([TREE + LETTER])
    assert found.families == (OWN, "B Whole")
    assert found.missing == {LETTER}


def test_a_font_that_was_installed_since_is_found(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib writes its list once, and never looks again."""
    path, broken = write("Trees", TREE), write("Broken", LETTER)
    broken.write_bytes(broken.read_bytes()[:200])
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(broken), str(path)])
    found = find_fonts([TREE + LETTER])
    assert found.families == (OWN, "Trees")
    assert found.missing == {LETTER}
