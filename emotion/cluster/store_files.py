"""Uploads files to the cluster's store and downloads them: resumes cut transfers, and verifies every SHA-256."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emotion.cluster.store_pod import StorePod, check_exit_code, retry
from emotion.errors import BadDataError, CheckFailedError, InputMissingError, UsageError
from emotion.store.atomic import cannot_write, sha256

BLOCK_BYTES = 1 << 20
STORE = PurePosixPath("/store")
UPLOAD_FOLDERS = ("data", "inputs", "weights")
RESULT_FOLDERS = ("runs", "comparison", "predictions")
RELATIVE_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

# Gets the number of bytes that were transferred since the last call.
Advance = Callable[[int], None]

# The pod has sh, find and the core utilities. Names are arguments of the scripts, never part of their text.
FILES = 'find . "$@" -type f ! -name ".*"'
LIST = (
    f'cd "$1" 2> /dev/null || exit 0; shift; {FILES} -exec sha256sum --zero {{}} + ; echo; {FILES} -printf "%s %p\\0"'
)
SIZE = 'stat --format=%s "$1" 2> /dev/null || echo 0'
RECEIVE = 'mkdir -p "$(dirname "$1")" && cat >> "$1"'
VERIFY = '[ "$(sha256sum < "$1")" = "$3  -" ] || { rm -f "$1"; exit 9; }; sync "$1" && mv -f "$1" "$2"'
SEND = 'tail -c "+$2" "$1"'
DIGEST_MISMATCH = 9
FIND_RUN = 'cd /store && for run in runs/"$1" runs/*/"$1"; do [ ! -f "$run/params.json" ] || echo "$run"; done'


@dataclass(frozen=True)
class FileEntry:
    """A file of a folder: its path in the folder, its size in bytes, its SHA-256 in hexadecimal."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class Transferred:
    """Paths that were written, and that were there already; `others` are only in the target."""

    written: list[str]
    kept: list[str]
    others: list[str]


def upload_folder(name: str) -> PurePosixPath:
    """Give the store's folder for `data/NAME`, `inputs/NAME`, `weights/ORG/NAME`, or NAME, which is data/NAME.

    Raises:
        UsageError: the name has none of these forms.
    """
    full = name if name.split("/", maxsplit=1)[0] in UPLOAD_FOLDERS and "/" in name else f"data/{name}"
    if not RELATIVE_PATH.fullmatch(full) or (full.startswith("data/") and full.count("/") > 1):
        raise UsageError(f"{name!r} is no place for files", "write data/NAME, inputs/NAME or weights/ORG/NAME")
    return STORE / full


def local_files(source: Path) -> list[FileEntry]:
    """List the files of a folder, or the one file, with their digests; hidden files and links are skipped.

    Raises:
        InputMissingError: there are no files.
    """
    if source.is_file():
        return [FileEntry(source.name, source.stat().st_size, sha256(source))]
    if not source.is_dir():
        raise InputMissingError(f"no such file or folder: {source}")
    paths = [
        Path(parent) / name for parent, folders, names in _walk(source) for name in sorted(names) if name[0] != "."
    ]
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    if not files:
        raise InputMissingError(f"there are no files in {source}")
    return [FileEntry(path.relative_to(source).as_posix(), path.stat().st_size, sha256(path)) for path in files]


def _walk(source: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for parent, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield parent, folders, names


def remote_files(pod: StorePod, folder: PurePosixPath, *excluded: str) -> list[FileEntry]:
    """List the files of a folder of the store with their digests, except for folders named in `excluded`.

    Raises:
        EmotionError: the pod does not answer.
        BadDataError: a path leads out of the folder.
    """
    pruned = [word for name in excluded for word in ("-name", name, "-prune", "-o")]
    digests, _, sizes = pod.run("sh", "-c", LIST, "sh", str(folder), *pruned).partition(b"\n")
    if not sizes:
        return []
    by_path = {}
    for record in filter(None, digests.decode(errors="surrogateescape").split("\0")):
        by_path[record[66:]] = record[:64]
    entries = []
    for record in filter(None, sizes.decode(errors="surrogateescape").split("\0")):
        size, _, path = record.partition(" ")
        if path in by_path:
            entries.append(FileEntry(_check_inside(path), int(size), by_path[path]))
    return sorted(entries, key=lambda entry: entry.path)


def find_result(pod: StorePod, text: str) -> PurePosixPath:
    """Find the folder of results by MODEL/RUN, a run's name, comparison, or predictions/NAME.

    Raises:
        UsageError: the text has another form, or several runs have that name.
        InputMissingError: the store has no such run.
    """
    if not RELATIVE_PATH.fullmatch(text):
        raise UsageError(f"{text!r} names no result", "write MODEL/RUN, comparison or predictions/NAME")
    if text.split("/", maxsplit=1)[0] in RESULT_FOLDERS:
        return STORE / text
    found = pod.run("sh", "-c", FIND_RUN, "sh", text).decode(errors="replace").split()
    if not found:
        raise InputMissingError(f"the cluster's store has no run {text!r}", "emotion runs list --cluster")
    if len(found) > 1:
        raise UsageError(f"{text!r} is a run of several models: {', '.join(found)}", "name one in full")
    return STORE / found[0]


def _check_inside(path: str) -> str:
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise BadDataError(f"the store has a file of the name {path!r}", "remove it")
    return str(relative)


def upload(pod: StorePod, source: Path, files: list[FileEntry], target: PurePosixPath, advance: Advance) -> Transferred:
    """Copy files into a folder of the store; files with an equal digest stay as they are.

    Raises:
        EmotionError: the connection stayed lost, or the store is full.
    """
    existing = {entry.path: entry.digest for entry in remote_files(pod, target)}
    written = []
    for entry in files:
        if existing.get(entry.path) == entry.digest:
            advance(entry.size)
            continue
        local = source if source.is_file() else source / entry.path
        reach = _reach(advance)
        retry(lambda: _upload_file(pod, local, entry, target, reach))  # noqa: B023
        written.append(entry.path)
    names = {entry.path for entry in files}
    return Transferred(written, sorted(names - set(written)), sorted(existing.keys() - names))


def _upload_file(pod: StorePod, local: Path, entry: FileEntry, target: PurePosixPath, reach: Advance) -> None:
    final = target / entry.path
    part = final.with_name(f".{final.name}.{entry.digest[:12]}.part")
    done = int(pod.run("sh", "-c", SIZE, "sh", str(part)))
    offset = done if done <= entry.size else 0
    if done > entry.size:
        pod.run("rm", "-f", str(part))
    process = pod.start("sh", "-c", RECEIVE, "sh", str(part), stdin=True)
    with process, local.open("rb") as file:
        file.seek(offset)
        reach(offset)
        with suppress(BrokenPipeError):
            while process.stdin is not None and (block := file.read(BLOCK_BYTES)):
                process.stdin.write(block)
                reach(file.tell())
        _, errors = process.communicate()
    check_exit_code(process.returncode, errors)
    verified = pod.start("sh", "-c", VERIFY, "sh", str(part), str(final), entry.digest)
    with verified:
        _, errors = verified.communicate()
    if verified.returncode == DIGEST_MISMATCH:
        raise CheckFailedError(f"{final} did not arrive as it was sent", "try again")
    check_exit_code(verified.returncode, errors)


def download(
    pod: StorePod, source: PurePosixPath, files: list[FileEntry], target: Path, advance: Advance
) -> Transferred:
    """Copy files of the store into a local folder; files with an equal digest stay as they are.

    Raises:
        EmotionError: the connection stayed lost, or the folder cannot be written.
    """
    written, kept = [], []
    for entry in files:
        local = target / entry.path
        if local.is_file() and local.stat().st_size == entry.size and sha256(local) == entry.digest:
            advance(entry.size)
            kept.append(entry.path)
            continue
        try:
            local.parent.mkdir(parents=True, exist_ok=True)
            reach = _reach(advance)
            retry(lambda: _download_file(pod, source / entry.path, entry, local, reach))  # noqa: B023
        except OSError as error:
            raise cannot_write(local, error) from error
        written.append(entry.path)
    return Transferred(written, kept, [])


def _download_file(pod: StorePod, source: PurePosixPath, entry: FileEntry, local: Path, reach: Advance) -> None:
    part = local.with_name(f".{local.name}.{entry.digest[:12]}.part")
    offset = part.stat().st_size if part.exists() else 0
    process = pod.start("sh", "-c", SEND, "sh", str(source), str(offset + 1))
    with process, part.open("ab") as file:
        reach(offset)
        while process.stdout is not None and (block := process.stdout.read(BLOCK_BYTES)):
            file.write(block)
            reach(file.tell())
        _, errors = process.communicate()
        file.flush()
        os.fsync(file.fileno())
    check_exit_code(process.returncode, errors)
    if sha256(part) != entry.digest:
        part.unlink()
        raise CheckFailedError(f"{source} did not arrive as it is in the store", "try again")
    part.replace(local)


def _reach(advance: Advance) -> Advance:
    """Give a callback for the position in a file. A repeated attempt counts no byte twice."""
    farthest = 0

    def reach(position: int) -> None:
        nonlocal farthest
        advance(max(0, position - farthest))
        farthest = max(farthest, position)

    return reach
