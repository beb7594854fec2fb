"""Files into the cluster's store and out of it, each compared by its SHA-256, gone on with where it was cut off."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emotion.cluster.store_pod import StorePod, check, insist
from emotion.errors import BadDataError, CheckFailedError, InputMissingError, UsageError
from emotion.store.atomic import cannot_write, sha256

BLOCK = 1 << 20
STORE = PurePosixPath("/store")
# What may be put, and what of each a name may be.
PLACES = ("data", "inputs", "weights")
PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

Advance = Callable[[int], None]

# In the pod there are sh, find and the core utilities; whatever varies is an argument, never part of the script.
FILES = 'find . "$@" -type f ! -name ".*"'
LIST = (
    f'cd "$1" 2> /dev/null || exit 0; shift; {FILES} -exec sha256sum --zero {{}} + ; echo; {FILES} -printf "%s %p\\0"'
)
SIZE = 'stat --format=%s "$1" 2> /dev/null || echo 0'
RECEIVE = 'mkdir -p "$(dirname "$1")" && cat >> "$1"'
SETTLE = '[ "$(sha256sum < "$1")" = "$3  -" ] || { rm -f "$1"; exit 9; }; sync "$1" && mv -f "$1" "$2"'
SEND = 'tail -c "+$2" "$1"'
SPOILT = 9
FIND = 'cd /store && for each in runs/"$1" runs/*/"$1"; do [ ! -f "$each/params.json" ] || echo "$each"; done'
RESULTS = ("runs", "comparison", "predictions")


@dataclass(frozen=True)
class FileEntry:
    """A file of a folder: its path there, its bytes, its SHA-256."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class Transferred:
    """What went over, and what was there already; `others` are files of the target that the source lacks."""

    written: list[str]
    kept: list[str]
    others: list[str]


def place_of(name: str) -> PurePosixPath:
    """The folder of the store that is meant by `data/NAME`, `inputs/NAME`, `weights/ORG/NAME`, or NAME for data.

    Raises:
        UsageError: it is none of these.
    """
    full = name if name.split("/", maxsplit=1)[0] in PLACES and "/" in name else f"data/{name}"
    if not PLACE.fullmatch(full) or (full.startswith("data/") and full.count("/") > 1):
        raise UsageError(f"{name!r} is no place for files", "write data/NAME, inputs/NAME or weights/ORG/NAME")
    return STORE / full


def local_files(source: Path) -> list[FileEntry]:
    """The files of a folder, or the one file, with their digests; hidden ones and links are passed over.

    Raises:
        InputMissingError: there are none.
    """
    if source.is_file():
        return [FileEntry(source.name, source.stat().st_size, sha256(source))]
    if not source.is_dir():
        raise InputMissingError(f"no such file or folder: {source}")
    paths = [
        Path(parent) / name for parent, folders, names in _walk(source) for name in sorted(names) if name[0] != "."
    ]
    found = [path for path in paths if path.is_file() and not path.is_symlink()]
    if not found:
        raise InputMissingError(f"there are no files in {source}")
    return [FileEntry(path.relative_to(source).as_posix(), path.stat().st_size, sha256(path)) for path in found]


def _walk(source: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for parent, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield parent, folders, names


def remote_files(pod: StorePod, folder: PurePosixPath, *without: str) -> list[FileEntry]:
    """The files of a folder of the store but for folders named in `without`, with their digests; none where it lacks.

    Raises:
        EmotionError: the pod does not answer.
        BadDataError: a name leads out of the folder.
    """
    pruned = [word for name in without for word in ("-name", name, "-prune", "-o")]
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
            entries.append(FileEntry(_inside(path), int(size), by_path[path]))
    return sorted(entries, key=lambda entry: entry.path)


def find_result(pod: StorePod, text: str) -> PurePosixPath:
    """The folder of results that is meant by MODEL/RUN or a run's name alone, comparison, or predictions/NAME.

    Raises:
        UsageError: it can be none, or several runs have that name.
        InputMissingError: there is none.
    """
    if not PLACE.fullmatch(text):
        raise UsageError(f"{text!r} names no result", "write MODEL/RUN, comparison or predictions/NAME")
    if text.split("/", maxsplit=1)[0] in RESULTS:
        found = [text]
    else:
        found = pod.run("sh", "-c", FIND, "sh", text).decode(errors="replace").split()
    if not found:
        raise InputMissingError(f"the cluster's store has no run {text!r}", "emotion runs list --cluster")
    if len(found) > 1:
        raise UsageError(f"{text!r} is a run of several models: {', '.join(found)}", "name one in full")
    return STORE / found[0]


def _inside(path: str) -> str:
    inner = PurePosixPath(path)
    if inner.is_absolute() or ".." in inner.parts:
        raise BadDataError(f"the store has a file of the name {path!r}", "remove it")
    return str(inner)


def put(pod: StorePod, source: Path, files: list[FileEntry], target: PurePosixPath, advance: Advance) -> Transferred:
    """Bring files into a folder of the store; what is there, and the same, stays.

    Raises:
        EmotionError: the connection is lost for good, or the store is full.
    """
    there = {entry.path: entry.digest for entry in remote_files(pod, target)}
    written = []
    for entry in files:
        if there.get(entry.path) == entry.digest:
            advance(entry.size)
            continue
        local = source if source.is_file() else source / entry.path
        reach = _reach(advance)
        insist(lambda: _put_one(pod, local, entry, target, reach))  # noqa: B023
        written.append(entry.path)
    names = {entry.path for entry in files}
    return Transferred(written, sorted(names - set(written)), sorted(there.keys() - names))


def _put_one(pod: StorePod, local: Path, entry: FileEntry, target: PurePosixPath, reach: Advance) -> None:
    final = target / entry.path
    part = final.with_name(f".{final.name}.{entry.digest[:12]}.part")
    done = int(pod.run("sh", "-c", SIZE, "sh", str(part)))
    offset = done if done <= entry.size else 0
    if done > entry.size:
        pod.run("rm", "-f", str(part))
    process = pod.start("sh", "-c", RECEIVE, "sh", str(part), fed=True)
    with process, local.open("rb") as file:
        file.seek(offset)
        reach(offset)
        with suppress(BrokenPipeError):
            while process.stdin is not None and (block := file.read(BLOCK)):
                process.stdin.write(block)
                reach(file.tell())
        _, said = process.communicate()
    check(process.returncode, said)
    settled = pod.start("sh", "-c", SETTLE, "sh", str(part), str(final), entry.digest)
    with settled:
        _, said = settled.communicate()
    if settled.returncode == SPOILT:
        raise CheckFailedError(f"{final} did not arrive as it was sent", "try again")
    check(settled.returncode, said)


def fetch(pod: StorePod, source: PurePosixPath, files: list[FileEntry], target: Path, advance: Advance) -> Transferred:
    """Bring files of the store into a folder here; what is there, and the same, stays.

    Raises:
        EmotionError: the connection is lost for good, or the folder cannot be written.
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
            insist(lambda: _fetch_one(pod, source / entry.path, entry, local, reach))  # noqa: B023
        except OSError as error:
            raise cannot_write(local, error) from error
        written.append(entry.path)
    return Transferred(written, kept, [])


def _fetch_one(pod: StorePod, source: PurePosixPath, entry: FileEntry, local: Path, reach: Advance) -> None:
    part = local.with_name(f".{local.name}.{entry.digest[:12]}.part")
    offset = part.stat().st_size if part.exists() else 0
    process = pod.start("sh", "-c", SEND, "sh", str(source), str(offset + 1))
    with process, part.open("ab") as file:
        reach(offset)
        while process.stdout is not None and (block := process.stdout.read(BLOCK)):
            file.write(block)
            reach(file.tell())
        _, said = process.communicate()
        file.flush()
        os.fsync(file.fileno())
    check(process.returncode, said)
    if sha256(part) != entry.digest:
        part.unlink()
        raise CheckFailedError(f"{source} did not arrive as it is in the store", "try again")
    part.replace(local)


def _reach(advance: Advance) -> Advance:
    """Count what a file's place is beyond any before: an attempt that begins again counts nothing twice."""
    farthest = 0

    def reach(place: int) -> None:
        nonlocal farthest
        advance(max(0, place - farthest))
        farthest = max(farthest, place)

    return reach
