"""Finds borders in a file: from a border on, a reader gets the same records as a reader of the whole file.

A border is the start of a line that cannot belong to a quoted cell of an earlier line. The quotes before the border
show that. A quote after a letter never opens a cell: it closes a cell, or is text. So if it is the last quote in its
line, no cell is open at the line's end. From there the reader follows every quote, until a malformed quote makes the
state unknown again.
"""

import os
from collections.abc import Iterator
from enum import Enum

from emotion.records.dialect import Dialect
from emotion.records.plain import CELL_LIMIT
from emotion.records.sample import RECORD_LIMIT

# Every new search goes this much farther.
FARTHER = 16
LINE_ENDS = b"\r\n"
BLOCK = 1 << 20
# Most lines end within this many bytes.
LINE = 1 << 10
# Bytes before a line that show whether its first quote opens a cell; more than the bytes of a delimiter or line end.
CONTEXT = 8
# Bytes before a position that usually show whether a cell is open there; more than the bytes of a line end.
NEAR = 1 << 14


class State(Enum):
    """Whether a quoted cell is open. `CLOSED_AT_END`: no cell is open at the line's end, unless more quotes follow."""

    CLOSED = 1
    OPEN = 2
    CLOSED_AT_END = 3
    UNKNOWN = 4


class Borders:
    """Borders of the open file `descriptor`, in a single-byte encoding or UTF-8.

    `first` is the position of the first record, in bytes, and `size` the length of the file. Both are borders. Blank
    lines belong to the previous record, so no blank line starts at a border.
    """

    def __init__(self, descriptor: int, first: int, size: int, end: bytes, dialect: Dialect, encoding: str) -> None:
        self.first = min(first, size)
        self.size = size
        self._descriptor = descriptor
        self._end = end
        self._delimiter = dialect.delimiter.encode(encoding)
        self._quoting = dialect.quoting
        # A longer cell is impossible: the reader would refuse the file, or treat the quote as text.
        self._limit = CELL_LIMIT if dialect.quoting == "line" else RECORD_LIMIT
        self._block, self._block_start, self._ahead = b"", 0, NEAR

    def after(self, place: int, known: int) -> int:
        """Find the first border from `place` on. `known` is an earlier border: a near border saves reading."""
        if place <= known:
            return known
        if place >= self.size:
            return self.size
        line = self._next_line(max(known, place - len(self._end)))
        for reach in (NEAR, FARTHER * NEAR, FARTHER**2 * NEAR, self._limit + 1):
            start = max(known, place - reach)
            state, last = self._follow(start, line, State.CLOSED if start == known else State.UNKNOWN)
            if state is not State.UNKNOWN or start == known:
                break
        while line < self.size:
            following = self._next_line(line)
            closed = state is State.CLOSED or line - last > self._limit
            if closed and self._read(line, following).strip(b" \t\r\n"):
                return line
            state, last_here = self._follow(line, following, State.CLOSED if closed else state)
            line, last = following, max(last, last_here)
        return self.size

    def content(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the file's bytes from `start` to `stop`, or to the end of a file that has shrunk."""
        while start < stop and (part := os.pread(self._descriptor, min(stop - start, BLOCK), start)):
            yield part
            start += len(part)

    def _follow(self, start: int, stop: int, state: State) -> tuple[State, int]:
        """Find the state at the line start `stop`, from `state` at `start`; and the last quote's place, or `start`."""
        if self._quoting == "none":
            return State.CLOSED, start
        before = self._read(max(self.first, start - CONTEXT), start) if start > self.first else b""
        content = before + self._read(start, stop)
        position = len(before)
        # The first quotes may belong to a longer series of quotes.
        if before.endswith(b'"') and state is State.UNKNOWN:
            position = len(content) - len(content[position:].lstrip(b'"'))
        last = position
        for first, end in _quotes(content, position):
            if state is State.CLOSED_AT_END:
                state = State.UNKNOWN if content.find(self._end, last, first) < 0 else State.CLOSED
            state = self._next(content, first, end, state)
            last = end
        return State.CLOSED if state is State.CLOSED_AT_END else state, start + last - len(before)

    def _next(self, content: bytes, start: int, stop: int, state: State) -> State:
        """Give the state after the quotes from `start` to `stop`."""
        odd = (stop - start) % 2 == 1
        opens = self._opens(content, start)
        closes = self._closes(content, stop)
        if opens is False:
            if not odd or state is State.CLOSED:
                return state
            return State.CLOSED if state is State.OPEN and closes else State.CLOSED_AT_END
        if opens is None or closes is None or state is State.UNKNOWN or self._quoting == "line":
            return State.UNKNOWN
        if state is State.CLOSED and odd:
            return State.OPEN
        if state is State.OPEN and not odd:
            return State.OPEN
        return State.CLOSED if closes else State.UNKNOWN

    def _opens(self, content: bytes, start: int) -> bool | None:
        """Whether a quote may open a cell; None after a line end that differs from the file's line end."""
        if not start or content.endswith((self._delimiter, self._end), 0, start):
            return True
        odd = content[start - 1] in LINE_ENDS or content[start - 1] == self._delimiter[-1]
        return None if odd else False

    def _closes(self, content: bytes, stop: int) -> bool | None:
        """Whether a cell may end before `stop`; None before a line end that differs from the file's line end."""
        ends = (self._delimiter, self._end, b"\r\n") if self._end == b"\n" else (self._delimiter, self._end)
        if stop == len(content) or content.startswith(ends, stop):
            return True
        return None if content[stop] in LINE_ENDS else False

    def _next_line(self, place: int) -> int:
        """Find the position after the next line end; the end of the file if the line is longer than allowed."""
        start, step = place, LINE
        while start < self.size and start - place <= RECORD_LIMIT:
            stop = min(start + step, self.size)
            found = self._read(start, stop).find(self._end)
            if found >= 0:
                return start + found + len(self._end)
            # The block may end within a line end.
            start, step = max(stop - len(self._end) + 1, start + 1), 4 * step
        return self.size

    def _read(self, start: int, stop: int) -> bytes:
        """Read the bytes from `start` to `stop`. The bytes of the last read are kept."""
        offset = start - self._block_start
        if offset < 0 or stop > self._block_start + len(self._block):
            # Continued reading reads more and more at once.
            goes_on = 0 <= offset <= len(self._block)
            self._ahead = min(2 * self._ahead, BLOCK) if goes_on else NEAR
            self._block_start = max(0, start - CONTEXT)
            self._block = b"".join(self.content(self._block_start, max(stop, start + self._ahead)))
            offset = start - self._block_start
        return self._block[offset : offset + stop - start]


def _quotes(content: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of every series of quotes, from `position` on."""
    # Searching a byte is a hundred times faster than matching a pattern.
    while (start := content.find(b'"', position)) >= 0:
        position = start + 1
        while content.startswith(b'"', position):
            position += 1
        yield start, position
