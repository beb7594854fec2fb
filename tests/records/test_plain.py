"""Lines that may be parsed together, and lines that need more care."""

import pytest

from emotion.records.dialect import Dialect
from emotion.records.plain import CELL_LIMIT, plain_rows
from emotion.records.row_parser import Quoting


def cells(lines: list[bytes], end: str = "\n", quoting: Quoting = "csv", width: int = 2) -> list[str]:
    rows = plain_rows(lines, 7, end, Dialect(",", quoting), width)
    assert [record.line for record in rows.records] == list(range(7, 7 + len(rows)))
    assert rows.content() == b"".join(lines[: len(rows)])
    assert rows.texts == [line.decode().removesuffix(end) for line in lines[: len(rows)]]
    return rows.cells


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_plain_lines(end: str) -> None:
    lines = [f"{text}{end}".encode() for text in ("a,b", ",", "é,日本")]
    assert cells(lines, end) == ["a", "b", "", "", "é", "日本"]


@pytest.mark.parametrize(
    ("line", "csv", "line_by_line", "none"),
    [
        (b'a,"b"\n', "b", None, '"b"'),
        (b'a,"b, b"\n', "b, b", None, None),
        (b'a,"b ""b"""\n', 'b "b"', None, '"b ""b"""'),
        (b'a,5" wide\n', '5" wide', '5" wide', '5" wide'),
        (b'a,"b" b\n', None, None, '"b" b'),
        (b'a,"open\n', None, None, '"open'),
    ],
)
def test_quotes(line: bytes, csv: str | None, line_by_line: str | None, none: str | None) -> None:
    for quoting, expected in (("csv", csv), ("line", line_by_line), ("none", none)):
        found = cells([b"a,b\n", line, b"c,d\n"], quoting=quoting)  # type: ignore[arg-type]
        assert found == ["a", "b", *(() if expected is None else ("a", expected, "c", "d"))]


@pytest.mark.parametrize("line", [b"a\n", b"a,b,c\n", b"\n"])
def test_rows_up_to_the_first_of_another_width(line: bytes) -> None:
    assert cells([b"a,b\n", line, b"c,d\n"]) == ["a", "b"]


ODD = {
    "NUL": b"a,\0\n",
    "a carriage return": b"a\rb,c\n",
    "another line end": b"a,b\r\n",
    "no UTF-8": b"a,\xff\n",
    "a byte order mark": "\ufeffa,b\n".encode(),
    "a mark of another order": "a\ufffe,b\n".encode(),
    "a long cell": b"a," + b"x" * CELL_LIMIT + b"\n",
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_line_leaves_all_to_a_closer_look(name: str) -> None:
    for quoting in ("csv", "none"):
        assert cells([b"a,b\n", ODD[name], b"c,d\n"], quoting=quoting) == []


@pytest.mark.parametrize(("line", "end"), [(b"a\nb\r\n", "\r\n"), (b"a\rb\r\n", "\r\n"), (b"a\nb\r", "\r")])
def test_line_ends_within_a_line(line: bytes, end: str) -> None:
    assert cells([f"a{end}".encode(), line], end, width=1) == []


def test_no_lines() -> None:
    assert cells([]) == []
