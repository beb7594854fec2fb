"""Opens files, `.gz` files and standard input as bytes, and finds the codec of their text."""

import codecs
import contextlib
import gzip
import hashlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from emotion.errors import BadDataError, EmotionError, InputMissingError, UsageError

STANDARD_STREAM = Path("-")
BLOCK = 1 << 16
GZIP_START = b"\x1f\x8b"
# UTF-32 comes first: its little-endian mark starts with the mark of UTF-16.
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
# In a wide encoding, NUL bytes are next to these line ends, delimiters and letters.
COMMON = b"\n ,;\tetaoin"
# Encodings with code units of more than one byte.
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# Encodings where every byte below 128 is its ASCII character: UTF-8, and most single-byte encodings.
ASCII_BYTES = ("utf-8", "ascii", "iso8859", "cp125", "koi8", "mac")
# First bytes of files that people mistake for text.
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
# Longest start of a file, in bytes, that shows its kind.
LONGEST_START = max(map(len, [*MARKS.values(), *KINDS]))


@dataclass(frozen=True, slots=True)
class Codec:
    """Codec of a file's text. `mark` is the byte order mark, or empty.

    Undecodable bytes become lone surrogates, and lone surrogates become the same bytes again (PEP 383).
    """

    name: str
    mark: bytes = b""
    # Derived from `name`: whether code units have more than one byte, and an error handler that keeps all bytes.
    wide: bool = field(init=False)
    errors: str = field(init=False)

    @property
    def has_ascii_bytes(self) -> bool:
        """Whether exactly the bytes below 128 are ASCII characters."""
        if not self.name.startswith(ASCII_BYTES):
            return False
        return not any(map(str.isascii, bytes(range(128, 256)).decode(self.name, "replace")))

    def __post_init__(self) -> None:
        object.__setattr__(self, "wide", self.name in WIDE)
        object.__setattr__(self, "errors", "surrogatepass" if self.wide else "surrogateescape")

    def decode(self, content: bytes) -> str:
        """Decode complete lines.

        Raises:
            UnicodeError: bytes that not even surrogates can represent.
        """
        return content.decode(self.name, self.errors)

    def encode(self, text: str) -> bytes:
        """Encode `text`.

        Raises:
            UnicodeError: the encoding cannot hold a character.
        """
        return text.encode(self.name, self.errors)


@contextlib.contextmanager
def open_bytes(path: Path, digest: "hashlib._Hash | None" = None) -> Iterator[IO[bytes]]:
    """Open a file or `-` (standard input) as bytes. Gzip files are unpacked, regardless of their name.

    Reading updates `digest` with the file's own bytes.

    Raises:
        InputMissingError: the file does not exist or is not readable.
    """
    with contextlib.ExitStack() as stack:
        file = _open_standard() if path == STANDARD_STREAM else stack.enter_context(_open_raw(path))
        try:
            start = file.read(len(GZIP_START))
        except OSError as error:
            raise unreadable(path, error) from error
        raw: IO[bytes] = io.BufferedReader(_Source(start, file, digest), BLOCK)
        if start == GZIP_START:
            raw = stack.enter_context(gzip.GzipFile(fileobj=raw))  # type: ignore[arg-type]
        yield raw


def find_codec(encoding: str, start: bytes) -> Codec:
    """Choose the codec of a file that starts with `start`. A byte order mark means UTF-8, UTF-16 or UTF-32.

    Raises:
        UsageError: Python does not know the encoding, or it does not suit text files.
    """
    name = codec_name(encoding)
    for marked, mark in MARKS.items():
        if start.startswith(mark) and (name == "utf-8" or marked == "utf-8" or marked.startswith(name)):
            return Codec(marked, mark)
    name = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)
    return Codec(name)


def codec_name(encoding: str) -> str:
    """Give Python's name of an encoding with a one-byte line feed, or of UTF-16 or UTF-32.

    Raises:
        UsageError: Python does not know the encoding, or it does not suit text files.
    """
    try:
        name = codecs.lookup(encoding).name.removesuffix("-sig")
        usable = name in (*WIDE, "utf-16", "utf-32") or len("\n".encode(name, "surrogateescape")) == 1
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"unknown encoding: {encoding}", "name an encoding that Python knows, such as latin-1"
        ) from error
    if not usable:
        raise UsageError(
            f"{encoding} is not an encoding of text files", "name another encoding, such as utf-8 or latin-1"
        )
    return name


def check_kind(path: Path, start: bytes) -> None:
    """Refuse a file that is not text, by its first bytes."""
    for magic, kind in KINDS.items():
        if start.startswith(magic):
            raise BadDataError(f"{path} is {kind}, not text", "unpack the file, or save it as CSV")


def nul_error(path: Path, start: bytes) -> BadDataError:
    """Make an error that names the encoding suggested by NUL bytes next to line ends and ASCII characters."""
    start = start[:BLOCK]
    found = max(reversed(WIDE), key=lambda name: _aligned_ascii(start, name))
    if 2 * _aligned_ascii(start, found) <= sum(start.count(bytes([byte])) for byte in COMMON):
        return BadDataError(f"{path} has NUL bytes: it is damaged or not a text file", "check it with `file` or `xxd`")
    return BadDataError(f"{path} has NUL bytes: it looks like {found.upper()[:6]}", f"read it with --encoding {found}")


def _aligned_ascii(start: bytes, encoding: str) -> int:
    """Count common ASCII characters of a wide encoding in `start`."""
    width = 2 if encoding.startswith("utf-16") else 4
    units = {bytes([byte]).decode().encode(encoding) for byte in COMMON}
    return sum(start[position : position + width] in units for position in range(0, len(start), width))


def unreadable(path: Path, error: Exception) -> EmotionError:
    """Make an error with the reason why `path` cannot be read."""
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return InputMissingError(f"cannot read {path}: {error.strerror or error}")
    return BadDataError(f"{path} is not a complete .gz file: {error}")


def stamp(path: Path) -> tuple[int, int, int]:
    """Give size, modification time and inode: at least one changes when a file is written or replaced.

    Raises:
        InputMissingError: the file cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size, status.st_mtime_ns, status.st_ino


def _open_standard() -> IO[bytes]:
    if sys.stdin is None:
        raise InputMissingError("standard input is closed", "pipe a file into it")
    return sys.stdin.buffer


def _open_raw(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputMissingError(f"no such file: {path}") from error
    except OSError as error:
        raise unreadable(path, error) from error


class _Source(io.RawIOBase):
    """A file with an already read `start`. Reading updates the digest, if there is one."""

    def __init__(self, start: bytes, file: IO[bytes], digest: "hashlib._Hash | None") -> None:
        self._start, self._file, self._digest = start, file, digest

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def fileno(self) -> int:
        return self._file.fileno()

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR and not place:
            return self._file.tell() - len(self._start)
        self._start = b""
        return self._file.seek(place, whence)

    def readinto(self, buffer: Any) -> int:
        block: bytes = self._start or self._file.read1(len(buffer))  # type: ignore[attr-defined]
        self._start = b""
        buffer[: len(block)] = block
        if self._digest is not None:
            self._digest.update(block)
        return len(block)
