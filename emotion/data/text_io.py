"""Opens text files, `.gz` files and standard input in any encoding, without loss of bytes.

Bytes that are invalid in the encoding become lone surrogates (PEP 383), so that they can be written back unchanged.
"""

import codecs
import contextlib
import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from emotion.errors import BadDataError, EmotionError, InputMissingError, UsageError

STANDARD_STREAM = Path("-")
BLOCK = 1 << 16


@contextlib.contextmanager
def open_text(path: Path, encoding: str = "utf-8", digest: "hashlib._Hash | None" = None) -> Iterator[io.TextIOWrapper]:
    """Open a file, a `.gz` file or `-` (standard input) as text. A byte order mark is dropped.

    Undecodable bytes become lone surrogates. Line ends are kept. `digest` is updated with the file's bytes while
    they are read.

    Raises:
        InputMissingError: the file does not exist or may not be read.
        BadDataError: a damaged `.gz` file, or bytes that the encoding cannot even represent as surrogates.
        UsageError: Python does not know the encoding.
    """
    with contextlib.ExitStack() as stack:
        raw = _open_standard() if path == STANDARD_STREAM else stack.enter_context(_open_raw(path))
        if digest is not None:
            raw = io.BufferedReader(_Digesting(raw, digest), BLOCK)
        packed = stack.enter_context(gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        try:
            text = _decoded(packed, encoding)
            stack.callback(text.detach)
            yield text
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error
        except UnicodeError as error:
            reason = getattr(error, "reason", error)
            raise BadDataError(
                f"{path} is not valid {encoding}: {reason}", "name its encoding with --encoding"
            ) from error


def unreadable(path: Path, error: Exception) -> EmotionError:
    """Error that says why `path` cannot be read."""
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return InputMissingError(f"cannot read {path}: {error.strerror or error}")
    return BadDataError(f"{path} is not a whole .gz file: {error}")


def _decoded(packed: Any, encoding: str) -> io.TextIOWrapper:
    """Decode a binary reader. The wrapper's `encoding` ends in `-sig` if UTF-8 has a byte order mark."""
    try:
        plain = codecs.lookup(encoding).name == "utf-8"
        codec = "utf-8-sig" if plain and packed.peek(3).startswith(codecs.BOM_UTF8) else encoding
        return io.TextIOWrapper(packed, encoding=codec, errors="surrogateescape", newline="")
    except (LookupError, ValueError) as error:
        raise UsageError(f"unknown encoding: {encoding}", "name one that Python knows, such as latin-1") from error


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


class _Digesting(io.RawIOBase):
    """A file that updates a digest with the bytes read."""

    def __init__(self, raw: IO[bytes], digest: "hashlib._Hash") -> None:
        self.raw, self.digest = raw, digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.raw.read(len(buffer))
        buffer[: len(block)] = block
        self.digest.update(block)
        return len(block)
