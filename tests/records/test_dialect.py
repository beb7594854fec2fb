"""The dialect that first lines show: delimiter, quoting, an index without a name; and what is refused."""

from pathlib import Path

import pytest

from emotion.errors import BadDataError, UsageError
from emotion.records.dialect import (
    DELIMITERS,
    Dialect,
    DialectOptions,
    Format,
    find_dialect,
    header_cells,
    parse_delimiter,
)
from emotion.records.row_parser import Quoting
from emotion.records.sample import logical_rows

TEXT = ("text",)


def find(sample: str, kind: Format = "csv", columns: tuple[str, ...] = TEXT, **options: object) -> Dialect:
    rows = logical_rows([line for line in sample.split("\n") if line], "".join(DELIMITERS), whole=True)
    return find_dialect(Path("in.csv"), kind, rows, DialectOptions(**options), columns)  # type: ignore[arg-type]


# A sample, the columns that are wanted, and the delimiter.
WITH_HEADER: dict[str, tuple[str, tuple[str, ...], str]] = {
    "semicolon": ("id;text\n1;a\n", TEXT, ";"),
    "pipe": ("id|text\n1|a\n", TEXT, "|"),
    "tab": ("id\ttext\n1\ta\n", TEXT, "\t"),
    "comma": ("id,text\n1;a,b\n", TEXT, ","),
    "the wanted column decides": ("a,b;text\n1,2;x\n", TEXT, ";"),
    "one of two wanted columns": ("a,text;b,label\n1,2;3,x\n", ("text", "label"), ","),
    "the rows decide": ("a,b;c\n1;2\n3,4,5;6\n", ("nothing",), ";"),
    "the format decides": ("a,b;c\n", ("nothing",), ","),
    "quoted names": ('"size, in m";"text"\n"a";"b"\n', TEXT, ";"),
    "quoted once more": ('"id;""text"""\n"1;""a"""\n', TEXT, ";"),
    "one name": ("text\na\nb\n", TEXT, ","),
    "one name, commas in texts": ("text\nyes, a\nno, b\n", TEXT, ","),
    "one name, some semicolons": ("text\na; b\nc\n", TEXT, ","),
    "one name, one row": ("text\na; b\n", TEXT, ","),
    "no row": ("id;text\n", TEXT, ";"),
    "nothing": ("", TEXT, ","),
}


@pytest.mark.parametrize("name", WITH_HEADER)
def test_the_header_shows_the_delimiter(name: str) -> None:
    sample, columns, delimiter = WITH_HEADER[name]
    assert find(sample, columns=columns) == Dialect(delimiter, "line" if delimiter == "\t" else "csv")


WITHOUT_HEADER: dict[str, tuple[str, tuple[str, ...], str]] = {
    "quoted cells of several lines": ('1;"so happy, yes\nreally, so"\n2;"so sad, yes\nreally, so"\n', ("2",), ";"),
    "semicolons in quoted lines": ('1,"so happy; yes\nreally; so"\n2,"so sad; yes\nreally; so"\n', ("2",), ","),
    "a first row of several lines": ('a|"Dear team,\nso happy, yes\nBob"\nb|"so scared"\n', ("2",), "|"),
    "one of three rows": ('happy;"J\nand S"\nsad;x\nmad;y\n', ("1",), ";"),
    "all rows alike": ("a;b\nc;d\n", TEXT, ";"),
    "quoted, with a comma in all rows": ('"a, b";"c"\n"d";"e, f"\n', TEXT, ";"),
    "as many as the wanted column needs": ("a, b|c, d|e\nf|g|h\n", ("3",), "|"),
    "rows too short": ("a;b\nc\nd;e\n", ("2",), ";"),
    "one column": ("a\nb; c\nd\n", TEXT, ","),
    "commas in some texts": ("a, b\nc\nd\n", TEXT, ","),
    "nothing": ("", TEXT, ","),
}


@pytest.mark.parametrize("name", WITHOUT_HEADER)
def test_the_rows_show_the_delimiter(name: str) -> None:
    sample, columns, delimiter = WITHOUT_HEADER[name]
    assert find(sample, columns=columns, header=False).delimiter == delimiter


# A sample, whether it has a header, and what the message says.
REFUSED: dict[str, tuple[str, bool, str]] = {
    "two in the header": ("a;b|c\n1;2|3\n", True, r"may be ';' or '\|'"),
    "rows have more cells than the one name": ("text\na;b\nc;d\n", True, "the delimiter ';' divides .* into 2"),
    "tabs below one name": ("text\na\tb\nc\td\n", True, "the delimiter tab divides"),
    "most rows of no header": ("a;b\nc;d\ne\n", False, "the delimiter ';' divides most"),
    "two in all rows but for a ragged one": ("1;a, b\n2;c, d;x\n", False, "may be ',' or ';'"),
    "tabs in most rows, commas in all": ("1\ta, b\n2\tc, d\tx\n", False, "may be ',' or tab"),
    "two in all rows": ("a;b|c\nd;e|f\n", False, r"may be ';' or '\|'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_be_read_in_several_ways_is_refused(name: str) -> None:
    sample, header, message = REFUSED[name]
    with pytest.raises(BadDataError, match=message) as caught:
        find(sample, columns=("other",), header=header)
    assert "--delimiter" in caught.value.hint
    assert find(sample, delimiter=";", header=header).delimiter == ";"


@pytest.mark.parametrize("kind", ["csv", "tsv"])
@pytest.mark.parametrize(
    ("delimiter", "said", "quoting"),
    [(";", None, "csv"), ("\t", None, "line"), ("\t", "csv", "csv"), ("\t", "none", "none"), (";", "none", "none")],
)
def test_the_delimiter_decides_how_quotes_are_read(
    kind: Format, delimiter: str, said: Quoting | None, quoting: Quoting
) -> None:
    sample = f"id{delimiter}text\n1{delimiter}a\n"
    assert find(sample, kind, quoting=said) == find(sample, kind, quoting=said, delimiter=delimiter)
    assert find(sample, kind, quoting=said) == Dialect(delimiter, quoting)


INDEX = {
    "from 0": "text\n0,so happy\n1,b\n",
    "from 1": "n,text\n1,7,so happy\n2,8,b\n",
    "with gaps": "n,text\n1,7,so happy\n20,8,b\n21,9,c\n",
    "R": '"n","text"\n"7","8","so happy"\n"3","8","b"\n',
    "R, names": '"n","text"\n"x",8,"so happy"\n"y",8,"b"\n',
    "R, names, the text first": '"text","n"\n"x","so happy",8\n"y","b",8\n',
    "R, one row": '"n","text"\n"5",8,"so happy"\n',
    "R, texts of several lines": '"n","text"\n"1",7,"so happy"\n"2",8,"so\nfurious"\n',
    "R, the text first": '"text","n"\n"5","so happy",8\n"2","b",8\n',
    "ids beside it": "id,text\n0,71,so happy\n1,82,b\n",
    "R, commas in texts": '"n","text"\n"1",8,"a, b"\n"2",8,"c, d"\n',
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", INDEX)
def test_an_index_without_a_name_is_found(name: str, delimiter: str) -> None:
    assert find(INDEX[name].replace(",", delimiter)) == Dialect(delimiter, "line" if delimiter == "\t" else "csv", True)


NO_INDEX = {
    "as many names": "id,text\n1,a\n2,b\n",
    "an empty name": ",text\n0,a\n1,b\n",
    "one row": "id,text\n1,a,b\n",
    "a delimiter behind every row": "id,text\n1,a,\n2,b,\n",
    "rows that differ": "id,text\n1,a,b\n2,c\n",
    "two cells more": "id,text\n1,a,b,c\n2,d,e,f\n",
    "years": "text\n2019,a\n2020,b\n",
    "falling numbers": "text\n1,a\n0,b\n",
    "the same number": "text\n1,a\n1,b\n",
    "numbers of lists": "text\n1, a\n2, b\n",
    "commas in texts": "id,text\n1,yes, a\n2,no, b\n",
    "words": "text\nyes,a\nno,b\n",
    "decimal numbers": "text\n0.5,a\n1.5,b\n",
    "other digits": "text\n\u0661,a\n\u0662,b\n",
    "a quoted header, words alike": '"n","text"\n"x",7,"a"\n"x",8,"b"\n',
    "an empty cell in front": "id,text\n,1,a\n,2,b\n",
    "decimal commas": "user_id,text,price\n1,so happy,1,50\n2,so furious,2,30\n",
    "decimal commas, a name of pandas": "Unnamed: 0,text,price\n0,so happy,1,50\n1,so furious,2,30\n",
    "decimal commas, a title": "Ticket Nr.,text,price\n0,so happy,1,50\n1,so furious,2,30\n",
    "decimal commas, quoted names": '"user","text","price"\n"ann","so happy",1,50\n"bob","so furious",2,30\n',
    "a last column without a name": '"user","text"\n"ann","so happy","x"\n',
    "longer notes behind ids": "rank,text\n1,happy,so very happy\n2,furious,so very furious\n",
    "labels behind quoted texts": '"text"\n"so happy","joy"\n"so furious","anger"\n',
    "names in quotes": '"user","text"\n"ann","so happy","very glad to hear"\n"bob","so mad","very sad to hear"\n',
    "other columns": "n,body\n1,7,so happy\n2,8,b\n",
}


@pytest.mark.parametrize("name", NO_INDEX)
def test_what_only_looks_like_an_index_is_none(name: str) -> None:
    assert find(NO_INDEX[name]) == Dialect(",", "csv")


def test_a_file_without_a_header_has_no_index() -> None:
    assert not find("1,a\n2,b\n", header=False).unnamed


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("a;b", ["a", "b"]),
        ('"a;b"', ["a", "b"]),
        ('"a;""b; c"""', ["a", "b; c"]),
        ('"a";"b;c"', ["a", "b;c"]),
        ('"a', ['"a']),
        ("", [""]),
    ],
)
def test_names_in_a_header(line: str, cells: list[str]) -> None:
    assert header_cells(line, ";", ["a"]) == cells


@pytest.mark.parametrize(
    ("text", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), (";", ";"), (" ", " "), ("§", "§")]
)
def test_delimiters_that_can_be_said(text: str, delimiter: str) -> None:
    assert parse_delimiter(text) == delimiter


@pytest.mark.parametrize("text", ["", ";;", "Tab", "\\n", '"', "\n", "\r", "\0", "semicolon"])
def test_delimiters_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a delimiter"):
        parse_delimiter(text)
