"""Copies files into the cluster's store and out of it: many small files in one stream, large files one by one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emotion.cluster.large_file import AdvanceBytes, download_large, upload_large
from emotion.cluster.log_lines import split_hint
from emotion.cluster.store_files import remote_files
from emotion.cluster.store_pod import StorePod, retry
from emotion.errors import BadDataError, CheckFailedError, ExitCode, UnavailableError
from emotion.store.archive import FileEntry, check_inside, pack, unpack, write_list
from emotion.store.atomic import cannot_write, sha256

# A larger file is copied on its own, and an interrupted transfer resumes within the file.
SMALL_BYTES = 8 << 20
# A lost connection repeats at most this much.
STREAM_BYTES = 64 << 20

# Gets the number of bytes, and of files, that were transferred since the last call.
Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Transferred:
    """Paths that were written, and paths that existed already; `others` are only in the target."""

    written: list[str]
    kept: list[str]
    others: list[str]


def upload(pod: StorePod, source: Path, files: list[FileEntry], target: PurePosixPath, advance: Advance) -> Transferred:
    """Copy files into a folder of the store; files with an equal digest stay as they are.

    Raises:
        EmotionError: the connection stayed lost, or the store is full.
    """
    existing = {entry.path: entry.digest for entry in remote_files(pod, target)}
    kept = [entry for entry in files if existing.get(entry.path) == entry.digest]
    missing = _count_kept(files, kept, advance)
    folder = source.parent if source.is_file() else source

    def large(entry: FileEntry, advance_bytes: AdvanceBytes) -> None:
        upload_large(pod, folder / entry.path, entry, target, advance_bytes)

    _copy(missing, advance, lambda stream, count: _send(pod, folder, stream, target, count), large)
    others = sorted(existing.keys() - {entry.path for entry in files})
    return Transferred([entry.path for entry in missing], sorted(entry.path for entry in kept), others)


def download(
    pod: StorePod, source: PurePosixPath, files: list[FileEntry], target: Path, advance: Advance
) -> Transferred:
    """Copy files of the store into a local folder; files with an equal digest stay as they are.

    Raises:
        BadDataError: the store sends an unrequested file, or a path outside of the folder.
        EmotionError: the connection stayed lost, or the folder cannot be written.
    """
    kept = [entry for entry in files if _is_here(check_inside(target, entry.path), entry)]
    missing = _count_kept(files, kept, advance)

    def large(entry: FileEntry, advance_bytes: AdvanceBytes) -> None:
        download_large(pod, source / entry.path, entry, target, advance_bytes)

    try:
        target.mkdir(parents=True, exist_ok=True)
        _copy(missing, advance, lambda stream, count: _receive(pod, source, stream, target, count), large)
    except OSError as error:
        raise cannot_write(target, error) from error
    return Transferred([entry.path for entry in missing], [entry.path for entry in kept], [])


def _copy(
    files: list[FileEntry],
    advance: Advance,
    copy_stream: Callable[[list[FileEntry], Callable[[FileEntry], None]], None],
    copy_large: Callable[[FileEntry, AdvanceBytes], None],
) -> None:
    """Copy small files in streams, which may be repeated, then large files one by one."""
    for stream in _streams(files):
        count = _counter(advance)
        retry(lambda: copy_stream(stream, count))  # noqa: B023
    for entry in files:
        if entry.size > SMALL_BYTES:
            copy_large(entry, lambda size: advance(size, 0))
            advance(0, 1)


def _is_here(local: Path, entry: FileEntry) -> bool:
    return local.is_file() and local.stat().st_size == entry.size and sha256(local) == entry.digest


def _count_kept(files: list[FileEntry], kept: list[FileEntry], advance: Advance) -> list[FileEntry]:
    """Count the files that exist already, and return the others."""
    advance(sum(entry.size for entry in kept), len(kept))
    there = {entry.path for entry in kept}
    return [entry for entry in files if entry.path not in there]


def _streams(files: list[FileEntry]) -> Iterator[list[FileEntry]]:
    """Divide the small files among streams."""
    stream: list[FileEntry] = []
    size = 0
    for entry in files:
        if entry.size > SMALL_BYTES:
            continue
        if stream and size + entry.size > STREAM_BYTES:
            yield stream
            stream, size = [], 0
        stream.append(entry)
        size += entry.size
    if stream:
        yield stream


def _counter(advance: Advance) -> Callable[[FileEntry], None]:
    """Make a callback that counts transferred files. A repeated attempt counts no file twice."""
    counted: set[str] = set()

    def count(entry: FileEntry) -> None:
        if entry.path not in counted:
            counted.add(entry.path)
            advance(entry.size, 1)

    return count


def _send(
    pod: StorePod, folder: Path, files: Sequence[FileEntry], target: PurePosixPath, count: Callable[[FileEntry], None]
) -> None:
    with pod.start("emotion", "stream", "receive", str(target), stdin=True) as process:
        # A receiver that fails closes its input first, then prints the reason.
        with suppress(BrokenPipeError):
            if process.stdin is not None:
                write_list(process.stdin, files)
                for entry in pack(folder, files, process.stdin):
                    count(entry)
        _, errors = process.communicate()
    _check_end(pod, process.returncode, errors)


def _receive(
    pod: StorePod, source: PurePosixPath, files: Sequence[FileEntry], target: Path, count: Callable[[FileEntry], None]
) -> None:
    process = pod.start("emotion", "stream", "send", str(source), stdin=True)
    with process:
        try:
            with suppress(BrokenPipeError):
                if process.stdin is not None:
                    write_list(process.stdin, files)
            if process.stdout is not None:
                for entry in unpack(process.stdout, target, files):
                    count(entry)
        except CheckFailedError:
            if process.stdout is not None:
                process.stdout.close()
            _, errors = process.communicate()
            # A signal ends kubectl if kubectl has more to print.
            _check_end(pod, max(process.returncode, 0), errors)
            raise
        finally:
            process.kill()


def _check_end(pod: StorePod, code: int, errors: bytes) -> None:
    """Check the exit code of `emotion stream` in the pod.

    Raises:
        CheckFailedError: a file did not arrive as it was sent.
        BadDataError: the pod refuses the stream.
        EmotionError: the connection was lost, the store is full, or the image has no `emotion stream`.
    """
    message, hint = split_hint(errors.decode(errors="replace"))
    message = message.removeprefix("error: ").strip()
    if code == ExitCode.CHECK_FAILED:
        raise CheckFailedError(message, hint)
    if code in {ExitCode.BAD_DATA, ExitCode.INPUT_MISSING}:
        raise BadDataError(f"in the store's pod: {message}", hint)
    if code == ExitCode.USAGE:
        raise UnavailableError("the pod's image is older than this command", "use a newer image: --image")
    pod.check_exit_code(code, errors)
