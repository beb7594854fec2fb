"""Rows with their own bytes: quotes that are not closed, rows within rows, blank lines, and nothing lost."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.errors import BadDataError
from emotion.records import delimited as module
from emotion.records.batch import Record
from emotion.records.delimited import RowReader
from emotion.records.dialect import DELIMITERS, DialectOptions, Format
from emotion.records.lines import Lines
from emotion.records.record import Records
from emotion.records.row_parser import Quoting
from emotion.records.table import open_rows


def open_content(
    content: bytes | str, kind: Format = "csv", columns: Sequence[str] = ("text",), **options: object
) -> Records:
    given_options = DialectOptions(**options)  # type: ignore[arg-type]
    data = content.encode(given_options.encoding) if isinstance(content, str) else content
    delimiters = "" if given_options.quoting == "none" else given_options.delimiter or "".join(DELIMITERS)
    lines = Lines(Path("in.csv"), io.BytesIO(data), given_options.encoding, delimiters)
    return open_rows(lines, kind, given_options, columns)


def read(content: bytes | str, kind: Format = "csv", **options: object) -> list[Record]:
    return list(open_content(content, kind, **options).rows)  # type: ignore[arg-type]


def fields(rows: list[Record]) -> list[list[str]]:
    return [row.fields for row in rows]


def joined(records: Records) -> bytes:
    """All bytes of a file: what stands before the header, the header, and the rows."""
    first = [] if records.first is None else [records.first]
    return records.preamble + b"".join(record.raw + record.end for record in [*first, *records.rows])


PIECES = ["a", "text", "é", " ", "7", '"', '""', ",", ";", "\t", "\n", "\r\n", "\r", "\n\n", "\ufeff", "\udcff"]
HEADS = ["text\n", "id,text\r\n", "id;text\r", "sep=;\nid;text\n", '"id;""text"""\n', "\n\nid\ttext\n", ""]


@settings(max_examples=400)
@given(
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "cp1252"]),
    st.sampled_from([None, "csv", "none"]),
    st.booleans(),
    st.sampled_from(["", "\ufeff"]),
)
def test_rows_are_the_file(
    head: str, body: str, encoding: str, quoting: Quoting | None, header: bool, mark: str
) -> None:
    wide = encoding.startswith("utf-16")
    content = (mark + head + body).encode(encoding, "surrogatepass" if wide else "replace")
    content = content if wide else content.replace(b"?", b"\xff")
    read_so_far = b""
    try:
        records = open_content(content, quoting=quoting, header=header, encoding=encoding)
        read_so_far = records.preamble + (records.first.raw + records.first.end if records.first else b"")
        for record in records.rows:
            read_so_far += record.raw + record.end
    except BadDataError:
        assert content.startswith(read_so_far)
    else:
        assert read_so_far == content


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["a", '"', ",", "\n", "\n", '"b\n', '",']), max_size=30).map("".join))
def test_rows_have_the_lines_that_they_start_at(body: str) -> None:
    content = f"id,text\n{body}"
    starts = [0] + [at + 1 for at, character in enumerate(content) if character == "\n"]
    records = open_content(content, quoting="csv")
    assert records.first is not None
    at = len(records.first.raw + records.first.end)
    for record in records.rows:
        assert starts[record.line - 1] == at
        at += len(record.raw + record.end)


def test_a_quote_that_is_not_closed_costs_its_line_alone() -> None:
    # The next quote closes the first one, and text follows.
    rows = read('id,text\n1,"a\n2,b\n3,"c\nd"\n4,"e\n5,f\n')
    assert rows[0].problem == "malformed quoting: text follows a closing quote"
    assert (rows[0].fields, rows[0].written) == (["1", '"a'], 2)
    assert [(row.line, row.raw, bool(row.problem)) for row in rows] == [
        (2, b'1,"a', True),
        (3, b"2,b", False),
        (4, b'3,"c\nd"', False),
        (6, b'4,"e', True),
        (7, b"5,f", False),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quoted_cells_keep_their_line_ends(end: str) -> None:
    rows = read(f'id,text{end}1,"a{end}{end}b"{end}2,c')
    assert fields(rows) == [["1", f"a{end}{end}b"], ["2", "c"]]
    assert [(row.line, row.end) for row in rows] == [(2, end.encode()), (5, b"")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "1,a\n2,b\n3,c\r\n4,d\r\n",
            [(2, "1,a", "\n"), (3, "2,b", "\n"), (4, "3,c", "\r\n"), (5, "4,d", "\r\n")],
        ),
        ('1,"a\n2,b"\r\n', [(2, '1,"a\n2,b"', "\r\n")]),
        ('1,"a\nb"\r\n', [(2, '1,"a\nb"', "\r\n")]),
        ("1,a\nb\r\n", [(2, "1,a\nb", "\r\n")]),
        ("1,a\r\n2,b\n", [(2, "1,a", "\r\n"), (3, "2,b", "\n")]),
        ("1,a\n2,b\n3,c\n\r\n", [(2, "1,a", "\n"), (3, "2,b", "\n"), (4, "3,c", "\n\r\n")]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_rows_within_rows(rows: str, expected: list[tuple[int, str, str]], encoding: str) -> None:
    found = read(f"id,text\r\n{rows}", encoding=encoding)
    assert [(row.line, row.raw.decode(encoding), row.end.decode(encoding)) for row in found] == expected


def test_rows_within_rows_keep_the_spelling_of_their_characters() -> None:
    content = b"id,text\r\n" + b"0,happy \x87\x9b\n" * 5
    assert content.decode("cp932").encode("cp932") != content
    assert joined(open_content(content, encoding="cp932")) == content


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("id,text\r\n0,a\r\n\n1,a\n2,b\n3,c\r\n", 3),
        ("text\r\na\nb\r\n", 2),
        ("id,text\r\n1,dear all\nThanks, so happy\r\n", 2),
        ("id,text\r" + "0,a\r" * 40 + "1,a\n2,b\r", 42),
        ("id,text\r\n1,happy\n\r\n", 2),
        ('id,text\r\n0,a\r\n1,"happy"\n\n\r\n', 3),
    ],
)
def test_lines_within_a_line_that_may_be_one_text_are_refused(content: str, line: int) -> None:
    with pytest.raises(BadDataError, match=rf"line {line}: a \\n within a line"):
        read(content)


PLAIN = "".join(f"{number},text {number}\n" for number in range(9000))
AMONG_PLAIN = {
    "quotes": 'a,"so\nhappy"\n',
    "a short row": "happy\n",
    "blank lines": "a,happy\n\n\n",
    "other line ends": "a,happy\r\n",
    "a carriage return": "a,so\rhappy\n",
    "NUL": "a,so\0\n",
    "no text": "a,\udcff\n",
    "a mark": "\ufeffa,happy\n",
    "the header": " Text ,ID\n",
    "other letters": "é,日本語\n",
}


@pytest.mark.parametrize("place", [40, 5000, 9000])
@pytest.mark.parametrize("name", AMONG_PLAIN)
def test_rows_among_plain_rows_are_read_as_one_by_one(monkeypatch: pytest.MonkeyPatch, name: str, place: int) -> None:
    lines = PLAIN.splitlines(keepends=True)
    content = "id,text\n" + "".join([*lines[:place], AMONG_PLAIN[name], *lines[place:]])
    data = content.encode("utf-8", "surrogateescape")
    together = read(data)
    monkeypatch.setattr(RowReader, "_plain_rows", lambda _: None)
    one_by_one = read(data)
    assert len(together) == len(one_by_one) == 9001
    assert together == one_by_one


ROW_PIECES = [
    "a",
    "id",
    "é",
    '"',
    '""',
    '"b, b"',
    ",",
    ",",
    "\t",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\ufeff",
    "\udcff",
    "\0",
]
WHOLE_ROWS = ["7,happy\n", '7,"so, so"\n', '"7","a ""b"""\n', '7,5" wide\n', '7,"two\nlines"\n', "7\ta\n", '7\t"a" b\n']


@settings(max_examples=1000)
@given(
    st.sampled_from(["id,text\n", "id\ttext\n", "id,text\r\n", "text\n", ""]),
    st.lists(st.sampled_from([*ROW_PIECES, *WHOLE_ROWS, *WHOLE_ROWS])).map("".join),
    st.sampled_from([None, "csv", "none"]),
    st.sampled_from(["csv", "tsv"]),
)
def test_rows_that_are_parsed_together_are_what_one_by_one_gives(
    head: str, body: str, quoting: Quoting | None, kind: Format
) -> None:
    data = (head + body).encode("utf-8", "surrogateescape")

    def rows() -> list[Record] | str:
        try:
            return read(data, kind, quoting=quoting, header=bool(head))
        except BadDataError as error:
            return str(error)

    together = rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowReader, "_plain_rows", lambda _: None)
        assert together == rows()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("quoting", "header"), [(None, True), ("none", True), ("csv", False)])
def test_plain_rows_are_read_together(
    monkeypatch: pytest.MonkeyPatch, end: str, quoting: Quoting | None, header: bool
) -> None:
    taken: list[Record | None] = []
    take = RowReader.take

    def count(reader: RowReader) -> Record | None:
        taken.append(take(reader))
        return taken[-1]

    monkeypatch.setattr(RowReader, "take", count)
    content = ("id,text\n" * header + PLAIN).replace("\n", end)
    rows = read(content, quoting=quoting, header=header)
    assert [row.fields[0] for row in rows] == [str(number) for number in range(9000)]
    assert len(taken) < 100


def test_no_more_lines_are_asked_for_than_a_file_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    take_read = Lines.take_read
    monkeypatch.setattr(Lines, "take_read", lambda lines, most: asked.append(most) or take_read(lines, most))  # type: ignore[func-returns-value]
    assert len(read("id,text\n" + PLAIN * 20)) == 180_000
    assert max(asked) < 180_000


def test_quoted_rows_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = RowReader.take
    monkeypatch.setattr(RowReader, "take", lambda reader: taken.append(1) or take(reader))  # type: ignore[func-returns-value]
    odd = {4000: '9,"of two\nlines"\n', 6000: "9,short,long\n"}
    content = "id,text\n" + "".join(odd.get(number, f'{number},"so, ""so"""\n') for number in range(9000))
    rows = read(content)
    assert [row.fields[1] for row in rows if row.line > 4003 and not row.problem] == ['so, "so"'] * 4998
    assert (len(rows), rows[6000].problem) == (9000, "3 fields where the header has 2")
    assert len(taken) < 100


def test_blank_lines_belong_to_the_row_before() -> None:
    records = open_content("\n\nid,text\n\n1,a\n\r\n\n2,b\n \n")
    rows = list(records.rows)
    assert records.preamble == b"\n\n"
    assert records.first is not None
    assert (records.first.line, records.first.raw, records.first.end) == (3, b"id,text", b"\n\n")
    assert [(row.line, row.raw, row.end) for row in rows] == [
        (5, b"1,a", b"\n\r\n\n"),
        (8, b"2,b", b"\n"),
        (9, b" ", b"\n"),
    ]
    assert rows[2].problem == "1 field where the header has 2"


def test_blank_lines_of_one_column_are_rows() -> None:
    rows = read("\n\ntext\n\na\n\n")
    assert [(row.line, row.fields, row.end) for row in rows] == [(4, [""], b"\n"), (5, ["a"], b"\n"), (6, [""], b"\n")]
    assert fields(read("a\n\nb\n", header=False)) == [["a"], [""], ["b"]]


@pytest.mark.parametrize(
    ("content", "names"),
    [("a;b;c\n1;2;3\n", ["1", "2", "3"]), ("a\n", ["1"]), ("\n\na;b\n", ["1", "2"]), ("", []), ("\n", ["1"])],
)
def test_columns_without_a_header_are_numbers(content: str, names: list[str]) -> None:
    records = open_content(content, header=False)
    assert (records.header or [], records.first) == (names, None)
    assert joined(records) == content.encode()


def test_an_index_has_an_empty_name() -> None:
    records = open_content("n,text\n" + "".join(f"{number},7,so happy\n" for number in range(40)) + "40,c\n")
    assert records.header == ["", "n", "text"]
    assert [row.problem for row in records.rows][39:] == ["", "2 fields where the header has 2 and an index"]


WRAPPED: dict[str, tuple[str, list[list[str]], list[int]]] = {
    "header and rows": ('"id;text"\n"1;a"\n2;b\n', [["1", "a"], ["2", "b"]], [1, 2]),
    "quotes within": ('"id;""text"""\n"1;""a; b"""\n', [["1", "a; b"]], [1]),
    "rows alone": ('id;text\n"1;""a; b"""\n', [["1", "a; b"]], [1]),
    "no such file": ('id;text\n"so; happy"\n', [["so; happy"]], [1]),
    "too many cells": ('id;text\n"1;""a"";2"\n', [['1;"a";2']], [1]),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_rows_that_are_quoted_once_more(name: str) -> None:
    content, cells, written = WRAPPED[name]
    records = open_content(content)
    rows = list(records.rows)
    assert records.header == ["id", "text"]
    assert (fields(rows), [row.written for row in rows]) == (cells, written)
    assert [bool(row.problem) for row in rows] == [len(row) != 2 for row in cells]


PROBLEMS: dict[str, tuple[bytes, str]] = {
    "short": (b"1\n", "1 field where the header has 2"),
    "long": (b"1,2,3\n", "3 fields where the header has 2"),
    "header": (b"id,text\n", "the header again"),
    "mark": (b"\xef\xbb\xbf1,2\n", "byte order mark"),
    "NUL": (b"1,a\0b\n", "NUL bytes"),
    "quoted header": (b'"id","text"\n', "the header again"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_rows_that_are_named(name: str) -> None:
    content, problem = PROBLEMS[name]
    # The sample at the start of a file must not have NUL bytes.
    rows = read(b"id,text\n" + b"1,good\n" * 40 + content + b"1,good\n")
    assert [(row.line, problem in row.problem) for row in rows if row.problem] == [(42, True)]


SPANNING = 'id\ttext\n1\t"a\nb"\n2\tc\n'


def test_a_tsv_whose_cells_may_span_lines_is_refused() -> None:
    with pytest.raises(BadDataError, match="line 2: a quote may include the next lines") as caught:
        read(SPANNING, "tsv")
    assert "--quoting csv" in caught.value.hint
    assert fields(read(SPANNING, "tsv", quoting="csv")) == [["1", "a\nb"], ["2", "c"]]
    assert fields(read(SPANNING, "tsv", quoting="none")) == [["1", '"a'], ['b"'], ["2", "c"]]


@pytest.mark.parametrize(
    "rows", ['1\t"a\n2\tb"\n', '1\t"a\n2\tb\n', '1\t"a\nb" c\n', '1\t"a\n' + "2\tb\n" * 500 + '3\tc"\n']
)
def test_quotes_of_a_tsv_that_span_no_lines(rows: str) -> None:
    found = read(f"id\ttext\n{rows}", "tsv")
    assert [row.raw.decode() for row in found] == rows.splitlines()


def test_limits_of_a_cell_and_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELL_LIMIT", 100)
    monkeypatch.setattr(module, "RECORD_LIMIT", 4000)
    rows = read('id,text\n1,"' + "ab\n" * 40 + f'"\n2,{"x" * 100}\n{"x" * 60},{"y" * 60}\n3,{"x" * 101}\n')
    assert [bool(row.problem) for row in rows] == [True, False, False, True]
    assert "a field has over 100 characters" in rows[0].problem
    assert len(rows[0].raw) == 124
    # In a TSV a quote that is not closed is text.
    assert len(read('id\ttext\n1\t"b\n' + "2\tc\n" * 1000, "tsv")) == 1001
    with pytest.raises(BadDataError, match="the quote in line 3 stays open") as caught:
        read('id,text\n1,a\n2,"b\n' + "c\n" * 1000)
    assert "--quoting none" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'id,"text\n1,a\n', "the header .line 1. cannot be read: malformed quoting"),
        (b"id,te\xffxt\n", "the header .line 1. has undecodable bytes"),
        (b"\n\xef\xbb\xbfid,text\n", r"the header .line 2. cannot be read.*\\ufeffid"),
    ],
)
def test_headers_that_cannot_be_read(content: bytes, message: str) -> None:
    with pytest.raises(BadDataError, match=message):
        open_content(content)


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("content", ["id;text\n1;a\n", "sep=;\nid;text\n1;a\n"])
def test_blank_lines_in_front_hide_no_dialect(content: str, count: int) -> None:
    records = open_content("\n" * count + content)
    assert (records.header, fields(list(records.rows))) == (["id", "text"], [["1", "a"]])


def test_a_delimiter_that_a_file_cannot_have_is_bad_data() -> None:
    with pytest.raises(BadDataError, match="delimiter"):
        open_content('sep="\nid;text\n1;a\n')


def test_a_quoted_cell_of_whole_rows_is_refused_until_somebody_says_what_quotes_mean() -> None:
    content = 'id,text\n1,"happy\n2,furious\n3,scared"\n4,happy\n'
    with pytest.raises(BadDataError, match="line 2: a quote may include the next lines") as caught:
        read(content)
    assert "--quoting csv" in caught.value.hint
    assert [row.fields[0] for row in read(content, quoting="csv")] == ["1", "4"]
    assert [row.fields[0] for row in read(content, quoting="none")] == ["1", "2", "3", "4"]
    assert len(read('id,text\n1,"Dear all,\nso happy\nso scared"\n')) == 1


@pytest.mark.parametrize(
    ("rows", "line_ends"),
    [
        ('1,"happy\n2,furious"\n', 1),
        ('1,"happy, and more\n2,furious"\n', 1),
        ('0,a\n9,"happy, and more\n4,furious\n7,scared\n8,scared"\n', 3),
        ('ann,"happy\n\nbob,furious\n\ncy,scared"\n', 4),
    ],
)
def test_rows_in_a_quoted_cell_are_doubted(rows: str, line_ends: int) -> None:
    with pytest.raises(BadDataError, match="a quote may include the next lines"):
        read(f"id,text\n{rows}")
    with pytest.raises(BadDataError, match="a quote may include the next lines"):
        read(rows, header=False)
    assert read(f"id,text\n{rows}", quoting="csv")[-1].fields[1].count("\n") == line_ends


@pytest.mark.parametrize(
    "cell",
    [
        "Dear all,\nso happy",
        "1 cat, 2 dogs\n3 birds, 4 mice",
        "a\n\n5,b",
        "one\n2,\n3",
        "Hi,\nYes, I am happy\nNo, I am not sad\nOK, see you",
        "buy:\n8, eggs",
    ],
)
def test_lines_of_a_quoted_cell_that_are_no_rows(cell: str) -> None:
    assert [row.fields for row in read(f'id,text\n7,"{cell}"\n8,b\n')] == [["7", cell], ["8", "b"]]


@pytest.mark.parametrize(("kind", "line"), [("csv", '1","happy\n'), ("tsv", '1"\t"happy\n')])
def test_quotes_that_chain_all_lines_are_read_once(monkeypatch: pytest.MonkeyPatch, kind: Format, line: str) -> None:
    taken = 0
    take = Lines.take

    def count(lines: Lines) -> bytes:
        nonlocal taken
        taken += 1
        return take(lines)

    monkeypatch.setattr(Lines, "take", count)
    delimiter = "," if kind == "csv" else "\t"
    assert len(read(f"id{delimiter}text\n" + line * 2000, kind)) == 2000
    assert taken < 3 * 2000
