"""Reads the rows of a CSV or TSV file with their original bytes."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from emotion.errors import BadDataError
from emotion.formatting import count
from emotion.records.batch import OwnRows, PlainRows, Record, Rows
from emotion.records.dialect import Dialect, quoted_cells
from emotion.records.doubts import DOUBTED_LINES, ambiguous_quote, hold_rows, is_prose, mixed_ends
from emotion.records.lines import Lines
from emotion.records.plain import CELL_LIMIT, plain_rows
from emotion.records.row_parser import QuoteError, parse_line, parse_quoted
from emotion.records.sample import RECORD_LIMIT, without_quoted
from emotion.records.text_problem import MARK, SWAPPED_MARK

# A short line takes this much memory besides its own bytes.
LINE_BYTES = 64
DOUBLE_RETURN = r"the line ends in \r twice"
REMOVE_RETURNS = r"remove \r with: tr -d '\r'"
# Only shorter column names are searched in all rows, in characters.
LONGEST_NAME = 200


class RowReader:
    """Takes rows from the lines of a file.

    Raises:
        BadDataError: quotes or line ends are ambiguous, or a quoted cell is over RECORD_LIMIT.
    """

    def __init__(self, lines: Lines, dialect: Dialect, width: int = 0, *, doubted: bool) -> None:
        self._lines = lines
        # Whether no option defines the meaning of quotes.
        self._doubted = doubted
        self._dialect = dialect
        self._header: list[str] = []
        # Whether the whole header is quoted again.
        self._wrapped = False
        # Expected number of cells in a row; 0 if the first row decides.
        self._width = width
        self._return = lines.codec.encode("\r")
        # A quoted cell that is still open in this line is malformed.
        self._dead_end = 0
        self._end = lines.codec.encode(lines.end)
        # Lines to parse together.
        self._together = 1
        # Lines of the current row, and their bytes.
        self._taken: list[bytes] = []
        self._size = 0

    def start(self, first: Record, header: Sequence[str], width: int = 0) -> int:
        """Set the number of cells of a row, and return it: `width`, or the width of the first row."""
        self._header = sorted(map(_folded, header))
        self._wrapped = first.written < len(header)
        self._width = width or len(first.fields) + self._dialect.unnamed
        first.end += self._blank_lines()
        return self._width

    def batches(self, first: Sequence[Record] = ()) -> Iterator[Rows]:
        """Yield the rows `first`, then all other rows of the file, with their problems."""
        for record in chain(first, iter(self.take, None)):
            if not record.problem and len(record.fields) != self._width:
                record.problem = self._wrong_width(record)
            if self._header and self._repeats_header(record.fields):
                record.problem = "the header again: this may be several joined files"
            yield OwnRows([record])
            while plain := self._plain_rows():
                yield plain

    def batches_from(self, place: int, number: int, first: Sequence[Record] = ()) -> Iterator[Rows]:
        """Yield the rows `first`, then all rows from a border on, as if `number` lines preceded the border."""
        self._lines.jump(place, number)
        self._dead_end = 0
        yield from self.batches(first)

    def _plain_rows(self) -> PlainRows | None:
        """Parse buffered lines together, up to the first line that is not plain; None if the next line is not plain.

        The rows equal the rows of `take`, in a tenth of the time.
        """
        if self._lines.codec.name != "utf-8":
            return None
        lines, before = self._lines.take_read(self._together), self._lines.number
        rows = plain_rows(lines, before - len(lines) + 1, self._lines.end, self._dialect, self._width)
        if self._may_repeat_header(rows):
            rows = rows.part(0, 0)
        elif 0 < len(rows) < len(lines) and self._lines.is_blank(lines[len(rows)]):
            # Blank lines belong to the previous row.
            rows = rows.part(0, len(rows) - 1)
        self._lines.put_back(lines[len(rows) :])
        # After an odd line, parse fewer lines together: this wastes less work.
        if lines:
            self._together = (4 if len(rows) == len(lines) else 2) * len(rows) + 1
        return rows if len(rows) else None

    def _may_repeat_header(self, rows: PlainRows) -> bool:
        """Whether the first cell of a row may be the name of a column."""
        firsts = rows.column(0)
        joined = "\n".join(firsts).casefold()
        return any(name in joined for name in self._header) and not {
            _folded(first) for first in firsts if len(first) < LONGEST_NAME
        }.isdisjoint(self._header)

    def _wrong_width(self, record: Record) -> str:
        where = "header" if self._header else "most rows"
        expected = f"{where} {'has' if self._header else 'have'} {self._width - self._dialect.unnamed}"
        index = " and an index" if self._dialect.unnamed else ""
        other_end = self._lines.end != "\n" and any("\n" in cell for cell in record.fields)
        mixed = ", perhaps because some lines end in \\n, unlike the first line" if other_end else ""
        return f"{count(len(record.fields), 'field')} where the {expected}{index}{mixed}"

    def _repeats_header(self, fields: Sequence[str]) -> bool:
        """Whether the fields are the column names, in any order and case."""
        return (
            len(fields) == len(self._header)
            # Sort only few rows.
            and len(fields[0]) < LONGEST_NAME
            and _folded(fields[0]) in self._header
            and sorted(map(_folded, fields)) == self._header
        )

    def take(self) -> Record | None:
        """Take the next row; None at the end."""
        line = self._lines.take()
        if not line:
            return None
        raw, end = self._lines.split_end(line)
        text = self._lines.decode(raw)
        if "\n" in text and self._lines.end != "\n" and (rows := self._rows_within(line)):
            self._lines.replace(rows)
            return self.take()
        number = self._lines.number
        self._taken, self._size = [line], len(line)
        fields, problem = self._parse(text)
        if len(self._taken) > 1:
            raw, end = self._lines.split_end(b"".join(self._taken))
        problem = self._damage(text, raw) or problem
        if len(raw) > CELL_LIMIT and max(map(len, fields)) > CELL_LIMIT:
            problem = problem or f"a field has over {CELL_LIMIT:,} characters"
        written = len(fields)
        if written == 1 < self._width and text.startswith('"') and not problem:
            fields = self._unwrapped(fields)
        return Record(number, raw, end + self._blank_lines(), fields, problem=problem, written=written)

    def _damage(self, text: str, raw: bytes) -> str:
        """Give the reason why the bytes `raw` of a row are not text; `text` is its first line."""
        if text.startswith(MARK):
            return "a byte order mark within the file: this may be several joined files"
        if b"\0" in raw and not self._lines.codec.wide:
            return "NUL bytes: this part of the file may be UTF-16"
        if SWAPPED_MARK in text:
            return "a byte order mark of another encoding: this may be several joined files"
        if raw.endswith(self._return):
            return DOUBLE_RETURN
        return ""

    def _blank_lines(self) -> bytes:
        """Take the following blank lines. In a file with one column, blank lines are rows."""
        return self._lines.take_blank() if self._width > 1 else b""

    def _parse(self, text: str) -> tuple[list[str], str]:
        """Parse the row that starts with the line `text`; also give the reason if the cells are a guess."""
        delimiter, quoting, _ = self._dialect
        if '"' not in text or quoting == "none":
            return text.split(delimiter), ""
        if quoting == "line":
            self._check_one_line(text)
            return parse_line(text, delimiter, quoting, self._width), ""
        try:
            cells = parse_quoted(text, delimiter, self._more)
        except QuoteError as error:
            self._dead_end = max(self._dead_end, self._lines.number)
            self._put_back()
            return text.split(delimiter), f"malformed quoting: {error}"
        if self._doubted and len(self._taken) > 1 and self._width > 1:
            self._check_rows_in_cell()
        return cells, ""

    def _check_rows_in_cell(self) -> None:
        """Refuse a quoted cell with lines that are complete rows: its quotes may be text.

        Raises:
            BadDataError: the lines are rows, and no option defines the meaning of quotes.
        """
        lines = [self._lines.decode(self._lines.split_end(line)[0]) for line in self._taken]
        if hold_rows(lines, self._dialect.delimiter, self._width):
            raise ambiguous_quote(self._lines.path, self._lines.number - len(lines) + 1)

    def _more(self) -> tuple[str, str] | None:
        """Take another line of the row: the previous line end, and the line's text."""
        following = self._lines.take() if self._lines.number >= self._dead_end else b""
        if not following:
            return None
        end = self._lines.split_end(self._taken[-1])[1]
        self._taken.append(following)
        self._size += len(following) + LINE_BYTES
        if self._size > RECORD_LIMIT:
            raise BadDataError(
                f"{self._lines.path}: the quote in line {self._lines.number - len(self._taken) + 1:,} stays open"
                f" for {RECORD_LIMIT >> 20} MiB",
                "fix the quote, or read quotes as text with --quoting none",
            )
        return self._lines.decode(end), self._lines.decode(self._lines.split_end(following)[0])

    def _put_back(self) -> None:
        """Put back all lines of the row except the first."""
        self._lines.put_back(self._taken[1:])
        del self._taken[1:]

    def _unwrapped(self, fields: list[str]) -> list[str]:
        """Parse a row that is quoted again as a whole; return `fields` if the row is one quoted cell.

        Such a file has a header that is quoted again, or a quoted cell within the row.
        """
        delimiter = self._dialect.delimiter
        cells = quoted_cells(fields[0], delimiter)
        quoted = self._wrapped or fields[0].startswith('"') or f'{delimiter}"' in fields[0]
        return cells if quoted and len(cells) == self._width else fields

    def _check_one_line(self, text: str) -> None:
        """Refuse a row with quotes that may span lines, unless all these lines are complete rows."""
        try:
            cells = parse_quoted(text, self._dialect.delimiter, self._more_of_cell)
        except QuoteError:
            cells = []
            self._dead_end = max(self._dead_end, self._lines.number)
        lines = [self._lines.decode(self._lines.split_end(line)[0]) for line in self._taken]
        self._put_back()
        width = self._width or len(parse_line(text, self._dialect.delimiter, "line", 0))
        whole = width > 1 and self._whole_rows(lines, width)
        # A first row may have any number of cells.
        fits = len(cells) == width if self._width else bool(cells)
        if len(lines) > 1 and fits and (not whole or len(cells) != width):
            raise ambiguous_quote(self._lines.path, self._lines.number)

    def _more_of_cell(self) -> tuple[str, str] | None:
        """Take another line unless the cell is longer than allowed."""
        return None if self._size > CELL_LIMIT else self._more()

    def _rows_within(self, line: bytes) -> list[bytes]:
        """Split a line at line ends that differ from the file's, if all pieces are complete rows.

        Raises:
            BadDataError: the pieces may be rows, or one text.
        """
        codec, text = self._lines.codec, self._lines.decode(line)
        content = self._lines.decode(self._lines.split_end(line)[0])
        bare = content if self._dialect.quoting == "none" else without_quoted(content, self._dialect.delimiter)
        lines = [part for part in content.split("\n") if part or self._width == 1]
        if "\n" not in bare or not lines:
            return []
        whole = self._whole_rows(lines, self._width)
        if not whole and not any(self._dialect.delimiter in part for part in bare.split("\n")[1:]):
            return []
        few = self._width == 1 or len(lines) < DOUBTED_LINES or content.startswith("\n")
        if not whole or few or self._lines.end == "\r" or is_prose(lines, self._dialect.delimiter):
            raise mixed_ends(self._lines.path, self._lines.number, self._lines.end)
        if codec.wide:
            return [codec.encode(part) for part in re.findall(r"[^\n]*\n|[^\n]+$", text)]
        return re.findall(rb"[^\n]*\n|[^\n]+$", line)

    def _whole_rows(self, lines: Sequence[str], width: int) -> bool:
        """Whether all lines have `width` cells."""
        delimiter, quoting, _ = self._dialect
        try:
            return all(len(parse_line(line, delimiter, quoting, width)) == width for line in lines)
        except QuoteError:
            return False


def _folded(name: str) -> str:
    return name.strip().casefold()
