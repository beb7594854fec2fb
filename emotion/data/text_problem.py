"""Decides whether a cell is a text that a person could read."""

import unicodedata

# Categories of characters that nobody sees, and invisible characters of other categories: fillers of Hangul, the blank
# of Braille, the grapheme joiner, variation selectors.
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}
INVISIBLE = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", *map(chr, range(0xFE00, 0xFE10))}


def text_problem(text: str, name: str = "text") -> str:
    """Reason why `text`, the cell called `name`, is no text, or an empty string."""
    if looks_empty(text):
        return f"empty {name}"
    if "\0" in text:
        return f"NUL characters in the {name}: is this part UTF-16?"
    return f"undecodable bytes in the {name}" if undecodable(text) else ""


def looks_empty(text: str) -> bool:
    """Whether no character of `text` is visible."""
    return not (text[:1].isascii() and text[:1].isalnum()) and all(map(_invisible, text))


def undecodable(text: str) -> bool:
    """Whether `text` has bytes that its encoding could not decode, or half a surrogate pair: lone surrogates."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in INVISIBLE_CATEGORIES or character in INVISIBLE
