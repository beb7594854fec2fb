"""A font with a square for every one of a few characters, and a machine that has only matplotlib's fonts."""

from functools import cache
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]
from matplotlib import font_manager

from emotion.plots import fonts


def write_font(path: Path, characters: str, family: str = "Toy") -> Path:
    """Write a TrueType font of 1,000 units an em in which every one of `characters` is the same square."""
    pen = TTGlyphPen(None)
    for move, point in (
        (pen.moveTo, (50, 0)),
        (pen.lineTo, (50, 700)),
        (pen.lineTo, (750, 700)),
        (pen.lineTo, (750, 0)),
    ):
        move(point)
    pen.closePath()
    names = [".notdef", "square"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): "square" for character in characters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": f"{family}-Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(str(path))
    return path


def bare_machine(monkeypatch: pytest.MonkeyPatch, installed: list[Path]) -> None:
    """Let matplotlib know its own fonts alone, and the system have `installed`."""
    own = [entry for entry in font_manager.fontManager.ttflist if entry.fname.startswith(matplotlib.get_data_path())]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in installed])
    monkeypatch.setattr(fonts, "_others", cache(fonts._others.__wrapped__))
