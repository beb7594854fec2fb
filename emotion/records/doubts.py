"""Decides when quotes or line ends have two readings: the lines may be rows, or one text."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from emotion.errors import BadDataError

# So many lines that are all whole rows are hardly one text.
DOUBTED_LINES = 3


def ambiguous_quote(path: Path, line: int) -> BadDataError:
    """Error about a quote that begins a cell of several lines, or is text."""
    return BadDataError(
        f"{path}, line {line:,}: a quote may hold the next lines, too",
        "say which: --quoting csv if it does, --quoting none if all quotes are text",
    )


def mixed_ends(path: Path, line: int, end: str) -> BadDataError:
    """Error about a line that has a line feed within, in a file whose lines end in `end`."""
    shown = end.encode("unicode_escape").decode()
    return BadDataError(
        f"{path}, line {line:,}: a \\n within a line, and the first line ends in {shown}",
        "make the line ends alike, for example with dos2unix, or quote the text",
    )


def hold_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the lines of a quoted cell, and of the row around it, are rows of `width` cells if quotes are text.

    Two lines may be one text with a delimiter in it, unless both begin with a number and the second counts on.
    """
    rows = [line.split(delimiter) for line in lines if line]
    firsts = [cells[0] for cells in rows]
    if any(len(cells) != width for cells in rows[1:]) or len(set(map(str.isdecimal, firsts))) > 1:
        return False
    whole = len(rows) - (len(rows[0]) != width)
    return not is_prose(lines[1:], delimiter) and (whole >= DOUBTED_LINES or (len(rows) > 1 and _count_up(firsts)))


def is_prose(lines: Sequence[str], delimiter: str) -> bool:
    """Whether a space follows a delimiter, as it follows a comma in a sentence."""
    return any(f"{delimiter} " in line for line in lines)


def _count_up(cells: Sequence[str]) -> bool:
    """Whether the cells are numbers that rise by one."""
    numbers = [int(cell) for cell in cells if re.fullmatch(r"\d{1,15}", cell, re.ASCII)]
    return len(numbers) == len(cells) and all(after == before + 1 for before, after in pairwise(numbers))
