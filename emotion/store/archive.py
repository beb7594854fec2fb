"""Many files as one tar stream with digests: a reader accepts only listed files, and files appear complete."""

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
    """A file in a folder: path in the folder, size in bytes, SHA-256 in hexadecimal."""

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
        raise BadDataError(f"the file name {path!r} leads out of its folder", "remove or rename the file")
    return str(relative)


def check_inside(folder: Path, path: str) -> Path:
    """Give the path of a file in a folder.

    Raises:
        BadDataError: a link in the path leads out of the folder.
    """
    place = folder / check_path(path)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise BadDataError(f"{place} leads out of {folder}: a part of its path is a link", "remove the link")
    return place


def write_list(stream: IO[bytes], entries: Iterable[FileEntry]) -> None:
    """Write a stream's list of files as one line."""
    stream.write(json.dumps([astuple(entry) for entry in entries]).encode() + b"\n")
    stream.flush()


def read_list(stream: IO[bytes]) -> list[FileEntry]:
    """Read a list of files from one line.

    Raises:
        BadDataError: the line is not a list of files, or a path leads out of the folder.
    """
    try:
        entries = [FileEntry(str(path), int(size), str(digest)) for path, size, digest in json.loads(stream.readline())]
    except (ValueError, TypeError) as error:
        raise BadDataError("standard input does not start with a list of files", "use emotion put or fetch") from error
    for entry in entries:
        check_path(entry.path)
    return entries


def pack(folder: Path, entries: Iterable[FileEntry], stream: IO[bytes]) -> Iterator[FileEntry]:
    """Write files of a folder to a stream as a tar; yield the entries of written files.

    Raises:
        InputMissingError: a file cannot be read.
        BadDataError: the size of a file has changed.
        BrokenPipeError: the reader is gone.
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
    """Write the files of a tar stream into a folder; yield the entries of complete files.

    Raises:
        BadDataError: the stream has an unlisted file.
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
        BadDataError: the member is not in the list, is repeated, is not a plain file, or has another size.
    """
    entry = missing.get(member.name)
    if entry is None:
        raise BadDataError(f"the stream has an unrequested file: {member.name!r}", "remove it from its folder")
    plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse()
    if not plain or member.size != entry.size:
        raise BadDataError(f"{member.name!r} is not the listed file of {entry.size} bytes", "try again")
    return entry


def _filter(member: tarfile.TarInfo, folder: Path) -> None:
    """Also check a member by tarfile's rules. Python 3.11.2 in Debian 12 and in the images has no such rules."""
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
            raise CheckFailedError(f"{path} changed during the transfer", "try again")
