"""Parses the lines of a CSV or TSV file into rows of cells, under three rules of quoting."""

from collections.abc import Callable
from typing import Literal

# Rules of quoting. `csv`: a quoted cell may have delimiters, doubled quotes and line ends. `line`: a cell is quoted
# only if its closing quote is in the same line; all other quotes are text. `none`: all quotes are text.
Quoting = Literal["csv", "line", "none"]
# Gives the previous line end and the next line, or None at the end.
More = Callable[[], tuple[str, str] | None]


class QuoteError(Exception):
    """A quoted cell that is not closed, or continues after its closing quote."""


def parse_line(text: str, delimiter: str, quoting: Quoting, width: int) -> list[str]:
    """Parse a single-line row, without its line end.

    `width` is the expected number of cells. With `line`, it decides whether quotes enclose a delimiter.

    Raises:
        QuoteError: with `csv`, a quoted cell is malformed or not closed.
    """
    if quoting == "none" or '"' not in text:
        return text.split(delimiter)
    if quoting == "csv":
        return parse_quoted_line(text, delimiter)
    cells = _parse_lenient(text, delimiter)
    if len(cells) != width and text.count(delimiter) + 1 == width:
        return [_unquoted(cell) for cell in text.split(delimiter)]
    return cells


def parse_quoted_line(text: str, delimiter: str) -> list[str]:
    """Parse a single-line row under the rule `csv`.

    Raises:
        QuoteError: a quoted cell is malformed or not closed.
    """
    return parse_quoted(text, delimiter, lambda: None)


def parse_quoted(text: str, delimiter: str, more: More) -> list[str]:
    """Parse a row that starts with the line `text` (RFC 4180). All lines come without line ends.

    Raises:
        QuoteError: a quoted cell is malformed or not closed.
    """
    cells: list[str] = []
    position = 0
    while True:
        if text.startswith('"', position):
            parts: list[str] = []
            position += 1
            while (end := _closing(text, position)) < 0:
                following = more()
                if following is None:
                    raise QuoteError("a quote is not closed")
                parts += [text[position:], following[0]]
                text, position = following[1], 0
            cells.append("".join([*parts, text[position:end]]).replace('""', '"'))
            end += 1
            if end < len(text) and text[end] != delimiter:
                raise QuoteError("text follows a closing quote")
        else:
            end = _end_of_cell(text, delimiter, position)
            cells.append(text[position:end])
        if end == len(text):
            return cells
        position = end + 1


def _parse_lenient(text: str, delimiter: str) -> list[str]:
    """Parse one line; only quotes around a whole cell are not text."""
    cells: list[str] = []
    position = 0
    while True:
        end = _closing(text, position + 1) + 1 if text.startswith('"', position) else 0
        if end and text[end : end + 1] in {"", delimiter}:
            cells.append(_unquoted(text[position:end]))
        else:
            end = _end_of_cell(text, delimiter, position)
            cells.append(text[position:end])
        if end == len(text):
            return cells
        position = end + 1


def _end_of_cell(text: str, delimiter: str, position: int) -> int:
    found = text.find(delimiter, position)
    return len(text) if found < 0 else found


def _closing(text: str, position: int) -> int:
    """Find the quote that closes a cell, from `position` on; -1 without one."""
    while (found := text.find('"', position)) >= 0 and text.startswith('"', found + 1):
        position = found + 2
    return found


def _unquoted(cell: str) -> str:
    """Unquote a cell that is quoted as a whole; keep other cells."""
    whole = cell.startswith('"') and _closing(cell, 1) == len(cell) - 1
    return cell[1:-1].replace('""', '"') if whole else cell
