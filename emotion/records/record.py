"""Records of a file, with the bytes that they have there. A bad record is a value, not an error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from emotion.records.borders import Borders
from emotion.records.dialect import Dialect, Format
from emotion.records.text_io import Codec

NO_DELIMITER = Dialect("", "none")


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


@dataclass(slots=True)
class Records:
    """An open file: its column names (None for JSONL), and an iterator over its records.

    `preamble` are the bytes before the header: byte order mark, `sep=` line, blank lines. `first` is the header as a
    record; None if the file has none. JSONL has no delimiter, and `keys` are the keys of its first objects.

    `batches` has the records, those together that are read together. A plain file has `borders`; `batches_from` gives
    its records from a border on, with lines counted as if the border were the place of the first record.
    """

    format: Format
    codec: Codec
    line_end: str
    preamble: bytes
    batches: Iterator[list[Record]]
    batches_from: Callable[[int], Iterator[list[Record]]]
    header: list[str] | None = None
    first: Record | None = None
    dialect: Dialect = NO_DELIMITER
    keys: tuple[str, ...] = ()
    borders: Borders | None = None

    @property
    def rows(self) -> Iterator[Record]:
        """The records one by one."""
        return chain.from_iterable(self.batches)

    @property
    def start(self) -> int:
        """Place of the first record, in bytes."""
        header = self.first.raw + self.first.end if self.first is not None else b""
        return len(self.preamble) + len(header)
