"""Opens a CSV or TSV file: preamble, dialect and header."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from emotion.errors import BadDataError, UsageError
from emotion.formatting import visible
from emotion.records.batch import Record, Rows
from emotion.records.columns import JSONL_HINT
from emotion.records.delimited import DOUBLE_RETURN, REMOVE_RETURNS, RowReader
from emotion.records.dialect import (
    DELIMITERS,
    SEPARATOR_LINE,
    Dialect,
    DialectOptions,
    Format,
    find_dialect,
    header_cells,
    majority_width,
    parse_delimiter,
    quoted_cells,
)
from emotion.records.doubts import ambiguous_quote
from emotion.records.lines import Lines
from emotion.records.record import Records
from emotion.records.row_parser import parse_line
from emotion.records.sample import logical_rows
from emotion.records.text_problem import undecodable


def open_rows(lines: Lines, kind: Format, options: DialectOptions, columns: Sequence[str]) -> Records:
    """Read the header of a CSV or TSV file, and prepare reading its rows. `columns` helps to find the delimiter.

    Raises:
        BadDataError: the header cannot be read, or the dialect is ambiguous.
    """
    sample = [line for line in lines.sample_lines() if line]
    preamble = lines.codec.mark
    if sample and (said := SEPARATOR_LINE.fullmatch(sample[0])):
        options = replace(options, delimiter=options.delimiter or parse_delimiter(said[1]))
        preamble += lines.take_blank() + lines.take()
        del sample[0]
    _check_delimiter(lines, options.delimiter)
    dialect, width = _find_dialect(lines, kind, sample, options, columns)
    # In a list without a header and with one column, blank lines are rows.
    if options.header or (sample and len(parse_line(sample[0], dialect.delimiter, "line", 0)) > 1):
        preamble += lines.take_blank()
    reader = RowReader(lines, dialect, width, doubted=options.quoting is None)
    batches_from = partial(reader.batches_from, number=lines.number)
    opened = Records(kind, lines.codec, lines.end, preamble, iter(()), batches_from, [], None, dialect)
    if first := reader.take():
        if options.header:
            _start_below_header(opened, lines, reader, first, columns)
        else:
            opened.header = [str(number) for number in range(1, reader.start(first, [], width) + 1)]
            opened.batches = reader.batches([first])
            opened.batches_from = partial(_batches_from, opened, reader, first, lines.number, batches_from)
    return opened


def _batches_from(
    opened: Records,
    reader: RowReader,
    first: Record,
    number: int,
    batches_from: Callable[[int], Iterator[Rows]],
    place: int,
) -> Iterator[Rows]:
    """Read rows of a file without a header from a border on. The first row stays as it was first parsed."""
    if place > opened.start:
        return batches_from(place)
    return reader.batches_from(place + len(first.raw) + len(first.end), number, [first])


def _find_dialect(
    lines: Lines, kind: Format, sample: Sequence[str], options: DialectOptions, columns: Sequence[str]
) -> tuple[Dialect, int]:
    """Find the dialect and, without a header, the number of cells of most rows; 0 if the first row decides.

    Raises:
        BadDataError: the delimiter is ambiguous, or the quotes of a file without a header are.
    """
    delimiters = options.delimiter or "".join(DELIMITERS)
    rows = logical_rows(sample, delimiters, whole=lines.whole) if options.quoting != "none" else sample
    dialect = find_dialect(lines.path, kind, rows, options, columns)
    if options.header:
        return dialect, 0
    if dialect.quoting == "line":
        rows = logical_rows(sample, dialect.delimiter, whole=lines.whole)
        widths = [len(parse_line(line, dialect.delimiter, "line", 0)) for line in sample]
        widths += [len(quoted_cells(row, dialect.delimiter)) for row in rows]
        if len(rows) < len(sample) and (len(set(widths)) > 1 or widths[0] == 1):
            raise ambiguous_quote(lines.path, 1)
        rows = sample
    return dialect, majority_width(rows, dialect)


def _start_below_header(
    opened: Records, lines: Lines, reader: RowReader, first: Record, columns: Sequence[str]
) -> None:
    """Take the column names from the first row."""
    delimiter, quoting, unnamed = opened.dialect
    _check_header(lines, first)
    if quoting != "none" and len(first.fields) == 1 and first.raw.startswith(lines.codec.encode('"')):
        first.fields = header_cells(lines.decode(first.raw), delimiter, columns)
    reader.start(first, first.fields)
    opened.header = ["", *first.fields] if unnamed else first.fields
    opened.first, opened.batches = first, reader.batches()
    opened.batches_from = partial(reader.batches_from, number=lines.number)


def _check_delimiter(lines: Lines, delimiter: str | None) -> None:
    try:
        lines.codec.encode(delimiter or "")
    except UnicodeError as error:
        raise UsageError(
            f"{lines.codec.name} has no character for the delimiter {delimiter!a}", "check --encoding"
        ) from error


def _check_header(lines: Lines, first: Record) -> None:
    where = f"{lines.path}: the header (line {first.line})"
    if first.problem:
        names = ", ".join(map(visible, first.fields[:10]))
        hint = REMOVE_RETURNS if first.problem == DOUBLE_RETURN else "fix the header, or check --quoting"
        hint = JSONL_HINT if first.fields[0].startswith("{") else hint
        raise BadDataError(f"{where} cannot be read: {first.problem}: {names:.80}", hint)
    if undecodable(" ".join(first.fields)):
        raise BadDataError(f"{where} has undecodable bytes", "name the file's encoding with --encoding")
