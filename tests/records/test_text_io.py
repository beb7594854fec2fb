"""Opening text: encodings, byte order marks, packed files, and the digest of what is read."""

import codecs
import errno
import gzip
import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.records.dialect import DialectOptions
from emotion.records.files import format_of, open_records
from emotion.records.text_io import STANDARD_STREAM
from tests.builders import write_rows
from tests.data.conftest import PACKED, ROWS, put, read, refused


class TestEncodings:
    @pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl"])
    def test_a_byte_order_mark_is_no_part_of_the_first_cell(self, tmp_path: Path, suffix: str) -> None:
        path = write_rows(tmp_path / f"rows{suffix}", ROWS)
        assert read(put(path, codecs.BOM_UTF8 + path.read_bytes())) == list(ROWS)

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "UTF8"])
    def test_the_encoding_may_be_named(self, tmp_path: Path, encoding: str) -> None:
        path = put(tmp_path / "rows.csv", "text,label\nnaïve café,joy\n".encode(encoding))
        assert read(path, encoding=encoding) == [("naïve café", "joy")]

    @pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
    @pytest.mark.parametrize("encoding", ["nosuch", "", "hex", "a\0b"])
    def test_an_encoding_that_python_does_not_know(self, tmp_path: Path, suffix: str, encoding: str) -> None:
        path = write_rows(tmp_path / f"rows{suffix}", ROWS)
        with pytest.raises(UsageError, match="unknown encoding") as caught:
            read(path, encoding=encoding)
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("rows.txt", b"good;joy\n\nna\xefve;joy\n"),
            ("rows.csv", b"text,label\ngood,joy\nna\xefve,joy\n"),
            ("rows.tsv", b"text\tlabel\ngood\tjoy\nna\xefve\tjoy\n"),
            ("rows.jsonl", b'{"text":"good","label":"joy"}\n\n{"text":"na\xefve","label":"joy"}\n'),
        ],
    )
    def test_undecodable_bytes_are_named_with_their_line(self, tmp_path: Path, name: str, content: bytes) -> None:
        error = refused(put(tmp_path / name, content))
        assert "1 row cannot" in error.message
        assert "line 3: undecodable bytes in the text" in error.message
        assert "--encoding" in error.message

    def test_undecodable_bytes_in_a_label(self, tmp_path: Path) -> None:
        assert "line 1: undecodable bytes in the label" in refused(put(tmp_path / "r.txt", b"a;\xff\n")).message

    def test_undecodable_bytes_in_the_header(self, tmp_path: Path) -> None:
        assert "header" in refused(put(tmp_path / "r.csv", b"text,label\xff\na,b\n")).message

    def test_half_a_character_of_a_wide_encoding(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", "text,label\na,joy\n".encode("utf-16") + b"x")
        assert "utf-16" in refused(path, encoding="utf-16").message


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("keep", [5, -1000, -4])
def test_a_packed_file_that_is_cut_short(tmp_path: Path, suffix: str, keep: int) -> None:
    many = [(f"text {number:x} {number * 7919 % 100_003}", "joy") for number in range(20_000)]
    path = write_rows(tmp_path / f"r{suffix}", many)
    assert "not a complete .gz file" in refused(put(path, path.read_bytes()[:keep])).message


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_is_only_called_packed_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    packed = write_rows(tmp_path / f"r{suffix}", ROWS)
    assert read(put(packed, gzip.decompress(packed.read_bytes()))) == list(ROWS)


def test_a_packed_file_whose_content_was_changed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b"text,label\na,joy\n"))
    content[-8] ^= 0xFF  # the checksum
    assert "not a complete .gz file" in refused(put(tmp_path / "r.csv.gz", bytes(content))).message


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl"])
def test_the_digest_is_of_all_bytes(tmp_path: Path, name: str) -> None:
    content = b'"text"\n' * 30_000
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    digest = hashlib.sha256()
    with open_records(path, format_of(path) or "csv", digest=digest) as records:
        assert sum(1 for _ in records.rows) in {29_999, 30_000}
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


def said(encoding: str) -> DialectOptions:
    """Options that name an encoding."""
    return DialectOptions(encoding=encoding)


@pytest.mark.parametrize("encoding", ["rot13", "no-such-encoding", "base64"])
def test_encodings_that_are_none(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path / "a.csv", b"text\n")
    with pytest.raises(UsageError, match="unknown encoding"), open_records(path, "csv", said(encoding)):
        pass


@pytest.mark.parametrize("encoding", ["unicode_escape", "punycode"])
def test_encodings_without_a_line_end_of_one_byte(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path / "a.csv", b"text\n")
    with pytest.raises(UsageError, match="not an encoding of text files"), open_records(path, "csv", said(encoding)):
        pass


def test_bytes_that_no_encoding_can_keep(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text\nx\n".encode("utf-16") + b"\x00")
    with (
        pytest.raises(BadDataError, match="not valid utf-16"),
        open_records(path, "csv", said("utf-16")) as records,
    ):
        list(records.rows)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["id,text\n1,so happy\n", "id,text\n1,我很高兴一Ā\U0001f600\n2,日本語\n"])
def test_a_wide_encoding_without_a_mark_is_named(tmp_path: Path, encoding: str, text: str) -> None:
    path = put(tmp_path / "a.csv", text.encode(encoding))
    with pytest.raises(BadDataError) as caught, open_records(path, "csv"):
        pass
    assert f"--encoding {encoding}" in caught.value.hint


class Pipe(io.RawIOBase):
    """A pipe whose writer writes byte by byte."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._content.read(1)
        buffer[: len(block)] = block
        return len(block)


@pytest.mark.parametrize(
    "content", [gzip.compress(b"text\nhappy\n", mtime=0), "text\nhappy\n".encode("utf-32"), b"text\nhappy"]
)
def test_a_pipe_may_cut_the_start_of_a_file(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(content))))
    with open_records(STANDARD_STREAM, "csv") as records:
        assert [row.fields for row in records.rows] == [["happy"]]


@pytest.mark.parametrize(
    ("content", "message"), [(b"SQLite format 3\0", "is a SQLite database"), (b"%PDF-1.4", "is a PDF document")]
)
def test_a_pipe_shows_other_kinds_of_files(monkeypatch: pytest.MonkeyPatch, content: bytes, message: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(content))))
    with pytest.raises(BadDataError, match=message), open_records(STANDARD_STREAM, "csv"):
        pass


def test_a_first_read_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stale(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "open", lambda *_: Stale())
    with (
        pytest.raises(InputMissingError, match=r"cannot read .*a\.csv: Stale file handle"),
        open_records(tmp_path / "a.csv", "csv"),
    ):
        pass


def test_a_single_nul_byte_is_no_wide_encoding(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", b"id,text\n1,so happy\x00\n2,so furious\n")
    with pytest.raises(BadDataError, match="damaged or not a text file"), open_records(path, "csv"):
        pass
