"""Rows that are read together: one by one, with what is wrong with them, or plain ones, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any


@dataclass(slots=True)
class Record:
    """One entry of a file: a row of a CSV or TSV file, or a line of JSONL.

    `line` is the physical line, from 1, where the record starts. `raw` are its bytes without its line end; `end` is
    the line end, with the blank lines that follow. `fields` are the cells of a row, of any number; JSONL has none.
    `values` is the parsed JSON object, or None. `problem` says why the record cannot be used, or is empty.
    `written` is the number of cells that `raw` has, which is 1 if the row is quoted once more as a whole.
    """

    line: int
    raw: bytes
    end: bytes
    fields: list[str] = field(default_factory=list)
    values: dict[str, Any] | None = None
    problem: str = ""
    written: int = 0


@dataclass(frozen=True, slots=True)
class OwnRows:
    """Records that were parsed one by one."""

    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def first_line(self) -> int:
        """Physical line, from 1, where the first record starts."""
        return self.records[0].line

    def sizes(self) -> list[int]:
        """Bytes of each record."""
        return [len(record.raw) + len(record.end) for record in self.records]

    def content(self) -> bytes:
        """All bytes."""
        return b"".join(chain.from_iterable((record.raw, record.end) for record in self.records))

    def part(self, start: int, stop: int) -> "OwnRows":
        """Some of the records, by index."""
        return OwnRows(self.records[start:stop])


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Rows of one line each, in UTF-8, with `width` cells and nothing wrong.

    `first_line` is the physical line of the first, from 1. `lines` are their bytes, `texts` the same as text without
    `end`, the line end of all. `cells` are the cells of all rows, one row after the other.
    """

    first_line: int
    lines: list[bytes]
    texts: list[str]
    end: str
    cells: list[str]
    width: int

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def records(self) -> list[Record]:
        """The same rows one by one."""
        end, width = self.end.encode(), self.width
        return [
            Record(self.first_line + row, line[: -len(end)], end, self.cells[row * width :][:width], None, "", width)
            for row, line in enumerate(self.lines)
        ]

    def sizes(self) -> list[int]:
        """Bytes of each row."""
        return list(map(len, self.lines))

    def content(self) -> bytes:
        """All bytes."""
        return b"".join(self.lines)

    def column(self, index: int) -> list[str]:
        """The cells of a column."""
        return self.cells[index :: self.width]

    def part(self, start: int, stop: int) -> "PlainRows":
        """Some of the rows, by index."""
        if (start, stop) == (0, len(self)):
            return self
        cells = self.cells[start * self.width : stop * self.width]
        return PlainRows(
            self.first_line + start, self.lines[start:stop], self.texts[start:stop], self.end, cells, self.width
        )


Rows = OwnRows | PlainRows
