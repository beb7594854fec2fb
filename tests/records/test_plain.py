"""Lines that may be decoded and split together, and lines that may not."""

import pytest

from emotion.records.plain import CELL_LIMIT, plain_texts


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_plain_lines(end: str) -> None:
    lines = [f"{text}{end}".encode() for text in ("a,b", "", "é,日本")]
    assert plain_texts(lines, end, "utf-8", quotes=True) == ["a,b", "", "é,日本"]


ODD = {
    "a quote": b'a,"b"\n',
    "NUL": b"a,\0\n",
    "a carriage return": b"a\rb\n",
    "another line end": b"a\r\n",
    "no UTF-8": b"a,\xff\n",
    "a byte order mark": "\ufeffa\n".encode(),
    "a mark of another order": "a\ufffe\n".encode(),
    "a long cell": b"x" * CELL_LIMIT + b"\n",
}


@pytest.mark.parametrize("name", ODD)
def test_one_odd_line_is_enough(name: str) -> None:
    lines = [b"a,b\n", ODD[name], b"c,d\n"]
    assert plain_texts(lines, "\n", "utf-8", quotes=True) == []
    assert bool(plain_texts(lines, "\n", "utf-8", quotes=False)) == (name == "a quote")


@pytest.mark.parametrize(("line", "end"), [(b"a\nb\r\n", "\r\n"), (b"a\rb\r\n", "\r\n"), (b"a\nb\r", "\r")])
def test_line_ends_within_a_line(line: bytes, end: str) -> None:
    assert plain_texts([f"a{end}".encode(), line], end, "utf-8", quotes=True) == []


def test_other_encodings_and_no_lines() -> None:
    assert plain_texts([b"a\n"], "\n", "cp1252", quotes=True) == []
    assert plain_texts([], "\n", "utf-8", quotes=True) == []
