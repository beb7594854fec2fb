"""Many files as one tar stream, with their digests: a reader takes only the listed files, and each appears whole."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from emotion.errors import BadDataError, CheckFailedError, InputMissingError
from emotion.store.atomic import open_replacing_unpacked

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileEntry:
    """A file of a folder: its path in the folder, its size in bytes, its SHA-256 in hexadecimal."""

    path: str
    size: int
    digest: str


def check_path(path: str) -> str:
    """Check the path of a file in a folder.

    Raises:
        BadDataError: the path is absolute, or may lead out of the folder.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path or not relative.name:
        raise BadDataError(f"a file has the name {path!r}, which leads out of its folder", "remove or rename the file")
    return str(relative)


def check_inside(folder: Path, path: str) -> Path:
    """Give the place of a file in a folder.

    Raises:
        BadDataError: the place is outside of the folder: a part of the path is a link.
    """
    place = folder / check_path(path)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise BadDataError(f"{place} leads out of {folder}: a part of its path is a link", "remove the link")
    return place


def write_list(stream: IO[bytes], entries: Iterable[FileEntry]) -> None:
    """Write the list of files that a stream has, or is to have, as one line."""
    stream.write(json.dumps([astuple(entry) for entry in entries]).encode() + b"\n")
    stream.flush()


def read_list(stream: IO[bytes]) -> list[FileEntry]:
    """Read a list of files from its line.

    Raises:
        BadDataError: this is no list of files, or a path leads out of the folder.
    """
    try:
        entries = [FileEntry(str(path), int(size), str(digest)) for path, size, digest in json.loads(stream.readline())]
    except (ValueError, TypeError) as error:
        raise BadDataError("standard input does not begin with a list of files", "use emotion put or fetch") from error
    for entry in entries:
        check_path(entry.path)
    return entries


def pack(folder: Path, entries: Iterable[FileEntry], stream: IO[bytes]) -> Iterator[FileEntry]:
    """Write files of a folder to a stream as a tar; yield the entry of each file that is written.

    Raises:
        InputMissingError: a file cannot be read.
        BadDataError: the size of a file has changed.
        BrokenPipeError: the reader has gone.
    """
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            with _open(check_inside(folder, entry.path)) as file:
                if os.fstat(file.fileno()).st_size != entry.size:
                    raise BadDataError(f"{folder / entry.path} changes while it is read", "wait, then try again")
                member = tarfile.TarInfo(entry.path)
                member.size = entry.size
                archive.addfile(member, file)
            yield entry


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputMissingError(f"cannot read {path}: {error.strerror}", "try again") from error


def unpack(stream: IO[bytes], folder: Path, entries: Iterable[FileEntry]) -> Iterator[FileEntry]:
    """Write the files of a tar stream into a folder; yield the entry of each file that is complete.

    Raises:
        BadDataError: the stream has something that is not in the list.
        CheckFailedError: the stream ends early, or a file has another digest.
        CannotWriteError: the folder cannot be written.
    """
    missing = {entry.path: entry for entry in entries}
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                entry = _listed(member, missing)
                place = check_inside(folder, entry.path)
                _filter(member, folder)
                _write(archive.extractfile(member), place, entry)
                del missing[entry.path]
                yield entry
    except tarfile.TarError as error:
        raise CheckFailedError(f"the stream of files is damaged: {error}", "try again") from error
    if missing:
        raise CheckFailedError(f"the stream of files ended early: {len(missing)} files are missing", "try again")


def _listed(member: tarfile.TarInfo, missing: dict[str, FileEntry]) -> FileEntry:
    """Find the entry of a member.

    Raises:
        BadDataError: the member is not in the list or came before, is no plain file, or has another size.
    """
    entry = missing.get(member.name)
    if entry is None:
        raise BadDataError(f"the stream has a file that nobody asked for: {member.name!r}", "remove it from its folder")
    plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse()
    if not plain or member.size != entry.size:
        raise BadDataError(f"{member.name!r} is not the file of {entry.size} bytes that was listed", "try again")
    return entry


def _filter(member: tarfile.TarInfo, folder: Path) -> None:
    """Check a member by tarfile's own rules too. Python 3.11.2, which Debian 12 and so the images have, has none."""
    if hasattr(tarfile, "data_filter"):
        try:
            tarfile.data_filter(member, str(folder))
        except tarfile.FilterError as error:
            raise BadDataError(str(error), "remove it from its folder") from error


def _write(content: IO[bytes] | None, path: Path, entry: FileEntry) -> None:
    digest = hashlib.sha256()
    with open_replacing_unpacked(path) as file:
        while content is not None and (block := content.read(BLOCK_BYTES)):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != entry.digest:
            raise CheckFailedError(f"{path} did not arrive as it was sent", "try again")
