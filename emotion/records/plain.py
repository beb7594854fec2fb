"""Parses lines of a CSV or TSV file together, up to the first line that is not plain."""

import csv
from collections.abc import Sequence
from itertools import chain, repeat, takewhile

from emotion.records.batch import PlainRows
from emotion.records.dialect import Dialect
from emotion.records.text_problem import MARK, SWAPPED_MARK

# Longest cell, in characters. A row with a longer cell is unusable.
CELL_LIMIT = 1 << 20


def plain_rows(lines: list[bytes], first_line: int, end: str, dialect: Dialect, width: int) -> PlainRows:
    """Parse `lines`, which should be UTF-8, up to the first line that is not plain.

    A plain row has `width` cells and the line end `end`. All quoted cells are closed in its line. It has no other line
    end, byte order mark, NUL or undecodable byte, and no cell over CELL_LIMIT.
    """
    content = _content(lines, end)
    texts = content.split(end)[:-1]
    cells = _cells(content, texts, dialect, width) if texts else []
    count = len(cells) // width
    return PlainRows(first_line, lines[:count], texts[:count], end, cells, width)


def _content(lines: Sequence[bytes], end: str) -> str:
    """Decode all `lines`; empty if a line is odd."""
    content = b"".join(lines)
    other = {"\n": b"\r", "\r": b"\n"}.get(end)
    mixed = other in content if other else not content.count(b"\r") == content.count(b"\n") == len(lines)
    if mixed or b"\0" in content or not lines or max(map(len, lines)) > CELL_LIMIT:
        return ""
    try:
        text = content.decode()
    except UnicodeError:
        return ""
    return "" if MARK in text or SWAPPED_MARK in text else text


def _cells(content: str, texts: Sequence[str], dialect: Dialect, width: int) -> list[str]:
    """Parse rows up to the first row with another width or an unclosed quote."""
    delimiter, quoting, _ = dialect
    if quoting == "none" or '"' not in content:
        return _split(texts, delimiter, width)
    if quoting == "csv":
        return _quoted_cells(texts, delimiter, width)
    starts = ('"', f'{delimiter}"')
    return _split(
        list(takewhile(lambda text: not text.startswith(starts[0]) and starts[1] not in text, texts)), delimiter, width
    )


def _split(texts: Sequence[str], delimiter: str, width: int) -> list[str]:
    """Split rows without quoted cells."""
    counts = list(map(str.count, texts, repeat(delimiter)))
    if counts.count(width - 1) < len(counts):
        texts = texts[: next(row for row, count in enumerate(counts) if count != width - 1)]
    return delimiter.join(texts).split(delimiter) if texts else []


def _quoted_cells(texts: Sequence[str], delimiter: str, width: int) -> list[str]:
    """Split rows with cells quoted as in RFC 4180."""
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if len(row) != width or reader.line_num != len(rows) + 1:
                break
            rows.append(row)
    except csv.Error:  # malformed, or longer than that module allows
        pass
    return list(chain.from_iterable(rows))
