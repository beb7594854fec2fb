"""Copies one large file into the cluster's store or out of it; an interrupted transfer resumes within the file."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from emotion.cluster.store_pod import StorePod, retry
from emotion.errors import BadDataError, CheckFailedError, ExitCode
from emotion.store.archive import BLOCK_BYTES, FileEntry, check_inside
from emotion.store.atomic import sha256

# The pod has sh and the core utilities. Scripts get names as arguments, never in their text.
SIZE = 'stat --format=%s "$1" 2> /dev/null || echo 0'
RECEIVE = (
    'case "$(realpath -m -- "$1")" in "$(realpath -m -- "$2")"/*) ;; *) exit 65;; esac; '
    'mkdir -p "$(dirname "$1")" && cat >> "$1"'
)
VERIFY = '[ "$(sha256sum < "$1")" = "$3  -" ] || { rm -f "$1"; exit 9; }; sync "$1" && mv -f "$1" "$2"'
SEND = 'tail -c "+$2" "$1"'
DIGEST_MISMATCH = 9

# Gets the number of bytes that were transferred since the last call.
AdvanceBytes = Callable[[int], None]


def upload_large(pod: StorePod, local: Path, entry: FileEntry, target: PurePosixPath, advance: AdvanceBytes) -> None:
    """Copy a local file to its path in a folder of the store.

    Raises:
        BadDataError: a link leads out of the store's folder.
        EmotionError: the connection stayed lost, or the store is full.
    """
    final = target / entry.path
    part = final.with_name(f".{final.name}.{entry.digest[:12]}.part")
    reach = _reach(advance)

    def attempt() -> None:
        offset = _arrived(pod, part, entry.size)
        _append(pod, local, offset, part, target, reach)
        _verify(pod, part, final, entry.digest)

    retry(attempt)


def _arrived(pod: StorePod, part: PurePosixPath, size: int) -> int:
    """Count the bytes that the store has of a file; remove a stored part that is longer than the file."""
    done = int(pod.run("sh", "-c", SIZE, "sh", str(part)))
    if done <= size:
        return done
    pod.run("rm", "-f", str(part))
    return 0


def _append(
    pod: StorePod, local: Path, offset: int, part: PurePosixPath, folder: PurePosixPath, reach: AdvanceBytes
) -> None:
    process = pod.start("sh", "-c", RECEIVE, "sh", str(part), str(folder), stdin=True)
    with process, local.open("rb") as file:
        file.seek(offset)
        reach(offset)
        with suppress(BrokenPipeError):
            while process.stdin is not None and (block := file.read(BLOCK_BYTES)):
                process.stdin.write(block)
                reach(file.tell())
        _, errors = process.communicate()
    if process.returncode == ExitCode.BAD_DATA:
        raise BadDataError(f"{part.parent} leads out of {folder}: a part of its path is a link", "remove the link")
    pod.check_exit_code(process.returncode, errors)


def _verify(pod: StorePod, part: PurePosixPath, final: PurePosixPath, digest: str) -> None:
    with pod.start("sh", "-c", VERIFY, "sh", str(part), str(final), digest) as process:
        _, errors = process.communicate()
    if process.returncode == DIGEST_MISMATCH:
        raise CheckFailedError(f"{final} changed during the transfer", "try again")
    pod.check_exit_code(process.returncode, errors)


def download_large(pod: StorePod, source: PurePosixPath, entry: FileEntry, target: Path, advance: AdvanceBytes) -> None:
    """Copy a file of the store to its path in a local folder.

    Raises:
        BadDataError: a link leads out of the folder.
        OSError: the folder cannot be written.
        EmotionError: the connection stayed lost.
    """
    local = check_inside(target, entry.path)
    part = check_inside(target, str(PurePosixPath(entry.path).with_name(f".{local.name}.{entry.digest[:12]}.part")))
    local.parent.mkdir(parents=True, exist_ok=True)
    reach = _reach(advance)

    def attempt() -> None:
        _receive(pod, source, part, reach)
        if sha256(part) != entry.digest:
            part.unlink()
            raise CheckFailedError(f"{source} changed during the transfer", "try again")
        part.replace(local)

    retry(attempt)


def _receive(pod: StorePod, source: PurePosixPath, part: Path, reach: AdvanceBytes) -> None:
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
    pod.check_exit_code(process.returncode, errors)


def _reach(advance: AdvanceBytes) -> AdvanceBytes:
    """Make a callback for the position in a file. A repeated attempt counts no byte twice."""
    farthest = 0

    def reach(position: int) -> None:
        nonlocal farthest
        advance(max(0, position - farthest))
        farthest = max(farthest, position)

    return reach
