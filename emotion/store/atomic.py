"""Writes files atomically: write to a temporary name, fsync, then rename."""

import contextlib
import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from emotion.errors import CannotWriteError
from emotion.reader import for_reader

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\..+")
# Open files of this process, as names that can be linked.
OPENED = Path("/proc/self/fd")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name next to `path`. On exit without an error, fsync the file and rename it to `path`.

    The temporary name has the suffix of `path`, for writers that choose a format by suffix.

    Raises:
        CannotWriteError: the folder or file cannot be written (permissions, full disk, read-only).
    """
    with _renaming(path) as temporary:
        yield temporary
        # Some writers make private files, but other users may read a shared store.
        temporary.chmod(0o666 & ~_umask())
        sync(temporary)


def _umask() -> int:
    """Read the umask of this process. Reading sets it to the usual value for a moment."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _renaming(path: Path) -> Iterator[Path]:
    """Yield a temporary name next to `path`. On exit without an error, rename the fsynced file to `path`."""
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of killed writers in `folder` and below. No other process may write there."""
    for parent, _, names in os.walk(folder):
        for name in filter(TEMPORARY.fullmatch, names):
            with contextlib.suppress(OSError):
                (Path(parent) / name).unlink()


def cannot_write(path: Path, error: OSError) -> CannotWriteError:
    """Make an error with the reason why `path` could not be written."""
    reason = error.strerror or str(error)
    hint = for_reader(
        "free some space, or choose a writable folder",
        "free some space (emotion runs rm RUN --cluster{flags}), or enlarge the claim",
    )
    return CannotWriteError(f"cannot write {path}: {reason}", hint)


def sync(path: Path) -> None:
    """Wait until the content of a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_packed(path: Path) -> bool:
    """Whether a file with this name is written as gzip."""
    return path.suffix.lower() == ".gz"


@contextlib.contextmanager
def open_replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing bytes. The complete file appears when the block ends without an error.

    Until then the file has no name if the file system allows that: a killed writer leaves nothing. A path that ends in
    `.gz` is compressed without a time stamp: equal content gives equal bytes.

    Raises:
        CannotWriteError: the folder or file cannot be written.
    """
    with open_replacing_unpacked(path) as raw:
        if is_packed(path):
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed:
                yield packed  # type: ignore[misc]  # GzipFile is a binary file in all but its declared base
        else:
            yield raw


@contextlib.contextmanager
def open_replacing_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Like `open_replacing`, but never compress the bytes.

    Raises:
        CannotWriteError: the folder or file cannot be written.
    """
    with _renaming(path) as temporary, _named_last(temporary) as raw:
        yield raw


@contextlib.contextmanager
def _named_last(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file. When the block ends without an error, fsync the file and give it its name."""
    with _create(path) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        if not path.exists():
            _link(file.fileno(), path)


def _create(path: Path) -> IO[bytes]:
    """Open a new file without a name in the folder of `path`, or `path` itself on NFS and some overlays."""
    if not OPENED.is_dir():
        return path.open("wb")
    try:
        return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb")
    except OSError:
        return path.open("wb")


def _link(descriptor: int, path: Path) -> None:
    """Link an open file to `path`, or copy it if links are forbidden."""
    source = OPENED / str(descriptor)
    try:
        # Without src_dir_fd, Python calls link(), which would link the symbolic link in /proc.
        os.link(source, path, src_dir_fd=descriptor, follow_symlinks=True)
    except OSError:
        shutil.copyfile(source, path)
        sync(path)


def write_new(path: Path, content: bytes) -> bool:
    """Write `path` unless it exists, and return whether this process wrote it.

    The file appears complete. On a disk without links, others may briefly see an incomplete file.

    Raises:
        CannotWriteError: the folder or file cannot be written.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        sync(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:
            with path.open("xb") as file:
                file.write(content)
        sync(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` with `content` in one step."""
    with open_replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace `path` with UTF-8 `content` in one step."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Replace `path` with `content` as indented UTF-8 JSON in one step."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def copy(source: Path, target: Path) -> None:
    """Replace `target` with the content of `source` in one step, in constant memory."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
