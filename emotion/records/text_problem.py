"""Decides whether a cell is readable text."""

from collections.abc import Sequence

from emotion.formatting import invisible

MARK = "\ufeff"
# The same mark, read as UTF-16 with the other byte order.
SWAPPED_MARK = "\ufffe"
# The end of a file in CP/M and DOS; some programs still write it.
CONTROL_Z = "\x1a"


def text_problem(text: str, name: str = "text") -> str:
    """Give the reason why `text`, the cell called `name`, is not readable, or an empty string."""
    if text.isascii() and text[:1].isalnum() and not text.endswith(CONTROL_Z):
        return ""
    if looks_empty(text):
        return f"empty {name}"
    if MARK in text:
        return f"a byte order mark in the {name}: this may be several joined files"
    if text.endswith(CONTROL_Z):
        return f"Ctrl-Z (0x1A) at the end of the {name}"
    return f"undecodable bytes in the {name}" if undecodable(text) else ""


def text_problems(texts: Sequence[str]) -> list[str]:
    """Give the `text_problem` of every text."""
    joined = "".join(texts)
    if joined.isascii() and CONTROL_Z not in joined and all(texts) and "".join([text[0] for text in texts]).isalnum():
        return [""] * len(texts)
    return list(map(text_problem, texts))


def looks_empty(text: str) -> bool:
    """Whether no character of `text` is visible."""
    return not (text[:1].isascii() and text[:1].isalnum()) and all(map(invisible, text))


def undecodable(text: str) -> bool:
    """Whether `text` has lone surrogates: undecodable bytes, or half a surrogate pair."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
