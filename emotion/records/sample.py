"""Decides how much of a file's start is its sample, and which line end the sample has."""

import re
from collections.abc import Sequence

# Lines and characters at the start of a file that show its dialect. They do not depend on the chunks of a pipe.
SAMPLE_LINES = 33
SAMPLE_CHARACTERS = 1 << 16
FEWEST_LINES = 2
# Longest record in bytes. Without a limit, a file without line ends would be read into memory.
RECORD_LIMIT = 16 << 20


def sample_length(text: str) -> int:
    r"""Count the characters of the sample at the start of `text`; 0 if incomplete.

    The sample has SAMPLE_LINES lines after leading blank lines; fewer if lines are long, but at least two. Only a file
    without `\n` has lines that end in `\r`.
    """
    start = len(text) - len(text.lstrip("\r\n"))
    for lines, limit in ((SAMPLE_LINES, SAMPLE_CHARACTERS), (FEWEST_LINES, RECORD_LIMIT)):
        returns = _end_of_lines(text, "\r", start, lines)
        length = returns if returns and "\n" not in text[:returns] else _end_of_lines(text, "\n", start, lines)
        if 0 < length <= limit:
            return length
        if len(text) <= limit:
            return 0
        length = text.rfind("\n", start, limit) + 1
        if text.count("\n", start, length) >= FEWEST_LINES:
            return length
    return RECORD_LIMIT


def _end_of_lines(text: str, end: str, position: int, lines: int) -> int:
    """Find the position after the given number of lines; 0 if the text has fewer."""
    for _ in range(lines):
        position = text.find(end, position) + 1
        if not position:
            return 0
    return position


def line_end(sample: str, delimiters: str) -> str:
    r"""Find the first line end of the sample: `\n`, `\r\n` or `\r`. Line ends in quoted cells count only alone.

    A first `\r` may belong to the first row. It is the line end if more lines end in `\r` than in `\n`.
    """
    sample = re.sub(r'^\s*"?sep=."?\r?\n', "", sample, flags=re.IGNORECASE)
    bare = without_quoted(sample, delimiters) if delimiters else sample
    # The sample may end within a quoted cell.
    closed = bare[: found.start()] if delimiters and (found := _open_quote(bare, delimiters)) else bare
    for text in (closed, bare, sample):
        ends: list[str] = [end[-2:] for end in re.findall(r"\r*\n|\r", text)]
        feeds = [end for end in ends if end != "\r"]
        if ends and ends[0] == "\r" and len(ends) > 2 * len(feeds):
            return "\r"
        if feeds:
            return feeds[0]
    return "\n"


def logical_rows(lines: Sequence[str], delimiters: str, *, whole: bool) -> list[str]:
    """Join lines that belong to one quoted cell.

    An unclosed quote in a `whole` file joins no lines. Otherwise it starts an incomplete row.
    """
    rows: list[str] = []
    position = 0
    while position < len(lines):
        for count in range(1, len(lines) - position + 1):
            row = "\n".join(lines[position : position + count])
            if '"' not in row or not _open_quote(without_quoted(row, delimiters), delimiters):
                break
        else:
            if rows and not whole:
                break
            row, count = lines[position], 1
        rows.append(row)
        position += count
    return rows


def _open_quote(bare: str, delimiters: str) -> re.Match[str] | None:
    """Find the quote of an unclosed cell, in a text without its quoted cells."""
    return re.search(rf'(?:^|(?<=[{re.escape(delimiters)}\r\n]))"', bare)


def without_quoted(text: str, delimiters: str) -> str:
    """Remove a text's quoted cells, which start after one of the `delimiters` or at the start of a line."""
    return re.sub(rf'(^|[{re.escape(delimiters)}\r\n])"[^"]*(?:""[^"]*)*"', r"\1", text)


def whole_lines(sample: str, end: str) -> str:
    """Drop an incomplete last line, unless it is the only line."""
    return sample[: sample.rfind(end) + len(end)] if end in sample else sample
