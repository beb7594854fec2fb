"""Lists local files and the cluster store's files with digests, and finds folders of the store."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emotion.cluster.store_pod import StorePod
from emotion.errors import InputMissingError, UsageError
from emotion.store.archive import FileEntry, check_path
from emotion.store.atomic import sha256

STORE = PurePosixPath("/store")
UPLOAD_FOLDERS = ("data", "inputs", "weights")
RESULT_FOLDERS = ("runs", "comparison", "predictions")
RELATIVE_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

# The pod has sh, find and the core utilities. Scripts get names as arguments, never in their text. A name may have a
# line feed, so an empty record ends the digests.
FILES = 'find . "$@" -type f ! -name ".*"'
LIST = (
    f'cd "$1" 2> /dev/null || exit 0; shift; {FILES} -exec sha256sum --zero {{}} + ; printf "\\0"; '
    f'{FILES} -printf "%s %p\\0"'
)
FIND_RUN = 'cd /store && for run in runs/"$1" runs/*/"$1"; do [ ! -f "$run/params.json" ] || echo "$run"; done'


def upload_folder(name: str) -> PurePosixPath:
    """Give the store's folder for `data/NAME`, `inputs/NAME` or `weights/ORG/NAME`; NAME alone means data/NAME.

    Raises:
        UsageError: the name has none of these forms.
    """
    full = name if name.split("/", maxsplit=1)[0] in UPLOAD_FOLDERS and "/" in name else f"data/{name}"
    if not RELATIVE_PATH.fullmatch(full) or (full.startswith("data/") and full.count("/") > 1):
        raise UsageError(f"{name!r} is not a folder of the store", "write data/NAME, inputs/NAME or weights/ORG/NAME")
    return STORE / full


def local_files(source: Path) -> list[FileEntry]:
    """List the files of a folder, or one file, with digests; skip hidden files and links.

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
    """List the files of a store folder with digests, except for folders named in `excluded`.

    Raises:
        EmotionError: the pod does not answer.
        BadDataError: a path leads out of the folder.
    """
    pruned = [word for name in excluded for word in ("-name", name, "-prune", "-o")]
    digests, _, sizes = pod.run("sh", "-c", LIST, "sh", str(folder), *pruned).partition(b"\0\0")
    if not sizes:
        return []
    by_path = {}
    for record in filter(None, digests.decode(errors="surrogateescape").split("\0")):
        by_path[record[66:]] = record[:64]
    entries = []
    for record in filter(None, sizes.decode(errors="surrogateescape").split("\0")):
        size, _, path = record.partition(" ")
        if path in by_path:
            entries.append(FileEntry(check_path(path), int(size), by_path[path]))
    return sorted(entries, key=lambda entry: entry.path)


def find_result(pod: StorePod, text: str) -> PurePosixPath:
    """Find the folder of results by MODEL/RUN, a run's name, comparison, or predictions/NAME.

    Raises:
        UsageError: the text has another form, or several runs have this name.
        InputMissingError: the store has no such run.
    """
    if not RELATIVE_PATH.fullmatch(text):
        raise UsageError(f"{text!r} is not a result's name", "write MODEL/RUN, comparison or predictions/NAME")
    if text.split("/", maxsplit=1)[0] in RESULT_FOLDERS:
        return STORE / text
    found = pod.run("sh", "-c", FIND_RUN, "sh", text).decode(errors="replace").split()
    if not found:
        raise InputMissingError(
            f"there is no run {text!r} in the cluster's store", f"emotion runs list --cluster{pod.kubectl.flags}"
        )
    if len(found) > 1:
        raise UsageError(f"several models have a run {text!r}: {', '.join(found)}", "give the full name")
    return STORE / found[0]
