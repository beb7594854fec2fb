"""Fonts for the characters of a data set: DejaVu, which comes with matplotlib, and the machine's other fonts."""

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Covers Latin, Greek, Cyrillic, Armenian, Georgian, Arabic and Hebrew.
OWN = "DejaVu Sans"
# Has a box for every character, and no letters.
BOXES = "Last Resort"


@dataclass(frozen=True)
class Fonts:
    """Families, in the order in which matplotlib tries them, and the characters that no family has."""

    families: tuple[str, ...]
    missing: frozenset[str]

    def warnings(self) -> list[str]:
        """Name the characters that appear as empty boxes; empty if there are none."""
        if not self.missing:
            return []
        examples = ", ".join(f"{character} (U+{ord(character):04X})" for character in sorted(self.missing)[:5])
        return [
            f"no font of this machine has {len(self.missing):,} of the characters, such as {examples}:"
            " install some (apt-get install fonts-noto-core fonts-noto-cjk), and draw again"
        ]


def find_fonts(texts: Iterable[str]) -> Fonts:
    """Choose few families that draw `texts`: DejaVu first, then the family with most of the missing characters."""
    wanted = {character for text in texts for character in text if _visible(character)}
    left = wanted - _characters(_own())
    families = [OWN]
    while left:
        family, found = max(
            ((family, left & _characters(path)) for family, path in _others().items()),
            key=lambda pair: len(pair[1]),
            default=(OWN, set()),
        )
        if not found:
            break
        families.append(family)
        left -= found
    return Fonts(tuple(families), frozenset(left))


def font_file(fonts: Fonts, texts: Iterable[str]) -> Path:
    """Return the font file of the family that has most characters of `texts`."""
    wanted = {character for text in texts for character in text if _visible(character)}
    paths = [_own() if family == OWN else _others()[family] for family in fonts.families]
    return max(paths, key=lambda path: len(wanted & _characters(path)))


def has_all(path: Path, text: str) -> bool:
    """Whether the font has every visible character of `text`."""
    return all(character in _characters(path) for character in text if _visible(character))


def _visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"


@cache
def _own() -> Path:
    from matplotlib.font_manager import FontProperties, findfont

    return Path(findfont(FontProperties(family=OWN)))


@cache
def _others() -> dict[str, Path]:
    """Return an upright regular font file by family, without DejaVu."""
    from matplotlib.font_manager import fontManager

    _add_new()
    found: dict[str, Path] = {}
    for entry in sorted(fontManager.ttflist, key=lambda entry: (entry.name, abs(_weight(entry.weight) - 400))):
        if entry.style == "normal" and entry.name != OWN and not entry.name.startswith(BOXES):
            found.setdefault(entry.name, Path(entry.fname))
    return found


def _add_new() -> None:
    """Add fonts installed after matplotlib wrote its list of fonts; matplotlib never updates that list."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    for path in set(findSystemFonts()) - {entry.fname for entry in fontManager.ttflist}:
        # A broken font draws nothing.
        with suppress(OSError, RuntimeError, ValueError):
            fontManager.addfont(path)


def _weight(weight: object) -> int:
    from matplotlib.font_manager import weight_dict

    return weight if isinstance(weight, int) else int(weight_dict.get(str(weight), 400))


@cache
def _characters(path: Path) -> frozenset[str]:
    """Return the characters that a scalable font can draw; none for a font that cannot be opened."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
