"""Files that are either whole or not there: written beside their final name, fsynced, renamed."""

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

TEMPORARY = re.compile(r"\.[0-9a-f]{8}\..+")
# What this process has open; a name there can be linked to.
OPENED = Path("/proc/self/fd")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving without an error it is fsynced and becomes `path`.

    The temporary name ends like `path` does, for writers that choose a format by suffix.

    Raises:
        CannotWriteError: the folder or file cannot be written (permissions, full disk, read-only).
    """
    with _renaming(path) as temporary:
        yield temporary
        # Some writers let nobody else read; who reads a shared store may be another user.
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)


def _umask() -> int:
    """What this process takes from the permissions of new files; asking sets it, for a moment, to what is common."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _renaming(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving without an error what has it, fsynced, becomes `path`."""
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed writers left in `folder` and below; nobody else may write there."""
    for parent, _, names in os.walk(folder):
        for name in filter(TEMPORARY.fullmatch, names):
            with contextlib.suppress(OSError):
                (Path(parent) / name).unlink()


def cannot_write(path: Path, error: OSError) -> CannotWriteError:
    """Say why `path` could not be written."""
    reason = error.strerror or str(error)
    return CannotWriteError(f"cannot write {path}: {reason}", "free some space, or choose a folder that you may write")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing bytes; it appears, whole, when the block ends without an error.

    Until then it has no name, where the file system can do that, so that a killed writer leaves nothing.
    A path that ends in `.gz` is compressed, without a time stamp, so that equal content gives equal bytes.
    """
    with _renaming(path) as temporary, _named_last(temporary) as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed:
                yield packed  # type: ignore[misc]  # GzipFile is a binary file in all but its declared base
        else:
            yield raw


@contextlib.contextmanager
def _named_last(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that is fsynced and gets its name when the block ends without an error."""
    with _create(path) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        if not path.exists():
            _link(file.fileno(), path)


def _create(path: Path) -> IO[bytes]:
    """Open a new file without a name in the folder of `path` or, where that cannot be (NFS, some overlays), `path`."""
    if not OPENED.is_dir():
        return path.open("wb")
    try:
        return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb")
    except OSError:
        return path.open("wb")


def _link(descriptor: int, path: Path) -> None:
    """Name an open file or, where it may not be linked to, a copy of it."""
    source = OPENED / str(descriptor)
    try:
        # Without a src_dir_fd Python calls link(), which would link to the symbolic link in /proc itself.
        os.link(source, path, src_dir_fd=descriptor, follow_symlinks=True)
    except OSError:
        shutil.copyfile(source, path)
        _sync(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step."""
    with open_replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace `path` by UTF-8 `content` in one step."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Replace `path` by `content` as indented UTF-8 JSON in one step."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def copy(source: Path, target: Path) -> None:
    """Replace `target` by the content of `source` in one step, a part at a time."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
