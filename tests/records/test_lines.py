"""Physical lines: line ends, ends of blocks, lines that are put back, the sample, and limits."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.errors import BadDataError, InputMissingError
from emotion.records import lines as module
from emotion.records.lines import Lines
from emotion.records.sample import SAMPLE_CHARACTERS, SAMPLE_LINES
from emotion.records.text_io import BLOCK

PATH = Path("in.csv")


class Pipe(io.RawIOBase):
    """Bytes that arrive in pieces of the given sizes, again and again, as a pipe gives them."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self.rest, self.sizes, self.reads = content, sizes, 0

    def read1(self, limit: int) -> bytes:
        size = min(limit, self.sizes[self.reads % len(self.sizes)])
        self.reads += 1
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece


def open_lines(content: bytes | str, encoding: str = "utf-8", sizes: list[int] | None = None) -> Lines:
    data = content.encode(encoding) if isinstance(content, str) else content
    return Lines(PATH, Pipe(data, sizes or [BLOCK]), encoding, ",;|\t")  # type: ignore[arg-type]


def all_lines(lines: Lines) -> list[bytes]:
    return list(iter(lines.take, b""))


@pytest.mark.parametrize(
    ("content", "end", "expected"),
    [
        ("a\nb\n", "\n", ["a\n", "b\n"]),
        ("a\nb", "\n", ["a\n", "b"]),
        ("a\n\r\nb\n", "\n", ["a\n", "\r\n", "b\n"]),
        ("a\r\nb\r\n", "\r\n", ["a\r\n", "b\r\n"]),
        ("a\r\nb\nc\rd\r\n\r", "\r\n", ["a\r\n", "b\nc\rd\r\n", "\r"]),
        ("a\rb\r\r", "\r", ["a\r", "b\r", "\r"]),
        ("a\rb\nc\n", "\n", ["a\rb\n", "c\n"]),
        ("a\x85b\u2028c\x0bd\x0ce\x1cf\n", "\n", ["a\x85b\u2028c\x0bd\x0ce\x1cf\n"]),
        ('"a\r\nb"\n"c"\n', "\n", ['"a\r\n', 'b"\n', '"c"\n']),
        ('"a\nb"\r"c"\r', "\r", ['"a\nb"\r', '"c"\r']),
        ("a", "\n", ["a"]),
        ("", "\n", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_lines_end_as_the_first_does(content: str, end: str, expected: list[str], encoding: str) -> None:
    lines = open_lines(content, encoding)
    assert lines.end == end
    found = all_lines(lines)
    assert [line.decode(encoding) for line in found] == expected
    assert "".join(lines.decode(part) for line in found for part in lines.split_end(line)) == content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "shift_jis"])
@settings(max_examples=60)
@given(st.text("ab\r\n;ポ表ソ", max_size=30), st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_a_pipe_cuts_lines_and_characters_anywhere(encoding: str, content: str, sizes: list[int], data: Any) -> None:
    # Behind the sample, which is read at once.
    start = data.draw(st.sampled_from(["a\n", "a\r\n", "a\r"])) * SAMPLE_LINES
    whole, pieces = open_lines(start + content, encoding), open_lines(start + content, encoding, sizes)
    found = all_lines(pieces)
    assert found == all_lines(whole)
    assert b"".join(found) == (start + content).encode(encoding)
    assert pieces.number == len(found)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_block_may_end_anywhere(encoding: str, end: str) -> None:
    unit = len("x".encode(encoding))
    for before in range(6):
        content = f"a{end}{'x' * (BLOCK // unit - before)}é\U0001f600{end}{end}b"
        lines = open_lines(content, encoding)
        expected = [f"{text}{end}" for text in content.split(end)[:-1]] + ["b"]
        assert [line.decode(encoding) for line in all_lines(lines)] == expected


def test_lines_that_are_put_back_come_again_with_their_numbers() -> None:
    lines = open_lines("a\nb\nc\nd\n")
    first = [lines.take() for _ in range(3)]
    lines.put_back(first[1:])
    assert (lines.number, lines.take(), lines.number) == (1, b"b\n", 2)
    lines.put_back([])
    assert (all_lines(lines), lines.number) == ([b"c\n", b"d\n"], 4)
    assert (lines.take(), lines.number) == (b"", 4)


def test_lines_that_are_read_are_taken_up_to_the_last_that_is_not_blank() -> None:
    lines = open_lines("a\nb\n\nc\n\n\n")
    assert lines.take_read(9) == []
    assert lines.take() == b"a\n"
    assert lines.take_read(9) == [b"b\n", b"\n"]
    assert lines.number == 3
    assert lines.take_read(9) == []
    assert [lines.take(), lines.take_blank(), lines.take()] == [b"c\n", b"\n\n", b""]


def test_no_more_lines_are_taken_than_asked_for() -> None:
    lines = open_lines("a\nb\nc\n\nd\ne\n")
    assert lines.take() == b"a\n"
    assert (lines.take_read(1), lines.number) == ([b"b\n"], 2)
    assert lines.take_read(1) == []
    assert (lines.take_read(3), lines.number) == ([b"c\n", b"\n", b"d\n"], 5)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content", ["a\nb\ud83d", "a\n\ud83d", "a\r\nb\r\ud83d"])
def test_half_a_surrogate_pair_at_the_end_is_kept(encoding: str, content: str) -> None:
    data = content.encode(encoding, "surrogatepass")
    assert b"".join(all_lines(open_lines(data, encoding))) == data


def test_a_line_is_replaced_by_its_parts() -> None:
    lines = open_lines("a\r\nb\nc\r\nd\r\n")
    assert [lines.take(), lines.take()] == [b"a\r\n", b"b\nc\r\n"]
    lines.replace([b"b\n", b"c\r\n"])
    assert (lines.number, lines.take(), lines.number) == (1, b"b\n", 2)
    assert (all_lines(lines), lines.number) == ([b"c\r\n", b"d\r\n"], 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("content", "spaces", "blank", "number"),
    [
        ("a\n\n\r\nb\n", False, "\n\r\n", 3),
        ("a\n \nb\n", False, "", 1),
        ("a\n \n\t\r\n\nb\n", True, " \n\t\r\n\n", 4),
        ("a\n\n", False, "\n", 2),
        ("a\n  ", True, "  ", 2),
        ("a\n\u2020\nb\n", True, "", 1),
        ("a\n\u2020", True, "", 1),
        ("a\r\r\rb\r", False, "\r\r", 3),
    ],
)
def test_blank_lines_are_taken_at_once(encoding: str, content: str, *, spaces: bool, blank: str, number: int) -> None:
    lines = open_lines(content, encoding)
    lines.take()
    assert lines.take_blank(spaces=spaces).decode(encoding) == blank
    assert lines.number == number
    assert b"".join(all_lines(lines)).decode(encoding) == content.partition(lines.end)[2].removeprefix(blank)


def test_blank_lines_are_taken_at_once_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = open_lines("a\n" + "\n" * (BLOCK + 5) + "b\n")
    lines.take()
    assert (len(lines.take_blank()), lines.take_blank(), lines.take()) == (BLOCK + 5, b"", b"b\n")
    monkeypatch.setattr(module, "RECORD_LIMIT", BLOCK)
    lines = open_lines("a\n" + "\n" * (BLOCK + 5))
    lines.take()
    with pytest.raises(BadDataError, match="blank lines"):
        lines.take_blank()


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"BZh9", b"\xfd7zXZ\x00", b"\x1f\x8b\x08"])
def test_packed_files_and_workbooks_are_named(start: bytes) -> None:
    with pytest.raises(BadDataError, match=r"in\.csv is (a|packed)"):
        open_lines(start + b"id,text\n1,a\n")


@pytest.mark.parametrize("sizes", [[1], [7, 1000], [BLOCK]])
@pytest.mark.parametrize(
    "content", ["a;b\n" * 100, "a;" + "b" * SAMPLE_CHARACTERS, "a\n" + "x" * 70_000 + "\nb\n", "a\rb"]
)
def test_the_sample_does_not_depend_on_the_pipe(content: str, sizes: list[int]) -> None:
    lines = open_lines(content, sizes=sizes)
    expected = open_lines(content)
    assert lines.sample_lines() == expected.sample_lines()
    assert b"".join(all_lines(lines)) == content.encode()


SAMPLES = {
    "LF": ("id;text\n" * 40, "utf-8"),
    "CRLF": ("id;text\r\n" * 40, "utf-8"),
    "CR": ("id;text\r" * 40, "utf-8"),
    "UTF-16": ("id;text\r\n" * 40, "utf-16-le"),
    "UTF-16, big": ("id;text\r\n" * 40, "utf-16-be"),
    "carriage returns in a text": (f"id;text\n1;{'so ' + chr(13)}{'x' + chr(13) * 40};2\n2;b\n", "utf-8"),
    "Gujarati in UTF-16": ("ક્રમાંક;લખાણ\r\n" + "1;હું ખુશ છું;2\r\n" * 5, "utf-16-le"),
    "Malayalam in UTF-16": ("നമ്പർ;വാചകം\r\n" + "1;എനിക്ക് സന്തോഷം;2\r\n" * 5, "utf-16-be"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_has_whole_lines(name: str) -> None:
    content, encoding = SAMPLES[name]
    lines = open_lines(content, encoding)
    sample = lines.sample_lines()
    texts = re.split(re.escape(lines.end), content.removesuffix(lines.end))
    assert sample == texts[: len(sample)]
    assert len(sample) >= (SAMPLE_LINES if len(texts) == 40 else 2)


def test_a_sample_of_long_lines_has_only_whole_ones() -> None:
    lines = open_lines("id;text\n" + f"1;{'x' * 30_000}\n" * 5)
    assert [len(line) for line in lines.sample_lines()] == [7, 30_002, 30_002]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_line_over_the_limit_is_refused_with_its_number(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(module, "RECORD_LIMIT", 3 * BLOCK)
    unit = len("x".encode(encoding))
    whole = open_lines(f"a\n{'x' * (2 * BLOCK // unit)}\nb\n", encoding)
    assert len(all_lines(whole)) == 3
    lines = open_lines(f"a\nb\n{'x' * (5 * BLOCK)}\n", encoding)
    assert [lines.take(), lines.take()] == ["a\n".encode(encoding), "b\n".encode(encoding)]
    with pytest.raises(BadDataError, match="line 3 is longer than"):
        lines.take()


def test_an_encoding_that_ends_within_a_character() -> None:
    with pytest.raises(BadDataError, match="not valid utf-16-le") as caught:
        all_lines(open_lines("a\nb\n".encode("utf-16-le") + b"x", "utf-16-le"))
    assert "--encoding" in caught.value.hint


def test_a_read_that_fails() -> None:
    class Broken(Pipe):
        def read1(self, limit: int) -> bytes:
            if self.reads:
                raise OSError(5, "Input/output error")
            return super().read1(limit)

    with pytest.raises(InputMissingError, match="Input/output error"):
        Lines(PATH, Broken(b"a\n", [2]), "utf-8")  # type: ignore[arg-type]
