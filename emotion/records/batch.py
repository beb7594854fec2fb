"""Batches of rows: parsed one by one with their problems, or plain rows as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any


@dataclass(slots=True)
class Record:
    """One entry of a file: a row of a CSV or TSV file, or a line of JSONL.

    `line` is the physical line, from 1, where the record starts. `raw` has its bytes without line end; `end` is the
    line end, with following blank lines. `fields` has the cells of a row; JSONL has none. `values` is the parsed JSON
    object, or None. `problem` is the reason why the record is unusable, or empty. `written` is the number of cells in
    `raw`: 1 if the whole row is quoted again.
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
    """Records, parsed one by one."""

    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def first_line(self) -> int:
        """Physical line of the first record, from 1."""
        return self.records[0].line

    def sizes(self) -> list[int]:
        """Sizes of the records in bytes."""
        return [len(record.raw) + len(record.end) for record in self.records]

    def content(self) -> bytes:
        """All bytes."""
        return b"".join(chain.from_iterable((record.raw, record.end) for record in self.records))

    def part(self, start: int, stop: int) -> "OwnRows":
        """Select records by index."""
        return OwnRows(self.records[start:stop])


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Single-line rows in UTF-8, with `width` cells and without problems.

    `first_line` is the physical line of the first row, from 1. `lines` has the rows' bytes, and `texts` the rows' text
    without `end`, their common line end. `cells` has the cells of all rows in order.
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
        """Give the same rows one by one."""
        end, width = self.end.encode(), self.width
        return [
            Record(self.first_line + row, line[: -len(end)], end, self.cells[row * width :][:width], None, "", width)
            for row, line in enumerate(self.lines)
        ]

    def sizes(self) -> list[int]:
        """Sizes of the rows in bytes."""
        return list(map(len, self.lines))

    def content(self) -> bytes:
        """All bytes."""
        return b"".join(self.lines)

    def column(self, index: int) -> list[str]:
        """Give the cells of a column."""
        return self.cells[index :: self.width]

    def part(self, start: int, stop: int) -> "PlainRows":
        """Select rows by index."""
        if (start, stop) == (0, len(self)):
            return self
        cells = self.cells[start * self.width : stop * self.width]
        return PlainRows(
            self.first_line + start, self.lines[start:stop], self.texts[start:stop], self.end, cells, self.width
        )


Rows = OwnRows | PlainRows
