"""Decides when quotes or line ends have two readings: the lines may be rows, or one text."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from emotion.errors import BadDataError

# This many lines that are all complete rows are hardly one text.
DOUBTED_LINES = 3


def ambiguous_quote(path: Path, line: int) -> BadDataError:
    """Make an error about a quote that may open a cell of several lines, or be text."""
    return BadDataError(
        f"{path}, line {line:,}: a quote may include the next lines",
        "use --quoting csv if it includes them, --quoting none if all quotes are text",
    )


def mixed_ends(path: Path, line: int, end: str) -> BadDataError:
    """Make an error about a line feed within a line, in a file with the line end `end`."""
    shown = end.encode("unicode_escape").decode()
    return BadDataError(
        f"{path}, line {line:,}: a \\n within a line, but the first line ends in {shown}",
        "make all line ends the same, for example with dos2unix, or quote the text",
    )


def hold_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the lines of a quoted cell, with its row, are rows of `width` cells if quotes are text.

    Two lines may be one text with a delimiter, unless both start with a number and the second number is the next.
    """
    rows = [line.split(delimiter) for line in lines if line]
    firsts = [cells[0] for cells in rows]
    if any(len(cells) != width for cells in rows[1:]) or len(set(map(str.isdecimal, firsts))) > 1:
        return False
    whole = len(rows) - (len(rows[0]) != width)
    return not is_prose(lines[1:], delimiter) and (whole >= DOUBTED_LINES or (len(rows) > 1 and _count_up(firsts)))


def is_prose(lines: Sequence[str], delimiter: str) -> bool:
    """Whether a space follows a delimiter, like a comma in a sentence."""
    return any(f"{delimiter} " in line for line in lines)


def _count_up(cells: Sequence[str]) -> bool:
    """Whether the cells are consecutive numbers."""
    numbers = [int(cell) for cell in cells if re.fullmatch(r"\d{1,15}", cell, re.ASCII)]
    return len(numbers) == len(cells) and all(after == before + 1 for before, after in pairwise(numbers))
