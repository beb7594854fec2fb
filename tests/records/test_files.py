"""Records as they are found: line numbers, bad records that cost no good ones, bytes that are kept."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotion.errors import BadDataError, InputMissingError
from emotion.records import lines as module
from emotion.records.batch import Record
from emotion.records.dialect import DialectOptions
from emotion.records.files import format_of, open_records
from emotion.records.plain import CELL_LIMIT
from emotion.records.text_problem import undecodable


def read(path: Path, content: bytes, encoding: str = "utf-8") -> list[Record]:
    """Write `content` and read it as the records that the name of `path` says."""
    path.write_bytes(content)
    kind = format_of(path)
    assert kind is not None
    with open_records(path, kind, DialectOptions(encoding=encoding)) as records:
        return list(records.rows)


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", b'text,n\none,1\n\n"two\nthree",2\n\nfour,3\n')
    assert [(row.line, row.fields) for row in rows] == [(2, ["one", "1"]), (4, ["two\nthree", "2"]), (7, ["four", "3"])]
    rows = read(tmp_path / "a.jsonl", b'\n{"a": 1}\n\n[]\n')
    assert [(row.line, row.values, bool(row.problem)) for row in rows] == [(2, {"a": 1}, False), (4, None, True)]


def test_a_bad_row_costs_no_good_one(tmp_path: Path) -> None:
    good = b"".join(b"row %d,x\n" % number for number in range(500))
    rows = read(tmp_path / "a.csv", b"text,n\n" + good + b'"never closed,x\n' + good + b'"a"b,x\n' + good)
    assert len(rows) == 1502
    bad = [row for row in rows if row.problem]
    assert [(row.line, row.raw) for row in bad] == [(502, b'"never closed,x'), (1003, b'"a"b,x')]
    assert [row.line for row in rows] == list(range(2, 1504))


def test_a_field_that_is_too_long_is_a_bad_row_and_whole(tmp_path: Path) -> None:
    long = "x" * (CELL_LIMIT + 1)
    rows = read(tmp_path / "a.csv", f"text,n\n{long},1\nshort,2\n".encode())
    assert "over 1,048,576 characters" in rows[0].problem
    assert rows[0].raw == f"{long},1".encode()
    assert rows[1].fields == ["short", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_without_line_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, encoding: str
) -> None:
    monkeypatch.setattr(module, "RECORD_LIMIT", 1 << 17)
    content = ("text,n\nx,1\n" + "x" * (1 << 18) + "\n").encode(encoding)
    with pytest.raises(BadDataError, match="line 3 is longer"):
        read(tmp_path / name, content, encoding)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0\ufeff"), max_size=8), min_size=2, max_size=2), max_size=6
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_is_read_back(tmp_path: Path, rows: list[list[str]], line_end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    found = read(tmp_path / "a.csv", text.getvalue().encode("utf-8", "surrogatepass"))
    assert [row.problem for row in found] == [""] * len(rows)
    clean = [row for row in rows if not undecodable("".join(row))]
    assert [row.fields for row in found if not undecodable("".join(row.fields))] == clean


@pytest.mark.parametrize(
    ("content", "line_end", "mark"),
    [
        (b"text\nx\n", "\n", b""),
        (b"text\r\nx\r\n", "\r\n", b""),
        (b"text\rx\r", "\r", b""),
        (b"\xef\xbb\xbftext\nx\n", "\n", b"\xef\xbb\xbf"),
        (b"", "\n", b""),
    ],
)
def test_how_a_like_file_is_written(tmp_path: Path, content: bytes, line_end: str, mark: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with open_records(path, "csv") as records:
        assert (records.line_end, records.codec.name, records.codec.mark) == (line_end, "utf-8", mark)
        assert records.header == (["text"] if content else [])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(InputMissingError, match=path.name), open_records(path, "csv"):
            pass


def test_nesting_without_end_is_a_bad_row(tmp_path: Path) -> None:
    [row, good] = read(tmp_path / "a.jsonl", b"[" * 200_000 + b'\n{"a": 1}\n')
    assert row.problem == "JSON that is nested too deeply"
    assert good.values == {"a": 1}
