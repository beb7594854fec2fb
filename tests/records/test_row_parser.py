"""Rows under three rules of quoting, with Python's csv module as the oracle."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.records.row_parser import QuoteError, Quoting, parse_line, parse_quoted, parse_quoted_line

DELIMITERS = st.sampled_from([",", ";", "\t", " ", "'", "§"])


def parse_lines(lines: list[str], delimiter: str) -> list[str] | None:
    """Cells of the row that begins with the first line and takes the others; None if its quotes are malformed."""
    following = iter(lines[1:])

    def more() -> tuple[str, str] | None:
        line = next(following, None)
        return None if line is None else ("\n", line)

    try:
        return parse_quoted(lines[0], delimiter, more)
    except QuoteError:
        return None


def oracle(lines: list[str], delimiter: str) -> list[str] | None:
    reader = csv.reader([f"{line}\n" for line in lines[:-1]] + lines[-1:], delimiter=delimiter, strict=True)
    try:
        return next(reader) or [""]
    except csv.Error:
        return None


@given(st.lists(st.text('ab"", ', max_size=6), min_size=1, max_size=4), DELIMITERS)
def test_rows_are_read_as_the_csv_module_reads_them(lines: list[str], delimiter: str) -> None:
    texts = [line.replace(",", delimiter) for line in lines]
    assert parse_lines(texts, delimiter) == oracle(texts, delimiter)


def written(cells: list[str], delimiter: str, quoting: int) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=quoting).writerow(cells)  # type: ignore[arg-type]
    return file.getvalue().removesuffix("\n")


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8), min_size=1),
    DELIMITERS,
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_in_one_line_is_read_back_with_all_quotes(cells: list[str], delimiter: str, how: int) -> None:
    text = written(cells, delimiter, how)
    assert parse_quoted_line(text, delimiter) == cells
    for quoting in ("csv", "line"):
        assert parse_line(text, delimiter, quoting, len(cells)) == cells


@pytest.mark.parametrize(
    ("text", "width", "cells"),
    [
        ('1\t"so happy"', 2, ["1", "so happy"]),
        ('1\t"so\thappy"', 2, ["1", "so\thappy"]),
        ('1\t"so\thappy"', 3, ["1", '"so', 'happy"']),
        ('1\t"a ""b"" c"', 2, ["1", 'a "b" c']),
        ('1\tshe said "b" to me', 2, ["1", 'she said "b" to me']),
        ('1\t"so happy', 2, ["1", '"so happy']),
        ('1\tso happy"', 2, ["1", 'so happy"']),
        ('1\t"a" b "c"', 2, ["1", '"a" b "c"']),
        ('"\t"', 1, ["\t"]),
        ('"\t"', 2, ['"', '"']),
        ('""\t"', 2, ["", '"']),
        ('"""\t"a"', 2, ['"""', "a"]),
        ('""""\t""""""', 2, ['"', '""']),
        ('"a"\t"b\tc', 3, ["a", '"b', "c"]),
        ('"a"\t"b\tc"\t"d"', 4, ["a", '"b', 'c"', "d"]),
        ('"a"\t"b\tc"\t"d"', 3, ["a", "b\tc", "d"]),
        ('"a"\t"b\tc"\t"d"', 5, ["a", "b\tc", "d"]),
        ('"a"\t', 2, ["a", ""]),
        ('\t"', 2, ["", '"']),
    ],
)
def test_quotes_within_a_line(text: str, width: int, cells: list[str]) -> None:
    assert parse_line(text, "\t", "line", width) == cells


@given(st.text('ab"\t ', max_size=12), st.integers(0, 4))
def test_quotes_within_a_line_lose_no_character_but_quotes(text: str, width: int) -> None:
    cells = parse_line(text, "\t", "line", width)
    assert "\t".join(cells).replace('"', "") == text.replace('"', "")


@given(st.text('ab"\t ', max_size=12), st.integers(0, 4))
def test_without_quoting_all_quotes_are_text(text: str, width: int) -> None:
    assert parse_line(text, "\t", "none", width) == text.split("\t")


@pytest.mark.parametrize(
    ("text", "message"),
    [('"a', "not closed"), ('a,"b""', "not closed"), ('"a"b', "follows"), ('"a" ,b', "follows"), ('""a', "follows")],
)
def test_quotes_that_are_malformed(text: str, message: str) -> None:
    with pytest.raises(QuoteError, match=message):
        parse_line(text, ",", "csv", 2)


@pytest.mark.parametrize("quoting", ["csv", "line", "none"])
@pytest.mark.parametrize("count", [1, 100_000])
def test_rows_of_many_cells_and_long_cells(quoting: Quoting, count: int) -> None:
    cells = ["x" * (1_000_000 // count)] * count
    assert parse_line(",".join(cells), ",", quoting, count) == cells
    if quoting != "none":
        assert parse_line(",".join(f'"{cell}"' for cell in cells), ",", quoting, count) == cells


def test_a_cell_of_many_lines_keeps_their_ends() -> None:
    lines = iter([("\r\n", 'b""'), ("\n", ""), ("\r", 'c",d')])
    assert parse_quoted('1,"a', ",", lambda: next(lines, None)) == ["1", 'a\r\nb"\n\rc', "d"]
