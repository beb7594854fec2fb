"""Finds lines that may be decoded and split together, and the limits that other lines are held to one by one."""

from collections.abc import Sequence

from emotion.records.text_problem import MARK, SWAPPED_MARK

# Characters of the longest cell. A row with a longer cell cannot be used.
CELL_LIMIT = 1 << 20


def plain_texts(lines: Sequence[bytes], end: str, encoding: str, *, quotes: bool) -> list[str]:
    """Texts of lines of a CSV or TSV file, without their line ends, which are all `end`.

    There are none if a line is not UTF-8, or has a quote (with `quotes`), another line end, a byte order mark or NUL,
    or may have a cell over CELL_LIMIT.
    """
    content = b"".join(lines)
    odd = b"\0" in content or (quotes and b'"' in content)
    other = {"\n": b"\r", "\r": b"\n"}.get(end)
    mixed = other in content if other else not content.count(b"\r") == content.count(b"\n") == len(lines)
    if odd or mixed or encoding != "utf-8" or not lines or max(map(len, lines)) > CELL_LIMIT:
        return []
    try:
        text = content.decode()
    except UnicodeError:
        return []
    return [] if MARK in text or SWAPPED_MARK in text else text.split(end)[:-1]
