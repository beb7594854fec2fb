"""Formats durations, nested objects, differences and foreign texts for people to read."""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

# Categories of invisible characters, and single invisible characters: fillers of Hangul and Khmer, the grapheme joiner,
# the blank of Braille, variation selectors, tags.
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
IGNORABLE = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000))
# Visible signs of category Cf, which enclose numbers or stand above them.
VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")


def duration(seconds: float) -> str:
    """Seconds as text: `12 s`, `2.1 min`, `3.4 h`."""
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004


def count(number: int, unit: str) -> str:
    """A number with its unit in the singular or the plural: `1 row`, `1,200 rows`."""
    return f"{number:,} {unit}" + ("" if number == 1 else "s")


def flatten(content: Any) -> list[tuple[str, str]]:
    """Convert nested objects to rows of dotted names and values. Other values give no rows."""
    return [(name, str(value)) for name, value in _leaves(content)]


def first_items(items: Sequence[str], most: int) -> list[str]:
    """Keep the first `most` items of a list, then `and 3 more` if there are others."""
    return [*items[:most], f"and {len(items) - most:,} more"] if len(items) > most else list(items)


def finite(figures: dict[str, Any]) -> dict[str, Any]:
    """Replace NaN and infinity, which JSON cannot hold, by None."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in figures.items()
    }


def printable(text: str) -> str:
    """Replace invisible characters by spaces: some of them reverse the direction of writing."""
    return "".join(character if character.isprintable() else " " for character in text)


def shorten(text: str, most: int = 24) -> str:
    """Fit text on one line of at most `most` visible characters. A cut text ends in an ellipsis."""
    clean = " ".join(printable(text).split())
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def escape_markdown(text: str) -> str:
    """Escape text for a line of Markdown: it cannot start a link, image, tag, style, formula or table cell."""
    return re.sub(r"([\\|`*_\[\]<>!#&~$])", r"\\\1", " ".join(text.split()))


def differences(there: dict[str, Any], here: dict[str, Any], ignoring: str = "\0") -> list[str]:
    """List differing keys by dotted names, one per line. Skip keys that start with `ignoring`."""
    theirs, mine = dict(_leaves(there)), dict(_leaves(here))
    return [
        f"  {key}: {theirs.get(key, 'absent')} there, {mine.get(key, 'absent')} here"
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key) != theirs.get(key) and not key.startswith(ignoring)
    ]


def _leaves(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items() if isinstance(content, dict) else ():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def invisible(character: str) -> bool:
    """Whether a character is invisible or white space."""
    code = ord(character)
    if character in BLANK or any(code in codes for codes in IGNORABLE):
        return True
    return unicodedata.category(character) in INVISIBLE_CATEGORIES and character not in VISIBLE_FORMATS


def escape_invisible(text: str) -> str:
    """Escape invisible characters."""
    return "".join(
        character if character == " " or (character.isprintable() and not invisible(character)) else _escape(character)
        for character in text
    )


def visible(name: str) -> str:
    """Escape a name's invisible characters; quote a name that is empty, or starts or ends with a space."""
    escaped = escape_invisible(name)
    return escaped if name and name == name.strip(" ") else f"'{escaped}'"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
