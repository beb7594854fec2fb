"""How much of a file's start is its sample, and which line end it has."""

import pytest

from emotion.records.sample import (
    SAMPLE_CHARACTERS,
    SAMPLE_LINES,
    line_end,
    logical_rows,
    sample_length,
    without_quoted,
)

LINE_ENDS = {
    'id,text\r0,"a\nb': "\r",
    'id,text\n1,"a\r\nb': "\n",
    "a\nb\r\n": "\n",
    "a\r\nb\n": "\r\n",
    "a\rb\r": "\r",
    "a\rb\n": "\n",
    "a\rb\rc\n": "\r",
    "a\r\r\nb\n": "\r\n",
    "a": "\n",
    "": "\n",
    "sep=;\r\na\nb\n": "\n",
    '"a\r\nb",c\nd\n': "\n",
    '"a\r\nb"': "\r\n",
}


@pytest.mark.parametrize("sample", LINE_ENDS)
def test_the_first_line_end_outside_quotes_decides(sample: str) -> None:
    assert line_end(sample, ",;") == LINE_ENDS[sample]


def test_without_delimiters_quotes_hide_no_line_end() -> None:
    assert line_end('"a\r\nb",c\nd\n', "") == "\r\n"


@pytest.mark.parametrize(
    ("text", "bare"),
    [('a,"b\n""c",d', "a,,d"), ('"a\n"\n"b"', "\n"), ('say "a\nb"', 'say "a\nb"'), ('a;"b"', 'a;"b"'), ('"a', '"a')],
)
def test_quoted_cells_are_removed(text: str, bare: str) -> None:
    assert without_quoted(text, ",") == bare


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (["a,b", "c"], ["a,b", "c"]),
        (['a,"b', 'c"', "d"], ['a,"b\nc"', "d"]),
        (['a,"b', "c", "d"], ['a,"b', "c", "d"]),
        (["a,b", 'c,"d', "e"], ["a,b", 'c,"d', "e"]),
        (['say "a', 'b"'], ['say "a', 'b"']),
        (['"a', 'b"', '"c""', '"'], ['"a\nb"', '"c""\n"']),
        ([], []),
    ],
)
def test_quoted_cells_join_lines(lines: list[str], rows: list[str]) -> None:
    assert logical_rows(lines, ",;", whole=True) == rows


def test_a_row_that_the_sample_cuts_is_none() -> None:
    assert logical_rows(["a,b", 'c,"d', "e"], ",;", whole=False) == ["a,b"]
    assert logical_rows(['c,"d', "e"], ",;", whole=False) == ['c,"d', "e"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sample_has_so_many_lines_behind_blank_ones(end: str) -> None:
    line = f"some text{end}"
    assert sample_length(end * 3 + line * 50) == len(end * 3 + line * SAMPLE_LINES)
    assert sample_length(line * (SAMPLE_LINES - 1)) == 0


def test_a_sample_of_long_lines_has_fewer_lines() -> None:
    line = "x" * (SAMPLE_CHARACTERS // 3) + "\n"
    assert sample_length(line * 40) == 2 * len(line)
