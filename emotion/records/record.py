"""An open file of records. A bad record is a value, not an error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from emotion.records.batch import Record, Rows
from emotion.records.borders import Borders
from emotion.records.dialect import Dialect, Format
from emotion.records.text_io import Codec

NO_DELIMITER = Dialect("", "none")


@dataclass(slots=True)
class Records:
    """An open file: its column names (None for JSONL), and an iterator over its records.

    `preamble` has the bytes before the header: byte order mark, `sep=` line, blank lines. `first` is the header as a
    record, or None. JSONL has no delimiter, and `keys` are the keys of its first objects.

    `batches` has the records in batches. A plain file has `borders`; `batches_from` gives the records from a border on,
    with lines counted as if the first record started at the border.
    """

    format: Format
    codec: Codec
    line_end: str
    preamble: bytes
    batches: Iterator[Rows]
    batches_from: Callable[[int], Iterator[Rows]]
    header: list[str] | None = None
    first: Record | None = None
    dialect: Dialect = NO_DELIMITER
    keys: tuple[str, ...] = ()
    borders: Borders | None = None

    @property
    def rows(self) -> Iterator[Record]:
        """The records one by one."""
        return chain.from_iterable(batch.records for batch in self.batches)

    @property
    def start(self) -> int:
        """Position of the first record, in bytes."""
        header = self.first.raw + self.first.end if self.first is not None else b""
        return len(self.preamble) + len(header)
