"""Splits a file into physical lines of bytes at the first line's kind of line end, and buffers lines."""

import codecs
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from emotion.errors import BadDataError
from emotion.records.sample import RECORD_LIMIT, line_end, sample_length, whole_lines
from emotion.records.text_io import BLOCK, LONGEST_START, check_kind, find_codec, nul_error, unreadable


class Lines:
    r"""Physical lines of an open file, with line ends, without the file's byte order mark.

    After one of the `delimiters` a quoted cell may start and contain line ends. `end` is the line end. In a file with
    `\n`, lines may also end in `\r\n`. `number` counts the taken lines. `whole` is True if the sample is the whole
    file. With `loose`, no row contains a `\n`, so `\n` ends lines in a file with `\r\n`, too.

    Raises:
        BadDataError: NUL bytes, bytes that cannot be text, a damaged `.gz` file, or a line over RECORD_LIMIT.
        InputMissingError: the file cannot be read.
        UsageError: Python does not know the encoding.
    """

    def __init__(self, path: Path, raw: IO[bytes], encoding: str, delimiters: str = "", *, loose: bool = False) -> None:
        self.path = path
        self.number = 0
        self._raw = raw
        head = self._read_head()
        check_kind(path, head)
        self.codec = find_codec(encoding, head)
        decoder = codecs.getincrementaldecoder(self.codec.name)(self.codec.errors)
        self._block = head[len(self.codec.mark) :]
        sample, whole = self._read_sample(decoder)
        if "\0" in sample and not self.codec.wide:
            raise nul_error(path, self._block)
        self.end = "\n" if loose and "\n" in sample else line_end(sample, delimiters)
        # The sample may end within a line.
        self.whole = whole
        self._sample = sample if whole else whole_lines(sample, self.end)
        self._end = self.codec.encode(self.end)
        # The longest line end comes first. In a file with `\r\n`, only the last line can end in half of it.
        ends = {"\r": ["\r"], "\n": ["\r\n", "\n"], "\r\n": ["\r\n", "\n", "\r"]}[self.end]
        self._ends = [self.codec.encode(end) for end in ends]
        self._blocks_of_lines = self._wide_lines(decoder) if self.codec.wide else self._byte_lines()
        # Buffered lines in reverse order: the next line is at the end.
        self._ahead: list[bytes] = []

    def take(self) -> bytes:
        """Take the next line; b"" at the end."""
        line = self._next()
        self.number += bool(line)
        return line

    def _next(self) -> bytes:
        if not self._ahead:
            self._ahead = next(self._blocks_of_lines, [])[::-1]
        return self._ahead.pop() if self._ahead else b""

    def take_read(self, most: int) -> list[bytes]:
        """Take at most `most` buffered lines. The following line is not blank."""
        left = max(1, len(self._ahead) - most)
        while left < len(self._ahead) and self.is_blank(self._ahead[left - 1]):
            left += 1
        lines = self._ahead[left:][::-1]
        del self._ahead[left:]
        self.number += len(lines)
        return lines

    def jump(self, place: int, number: int) -> None:
        """Continue at the start of a line at a position in a plain file, as if `number` lines were taken."""
        self._raw.seek(place)
        self._block, self._ahead, self.number = b"", [], number
        self._blocks_of_lines = self._byte_lines()

    def sample_lines(self) -> list[str]:
        """Give the first lines of the file as text, without line ends."""
        lines = re.split(r"\r" if self.end == "\r" else r"\r?\n", self._sample)
        return lines[:-1] if lines[-1] == "" else lines

    def put_back(self, lines: list[bytes]) -> None:
        """Put lines back; `take` gives them again in this order."""
        self._ahead.extend(reversed(lines))
        self.number -= len(lines)

    def replace(self, lines: list[bytes]) -> None:
        """Replace the line that was taken last by `lines`."""
        self._ahead.extend(reversed(lines))
        self.number -= 1

    def take_blank(self, *, spaces: bool = False) -> bytes:
        """Take the following blank lines; with `spaces` also lines of white space."""
        blank = bytearray()
        while line := self._next():
            if not self.is_blank(line) and not (spaces and self._is_space(line)):
                self._ahead.append(line)
                break
            blank += line
            self.number += 1
            if len(blank) > RECORD_LIMIT:
                raise BadDataError(f"{self.path}: over {RECORD_LIMIT >> 20} MiB of blank lines", "remove them")
        return bytes(blank)

    def is_blank(self, line: bytes) -> bool:
        """Whether a line has only a line end."""
        return line in self._ends

    def _is_space(self, line: bytes) -> bool:
        narrow_text = not self.codec.wide and not line[:1].isspace()
        return not narrow_text and not self.decode(line).strip(" \t\r\n")

    def split_end(self, line: bytes) -> tuple[bytes, bytes]:
        """Split a line into content and line end; the last line of a file may have no line end."""
        for end in self._ends:
            if line.endswith(end):
                return line[: -len(end)], end
        return line, b""

    def decode(self, line: bytes) -> str:
        """Decode a line. Undecodable bytes become lone surrogates.

        Raises:
            BadDataError: bytes that not even surrogates can represent.
        """
        try:
            return self.codec.decode(line)
        except UnicodeError as error:
            raise self._invalid(error) from error

    def _read_head(self) -> bytes:
        """Read the first block; read more of a pipe until the kind of file is known."""
        head = self._read()
        while head and len(head) < LONGEST_START and (block := self._read()):
            head += block
        return head

    def _read_sample(self, decoder: codecs.IncrementalDecoder) -> tuple[str, bool]:
        """Read until the sample is complete. Return its text, and whether it is the whole file."""
        blocks, texts, size = [self._block], [""], 0
        length = 0
        while not length:
            texts.append(self._decoded(decoder, blocks[-1]))
            size += len(texts[-1])
            ended = len(blocks) > 1 and not blocks[-1]
            # Without another line end the sample stays incomplete, up to the limit.
            if ended or size > RECORD_LIMIT or "\n" in texts[-1] or "\r" in texts[-1]:
                texts = ["".join(texts)]
                length = sample_length(texts[0])
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

    def _byte_lines(self) -> Iterator[list[bytes]]:
        """Yield the lines that end in a block, block by block."""
        rest = bytearray()
        for block in self._blocks():
            searched = max(0, len(rest) - len(self._end) + 1)
            rest += block
            if rest.find(self._end, searched) < 0:
                self._check_length(len(rest))
                continue
            *lines, last = bytes(rest).split(self._end)
            rest = bytearray(last)
            yield [line + self._end for line in lines]
        if rest:
            yield [bytes(rest)]

    def _wide_lines(self, decoder: codecs.IncrementalDecoder) -> Iterator[list[bytes]]:
        decoder.reset()
        rest: list[str] = []
        length = 0
        carried = ""
        for block in self._blocks():
            text = carried + self._decoded(decoder, block)
            # The other half of a line end may follow.
            carried = "\r" if text.endswith("\r") and self.end == "\r\n" else ""
            *lines, last = text.removesuffix(carried).split(self.end)
            if lines:
                lines[0] = "".join([*rest, lines[0]])
                yield [self.codec.encode(line + self.end) for line in lines]
                rest, length = [], 0
            rest.append(last)
            length += len(last)
            self._check_length(length)
        # The decoder holds back half a surrogate pair until the end.
        if text := "".join(rest) + carried + self._decoded(decoder, b"", final=True):
            yield [self.codec.encode(text)]

    def _decoded(self, decoder: codecs.IncrementalDecoder, content: bytes, *, final: bool = False) -> str:
        try:
            return decoder.decode(content, final)
        except UnicodeError as error:
            raise self._invalid(error) from error

    def _check_length(self, length: int) -> None:
        if length > RECORD_LIMIT:
            raise BadDataError(
                f"{self.path}: line {self.number + 1:,} is longer than {RECORD_LIMIT >> 20} MiB",
                "check that it is a text file with equal line ends",
            )

    def _invalid(self, error: UnicodeError) -> BadDataError:
        reason = getattr(error, "reason", error)
        return BadDataError(
            f"{self.path} is not valid {self.codec.name}: {reason}", "name the file's encoding with --encoding"
        )
