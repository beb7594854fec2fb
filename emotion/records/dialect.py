"""Finds the dialect of a CSV or TSV file from its first lines: delimiter, quoting, and a possible unnamed index."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from emotion.errors import BadDataError, UsageError
from emotion.records.row_parser import QuoteError, Quoting, parse_line, parse_quoted_line
from emotion.records.sample import without_quoted

Format = Literal["csv", "tsv", "jsonl"]
DELIMITERS = (",", ";", "|", "\t")
DEFAULTS: dict[Format, str] = {"csv": ",", "tsv": "\t"}
NAMES = {"\t": "tab"}
# The line that names a file's delimiter to spreadsheets.
SEPARATOR_LINE = re.compile(r'"?sep=([^".0-9\ud800-\udfff])"?', re.IGNORECASE)
# Last characters in names of columns that count the rows.
COUNTED = ("id", "index", "idx", "key", "line", "no", "nr", "num", "number", "pos", "position", "rank", "row", "#")
# More digits than any column number has.
LONGEST_NUMBER = 6
# This many rows must agree to contradict the header.
FEW_ROWS = 2


@dataclass(frozen=True, slots=True)
class DialectOptions:
    """Options for a file's dialect. None means: found in the file.

    `quoting` is `csv` or `none`. Without a `header`, the columns are called 1, 2, ...
    """

    delimiter: str | None = None
    quoting: Quoting | None = None
    header: bool = True
    encoding: str = "utf-8"


class Dialect(NamedTuple):
    """Format of rows. `unnamed` is True if the first column is an index without a name in the header."""

    delimiter: str
    quoting: Quoting
    unnamed: bool = False


def delimiter_name(delimiter: str) -> str:
    """Format a delimiter for --delimiter, in quotes if it is hard to see."""
    return NAMES.get(delimiter, repr(delimiter))


def parse_delimiter(text: str) -> str:
    """Read the value of --delimiter: one character, or `tab`.

    Raises:
        UsageError: the text has another form, or is a quote or a line end.
    """
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n\0.0123456789' or "\ud800" <= delimiter <= "\udfff":
        raise UsageError(f"{text!r} is not a delimiter", "name one character such as ';', or tab")
    return delimiter


def find_dialect(
    path: Path, kind: Format, sample: Sequence[str], options: DialectOptions, columns: Sequence[str]
) -> Dialect:
    """Choose the dialect of a file that starts with the rows `sample`, without blank lines.

    The delimiter comes from the header, else from rows: it divides all rows into the same number of cells. Among
    several delimiters, the names `columns` decide, then the rows, then the file's name.

    Raises:
        BadDataError: several delimiters are equally likely.
    """
    header = sample[0] if sample and options.header else ""
    rows = sample[1:] if options.header else sample
    delimiter = options.delimiter or _find_delimiter(path, kind, header, rows, columns)
    quoting = options.quoting or ("line" if delimiter == "\t" else "csv")
    index = options.header and _has_index(header, rows, delimiter, columns)
    return Dialect(delimiter, quoting, index)


def header_cells(line: str, delimiter: str, columns: Sequence[str]) -> list[str]:
    """Parse the names in a header line. If the whole line is quoted again, the inner names have one of `columns`."""
    cells = quoted_cells(line, delimiter) or [line]
    within = quoted_cells(cells[0], delimiter) if len(cells) == 1 and line.startswith('"') else []
    return cells if set(columns).isdisjoint(within) else within


def _find_delimiter(path: Path, kind: Format, header: str, rows: Sequence[str], columns: Sequence[str]) -> str:
    default = DEFAULTS[kind]
    likely = _in_header(header, rows, columns) if header else _in_rows(path, rows, columns, default)
    if header and not likely:
        return _of_one_name(path, header, rows, columns, default)
    if len(likely) > 1 and (default not in likely or (kind == "csv" and not header)):
        found = " or ".join(map(delimiter_name, likely))
        raise BadDataError(f"{path}: the delimiter may be {found}", "name the delimiter with --delimiter")
    return likely[0] if len(likely) == 1 else default


def _in_header(header: str, rows: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Find delimiters in the header; of several, prefer delimiters that give one of the `columns`, or fit the rows."""
    names = {delimiter: header_cells(header, delimiter, columns) for delimiter in DELIMITERS}
    found = [delimiter for delimiter in DELIMITERS if len(names[delimiter]) > 1]
    found = [delimiter for delimiter in found if not set(columns).isdisjoint(names[delimiter])] or found
    return [delimiter for delimiter in found if _width(rows, delimiter) == len(names[delimiter])] or found


def _in_rows(path: Path, rows: Sequence[str], columns: Sequence[str], default: str) -> list[str]:
    """Find delimiters of a file without header: they divide all rows equally, or give most rows the needed `columns`.

    Raises:
        BadDataError: a delimiter divides most rows, but unequally.
    """
    needed = max((int(name) for name in columns if name.isdecimal() and len(name) < LONGEST_NUMBER), default=1)
    found = [delimiter for delimiter in DELIMITERS if _width(rows, delimiter) >= max(2, needed)]
    if found:
        # A row with another number of cells does not make another delimiter right.
        found = [name for name in DELIMITERS if name in found or _usual_width(rows, name) >= max(2, needed)]
    found = found or [delimiter for delimiter in DELIMITERS if needed > 1 and _most_have(rows, delimiter, needed)]
    doubtful = [delimiter for delimiter in DELIMITERS if delimiter != default and _most_have(rows, delimiter, 2)]
    if doubtful and not found:
        name = delimiter_name(doubtful[0])
        raise BadDataError(
            f"{path}: the delimiter {name} divides most of the first rows, but into different numbers of cells",
            f"use --delimiter {name}, or --delimiter {delimiter_name(default)} for one column",
        )
    return found


def _of_one_name(path: Path, header: str, rows: Sequence[str], columns: Sequence[str], default: str) -> str:
    """Find the delimiter of a file with one name in its header. A second cell in all rows needs an index."""
    for delimiter in DELIMITERS:
        if _has_index(header, rows, delimiter, columns):
            return delimiter
    for delimiter in DELIMITERS:
        width = _width(rows, delimiter)
        if width > 1 and len(rows) >= FEW_ROWS and delimiter != default:
            name = delimiter_name(delimiter)
            raise BadDataError(
                f"{path}: the header has one name, but the delimiter {name} divides the first rows into {width} cells",
                f"use --delimiter {name}, or --delimiter {delimiter_name(default)} if {name} belongs to the texts",
            )
    return default


def _has_index(header: str, rows: Sequence[str], delimiter: str, columns: Sequence[str]) -> bool:
    """Whether the rows have one cell more than the header, and the first cells look like an index.

    An index counts up from 0 or 1, or has quoted row names, as R writes them with all names in quotes. The column of
    texts, the first of `columns`, has longer cells if the index is assumed.
    """
    cells = _all_cells(rows, delimiter)
    names = header_cells(header, delimiter, columns)
    if _width(rows, delimiter) != len(names) + 1 or not any(row[-1] for row in cells):
        return False
    first, second = ([row[index] for row in cells] for index in (0, 1))
    counted = _counts_rows(names[0]) and not all(map(str.isdecimal, second))
    if counted or len(set(first)) < len(first) or not _moves_texts(names, cells, columns):
        return False
    counting = all(re.fullmatch(r"\d{1,15}", cell, re.ASCII) for cell in first)
    if header == delimiter.join(f'"{name}"' for name in names) and all(row.startswith('"') for row in rows):
        return counting or _moves_texts(names, cells, columns, words=True)
    if not counting or len(rows) < FEW_ROWS:
        return False
    # In texts a space follows the comma; in numbers digits follow.
    in_texts = any(cell.startswith(" ") for row in cells for cell in row)
    in_numbers = len(names) == 1 and any(cell[:1].isdigit() for cell in second)
    numbers = [int(cell) for cell in first]
    rising = numbers[0] in {0, 1} and all(after > before for before, after in pairwise(numbers))
    return rising and not in_texts and not in_numbers


def _counts_rows(name: str) -> bool:
    """Whether a column with this name counts the rows: it is an index itself."""
    letters = re.sub(r"[\W_\d]+", "", name.casefold()) if name != "#" else name
    return not letters or letters.endswith(COUNTED) or letters == "unnamed"


def _moves_texts(
    names: Sequence[str], cells: Sequence[Sequence[str]], columns: Sequence[str], *, words: bool = False
) -> bool:
    """Whether texts are longer one cell to the right of the column's name.

    With `words`, the cells below the name must also be single words.
    """
    found = [names.index(column) for column in columns if column in names]
    if not found:
        return False
    before, after = ("".join(row[found[0] + step] for row in cells) for step in (0, 1))
    return len(after) > len(before) and not (words and " " in before)


def _width(rows: Sequence[str], delimiter: str) -> int:
    """Count the cells of the rows; 0 if rows differ. Rows with odd quotes do not count."""
    widths = set(_widths(rows, delimiter))
    return widths.pop() if len(widths) == 1 else 0


def _usual_width(rows: Sequence[str], delimiter: str) -> int:
    """Count the cells of at least half of the rows, if all other rows have two or more; otherwise 0."""
    widths = Counter(_widths(rows, delimiter))
    if not widths or min(widths) <= 1:
        return 0
    width, frequency = widths.most_common(1)[0]
    return width if 2 * frequency >= widths.total() else 0


def majority_width(rows: Sequence[str], dialect: Dialect) -> int:
    """Count the cells of most rows; 0 if no number has a majority."""
    delimiter, quoting, _ = dialect
    widths = Counter(
        _widths(rows, delimiter) if quoting == "csv" else (len(parse_line(row, delimiter, quoting, 0)) for row in rows)
    )
    return next((width for width, frequency in widths.items() if 2 * frequency > len(rows)), 0)


def _most_have(rows: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the first row, and half of all rows, have at least `width` cells."""
    widths = _widths(rows, delimiter)
    return bool(widths) and widths[0] >= width and 2 * sum(found >= width for found in widths) >= len(widths)


def _widths(rows: Sequence[str], delimiter: str) -> list[int]:
    """Count the cells of every row; 0 for a row with a line end outside of quoted cells."""
    return [
        0 if "\n" in row and "\n" in without_quoted(row, delimiter) else len(cells)
        for row in rows
        if (cells := quoted_cells(row, delimiter))
    ]


def _all_cells(rows: Sequence[str], delimiter: str) -> list[list[str]]:
    return [cells for row in rows if (cells := quoted_cells(row, delimiter))]


def quoted_cells(line: str, delimiter: str) -> list[str]:
    """Parse the cells of a line; none if quotes do not fit the delimiter. With tabs, quotes may be anywhere."""
    try:
        return parse_quoted_line(line, delimiter)
    except QuoteError:
        return parse_line(line, delimiter, "line", 0) if delimiter == "\t" else []
