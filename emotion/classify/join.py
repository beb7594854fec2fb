"""Joins the parts of a file: one copy of all parts, with the errors' lines counted from the start of the whole file."""

import contextlib
import csv
import gzip
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from emotion.classify.error_log import ERRORS, HEADER, error_row, remove_stale_errors
from emotion.classify.manifest import Manifest, Origin, counts_of
from emotion.classify.shard import Shard, Share
from emotion.errors import BadDataError, UsageError
from emotion.records.sample import RECORD_LIMIT
from emotion.store.atomic import is_packed, open_replacing

BLOCK = 1 << 20
# Another process may replace a part and then its manifest: number of reads, and seconds between them.
MANIFEST_READS = 10
MANIFEST_SECONDS = 1.0


def find_parts(origin: Origin) -> list[Manifest | None]:
    """Read the manifests of all parts; None for a missing part, or a part from another input, model or settings.

    The input is compared only if no part is missing: few shards then read all of a copied input.
    """
    found = [origin.read(Share(origin.task, Shard(index, origin.of))) for index in range(origin.of)]
    if None in found:
        return found
    return [part if part is not None and origin.has_input_of(part) else None for part in found]


def join_parts(origin: Origin, check: Callable[[], None]) -> list[Manifest | None]:
    """Join all parts into the output unless one is missing; return the result of `find_parts`.

    Simultaneous joins write the same files. `check` runs before the files appear, and may raise.

    Raises:
        BadDataError: a part does not match its manifest, or the parts do not follow one another.
    """
    tried: list[Manifest] = []
    for _ in range(MANIFEST_READS):
        found = find_parts(origin)
        manifests = [manifest for manifest in found if manifest is not None]
        if len(manifests) < len(found):
            return found
        if manifests != tried:
            _check_order(origin, manifests)
            try:
                _write_joined(origin, manifests, check)
            except _DamagedPartError as error:
                tried, damaged = manifests, error
            else:
                return found
        time.sleep(MANIFEST_SECONDS)
    raise BadDataError(f"{damaged} does not match its manifest", "run that shard again")


def is_intact(share: Share, manifest: Manifest) -> bool:
    """Whether a part's files match its manifest."""
    task = share.part_task
    files = [(task.output, manifest["output"])]
    if counts_of(manifest).errors and task.errors is not None:
        files.append((task.errors, manifest["errors_file"]))
    try:
        for path, sha256 in files:
            for _ in _content(path, sha256):
                pass
    except _DamagedPartError:
        return False
    return True


class _DamagedPartError(Exception):
    """A part or its errors file cannot be read, or does not match its manifest."""


def _check_order(origin: Origin, manifests: Sequence[Manifest]) -> None:
    """Check that the parts follow one another, from the first record to the end of the input."""
    ranges = [manifest["range"] for manifest in manifests]
    starts, stops = [start for start, _ in ranges], [stop for _, stop in ranges]
    first, last = origin.ends
    if [*starts, last] != [first, *stops]:
        raise BadDataError(
            f"the parts of {origin.task.output} do not follow one another", "delete the parts, and run all shards again"
        )


def _write_joined(origin: Origin, manifests: Sequence[Manifest], check: Callable[[], None]) -> None:
    task = origin.task
    if task.errors is None:
        raise UsageError(f"{task.output} cannot be written in parts", "name a file")
    any_errors = any(counts_of(manifest).errors for manifest in manifests)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_replacing(task.output))
        errors = stack.enter_context(open_replacing(task.errors)) if any_errors else None
        lines = 0
        for index, manifest in enumerate(manifests):
            part = Share(task, Shard(index, len(manifests))).part_task
            _append(output, part.output, manifest["output"], manifest["header_bytes"] if index else 0)
            if errors is not None and part.errors is not None and counts_of(manifest).errors:
                _append_errors(errors, part.errors, manifest["errors_file"], lines)
            lines += manifest["lines"]
        check()
    if not any_errors:
        remove_stale_errors(task.errors)


def _append(target: IO[bytes], path: Path, sha256: str, skip: int) -> None:
    """Copy the content of a file without its first `skip` bytes."""
    for block in _content(path, sha256):
        target.write(block[skip:])
        skip -= min(skip, len(block))


def _append_errors(target: IO[bytes], path: Path, sha256: str, lines: int) -> None:
    """Copy an errors file and add `lines` to its line numbers; only the first file keeps its header."""
    if not target.tell():
        target.write(HEADER)
    if not lines:
        _append(target, path, sha256, len(HEADER))
        return
    for _ in _content(path, sha256):
        pass
    # A record, and its quotes twice.
    csv.field_size_limit(2 * RECORD_LIMIT)
    with path.open(newline="", encoding="utf-8", errors=ERRORS) as file:
        rows = csv.reader(file)
        next(rows)
        for line, reason, record in rows:
            target.write(error_row(int(line) + lines, reason, record))


def _content(path: Path, sha256: str) -> Iterator[bytes]:
    """Yield the uncompressed content of a file.

    Raises:
        _DamagedPartError: the file cannot be read, or its digest differs at the end.
    """
    digest = hashlib.sha256()
    try:
        with contextlib.closing(gzip.open(path) if is_packed(path) else path.open("rb")) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise _DamagedPartError(path) from error
    if digest.hexdigest() != sha256:
        raise _DamagedPartError(path)
