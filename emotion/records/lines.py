"""Splits a file into physical lines of bytes, as its first line ends, and keeps those that are read ahead."""

import codecs
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from emotion.errors import BadDataError
from emotion.records.text_io import BLOCK, LONGEST_MARK, find_codec, has_nul, unreadable

# Lines and characters at the start of a file that show its dialect. They do not depend on how a pipe cuts its content.
SAMPLE_LINES = 33
SAMPLE_CHARACTERS = 1 << 16
FEWEST_LINES = 2
# Bytes of the longest record. Without a limit a file without line ends is read into memory.
RECORD_LIMIT = 16 << 20


# First bytes of files that people take for text.
KINDS = {
    b"PK\x03\x04": "a zip archive or a workbook",
    b"\xd0\xcf\x11\xe0": "an old workbook or document",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\x1f\x8b": "packed with gzip twice",
    b"PAR1": "a Parquet file",
    b"%PDF-": "a PDF document",
    b"SQLite format 3": "a SQLite database",
}


class Lines:
    r"""Physical lines of an open file, with their line ends, without the file's byte order mark.

    Behind one of the `delimiters` a quoted cell may begin, which holds line ends of its own. `end` is the line end. In
    a file with `\n` lines may also end in `\r\n`. `number` counts the lines that were taken.
    `loose` says that no row holds a `\n`, so that it ends lines in a file with `\r\n` too.

    Raises:
        BadDataError: NUL bytes, bytes that no text has, a damaged `.gz` file, or a line over RECORD_LIMIT.
        InputMissingError: the file cannot be read.
        UsageError: Python does not know the encoding.
    """

    def __init__(self, path: Path, raw: IO[bytes], encoding: str, delimiters: str = "", *, loose: bool = False) -> None:
        self.path = path
        self.number = 0
        self._raw = raw
        head = self._read()
        while head and len(head) < LONGEST_MARK and (block := self._read()):
            head += block
        _check_kind(path, head)
        self.codec = find_codec(encoding, head)
        decoder = codecs.getincrementaldecoder(self.codec.name)(self.codec.errors)
        self._block = head[len(self.codec.mark) :]
        sample, whole = self._read_sample(decoder)
        if "\0" in sample and not self.codec.wide:
            raise has_nul(path, self._block)
        self.end = _line_end(sample, delimiters)
        if loose and self.end == "\r\n":
            self.end = "\n"
        # The sample may end within a line.
        self._sample = sample if whole else _whole_lines(sample, self.end)
        self._end = self.codec.encode(self.end)
        # Longest first. In a file with `\r\n` only the last line can end in half of it.
        ends = {"\r": ["\r"], "\n": ["\r\n", "\n"], "\r\n": ["\r\n", "\n", "\r"]}[self.end]
        self._ends = [self.codec.encode(end) for end in ends]
        self._lines = self._wide_lines(decoder) if self.codec.wide else self._byte_lines()
        self._ahead: list[bytes] = []

    def take(self) -> bytes:
        """Take the next line; b"" at the end."""
        line = self._ahead.pop() if self._ahead else next(self._lines, b"")
        self.number += bool(line)
        return line

    def sample_lines(self) -> list[str]:
        """Texts of the first lines of the file, without their line ends."""
        lines = re.split(r"\r" if self.end == "\r" else r"\r?\n", self._sample)
        return lines[:-1] if lines[-1] == "" else lines

    def put_back(self, lines: list[bytes]) -> None:
        """Put lines back, to be taken again in this order."""
        self._ahead.extend(reversed(lines))
        self.number -= len(lines)

    def replace(self, lines: list[bytes]) -> None:
        """Put `lines` in the place of the line that was taken last."""
        self._ahead.extend(reversed(lines))
        self.number -= 1

    def take_blank(self, *, spaces: bool = False) -> bytes:
        """Take the blank lines that follow; with `spaces` also lines of white space."""
        blank = bytearray()
        while line := self._ahead.pop() if self._ahead else next(self._lines, b""):
            if line not in self._ends and not (spaces and self._is_space(line)):
                self._ahead.append(line)
                break
            blank += line
            self.number += 1
            if len(blank) > RECORD_LIMIT:
                raise BadDataError(f"{self.path}: over {RECORD_LIMIT >> 20} MiB of blank lines", "remove them")
        return bytes(blank)

    def _is_space(self, line: bytes) -> bool:
        narrow_text = not self.codec.wide and not line[:1].isspace()
        return not narrow_text and not self.decode(line).strip(" \t\r\n")

    def split_end(self, line: bytes) -> tuple[bytes, bytes]:
        """Split a line into its content and its line end, which the last line of a file may lack."""
        for end in self._ends:
            if line.endswith(end):
                return line[: -len(end)], end
        return line, b""

    def decode(self, line: bytes) -> str:
        """Text of a line. Undecodable bytes are lone surrogates.

        Raises:
            BadDataError: bytes that not even surrogates can represent.
        """
        try:
            return self.codec.decode(line)
        except UnicodeError as error:
            raise self._invalid(error) from error

    def _read_sample(self, decoder: codecs.IncrementalDecoder) -> tuple[str, bool]:
        """Read until the sample is complete. Give its text, and whether it is the whole file."""
        blocks, texts, size = [self._block], [""], 0
        length = 0
        while not length:
            texts.append(self._decoded(decoder, blocks[-1]))
            size += len(texts[-1])
            ended = len(blocks) > 1 and not blocks[-1]
            # Without a further line end the sample stays incomplete, up to the limit.
            if ended or size > RECORD_LIMIT or "\n" in texts[-1] or "\r" in texts[-1]:
                texts = ["".join(texts)]
                length = _sample_length(texts[0])
            if ended:
                break
            blocks.append(b"" if length else self._read())
        self._block = b"".join(blocks)
        sample = "".join(texts)
        return (sample[:length], False) if length else (sample, True)

    def _read(self) -> bytes:
        try:
            block: bytes = self._raw.read1(BLOCK)  # type: ignore[attr-defined]
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.path, error) from error
        return block

    def _blocks(self) -> Iterator[bytes]:
        yield self._block
        self._block = b""
        while block := self._read():
            yield block

    def _byte_lines(self) -> Iterator[bytes]:
        rest = bytearray()
        for block in self._blocks():
            searched = max(0, len(rest) - len(self._end) + 1)
            rest += block
            if rest.find(self._end, searched) < 0:
                self._check_length(len(rest))
                continue
            *lines, last = bytes(rest).split(self._end)
            rest = bytearray(last)
            for line in lines:
                yield line + self._end
        if rest:
            yield bytes(rest)

    def _wide_lines(self, decoder: codecs.IncrementalDecoder) -> Iterator[bytes]:
        decoder.reset()
        rest: list[str] = []
        length = 0
        carried = ""
        for block in self._blocks():
            text = carried + self._decoded(decoder, block)
            # The other half of a line end may follow.
            carried = "\r" if text.endswith("\r") and self.end == "\r\n" else ""
            *lines, last = text.removesuffix(carried).split(self.end)
            for line in lines:
                yield self.codec.encode("".join([*rest, line, self.end]))
                rest, length = [], 0
            rest.append(last)
            length += len(last)
            self._check_length(length)
        self._decoded(decoder, b"", final=True)
        if text := "".join(rest) + carried:
            yield self.codec.encode(text)

    def _decoded(self, decoder: codecs.IncrementalDecoder, content: bytes, *, final: bool = False) -> str:
        try:
            return decoder.decode(content, final)
        except UnicodeError as error:
            raise self._invalid(error) from error

    def _check_length(self, length: int) -> None:
        if length > RECORD_LIMIT:
            raise BadDataError(
                f"{self.path}: line {self.number + 1:,} is longer than {RECORD_LIMIT >> 20} MiB",
                "is it a text file, and are its line ends alike?",
            )

    def _invalid(self, error: UnicodeError) -> BadDataError:
        reason = getattr(error, "reason", error)
        return BadDataError(
            f"{self.path} is not valid {self.codec.name}: {reason}", "name its encoding with --encoding"
        )


def _check_kind(path: Path, start: bytes) -> None:
    """Refuse a file that is no text, by its first bytes."""
    for magic, kind in KINDS.items():
        if start.startswith(magic):
            raise BadDataError(f"{path} is {kind}, not text", "unpack it, or save it as CSV")


def _sample_length(text: str) -> int:
    r"""Characters of the sample at the start of `text`; 0 if it is not complete.

    The sample has SAMPLE_LINES lines behind the blank ones; if these are long, fewer, but at least two. Only a file
    without `\n` has lines that end in `\r`.
    """
    start = len(text) - len(text.lstrip("\r\n"))
    for lines, limit in ((SAMPLE_LINES, SAMPLE_CHARACTERS), (FEWEST_LINES, RECORD_LIMIT)):
        returns = _end_of_lines(text, "\r", start, lines)
        length = returns if returns and "\n" not in text[:returns] else _end_of_lines(text, "\n", start, lines)
        if 0 < length <= limit:
            return length
        if len(text) <= limit:
            return 0
        length = text.rfind("\n", start, limit) + 1
        if text.count("\n", start, length) >= FEWEST_LINES:
            return length
    return RECORD_LIMIT


def _end_of_lines(text: str, end: str, position: int, lines: int) -> int:
    """Position behind the given number of lines; 0 if the text has fewer."""
    for _ in range(lines):
        position = text.find(end, position) + 1
        if not position:
            return 0
    return position


def _line_end(sample: str, delimiters: str) -> str:
    r"""Line end of the sample: `\r` only if it has no `\n`. Line ends in quoted cells count if there are no others."""
    sample = re.sub(r'^\s*"?sep=."?\r?\n', "", sample, flags=re.IGNORECASE)
    for text in (without_quoted(sample, delimiters) if delimiters else "", sample):
        found = re.search(r"\r?\n", text) or re.search(r"\r", text)
        if found:
            return found[0]
    return "\n"


def without_quoted(text: str, delimiters: str) -> str:
    """Remove the quoted cells of a text, which begin behind one of the `delimiters`, or at the start of a line."""
    return re.sub(rf'(^|[{re.escape(delimiters)}\r\n])"[^"]*(?:""[^"]*)*"', r"\1", text)


def _whole_lines(sample: str, end: str) -> str:
    """Drop the part of a line at the end, unless there is no other line."""
    return sample[: sample.rfind(end) + len(end)] if end in sample else sample
