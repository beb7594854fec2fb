"""Opens files of records: CSV, TSV and JSONL, compressed or not, in any dialect.

Training refuses a file with a bad record; classification writes it without a label.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from gzip import GzipFile
from pathlib import Path
from stat import S_ISREG

from emotion.records.borders import Borders
from emotion.records.dialect import DELIMITERS, DialectOptions, Format
from emotion.records.json_lines import open_objects
from emotion.records.lines import Lines
from emotion.records.record import Records
from emotion.records.table import open_rows
from emotion.records.text_io import STANDARD_STREAM, open_bytes

SUFFIXES: dict[str, Format] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
ANY_DIALECT = DialectOptions()


def format_of(path: Path) -> Format | None:
    """Derive the format from a file name, ignoring `.gz` and case; None if unknown."""
    return SUFFIXES.get(Path(path.name.lower().removesuffix(".gz")).suffix)


@contextlib.contextmanager
def open_records(
    path: Path,
    kind: Format,
    options: DialectOptions = ANY_DIALECT,
    columns: Sequence[str] = (),
    digest: "hashlib._Hash | None" = None,
) -> Iterator[Records]:
    """Open `path` as a stream of records in constant memory.

    The names `columns` help to find the delimiter. The bytes read update `digest`.

    Raises:
        InputMissingError: the file does not exist or cannot be read.
        BadDataError: the header cannot be read, the dialect is ambiguous, or the file is damaged.
        UsageError: the encoding is unknown.
    """
    with open_bytes(path, digest) as raw:
        if kind == "jsonl":
            records = open_objects(Lines(path, raw, options.encoding, loose=True))
        else:
            delimiters = "" if options.quoting == "none" else options.delimiter or "".join(DELIMITERS)
            records = open_rows(Lines(path, raw, options.encoding, delimiters), kind, options, columns)
        if path != STANDARD_STREAM and not isinstance(raw, GzipFile) and records.codec.has_ascii_bytes:
            records.borders = _borders(records, raw.fileno())
        yield records


def _borders(records: Records, descriptor: int) -> Borders | None:
    """Give the borders of a file; None for a device or a pipe."""
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        return None
    codec = records.codec
    return Borders(
        descriptor, records.start, status.st_size, codec.encode(records.line_end), records.dialect, codec.name
    )
