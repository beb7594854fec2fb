"""Writes a shard's part with its manifest, and joins the parts once all exist.

A part has the format of the whole output, with a header. Its manifest is written last and names the part's origin:
input, model and settings. So a part is made once, and parts of different inputs, models or precisions are never
joined. Parts of different devices or machines are joined: their scores differ at most in the last digits.

A process may be killed at any time, and several may write the same part, or join, at once. So a manifest has the
digest of what its own process wrote, and the join compares each part with that digest while it copies.
"""

import contextlib
import gzip
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from emotion.classify.engine import classify_file
from emotion.classify.error_log import HEADER, remove_stale_errors
from emotion.classify.manifest import Manifest, counts_of, describe_part, find_origin, read_manifest, total
from emotion.classify.shard import Shard, manifest_path
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task
from emotion.errors import BadDataError, TryAgainError, UsageError
from emotion.onnx.session import Classifier
from emotion.records.text_io import stamp
from emotion.store.atomic import is_packed, open_replacing, write_json

BLOCK = 1 << 20
# Another process may replace this process's part before it is checked.
MAX_WRITES = 5
# Another process may have replaced a part and write the manifest next: number of reads, and seconds between them.
MANIFEST_READS = 10
MANIFEST_SECONDS = 1.0


@dataclass(frozen=True)
class ShardResult:
    """A shard's part and its counts, whether it existed before, and the numbers of the missing parts.

    `whole` are the counts of all parts, if none is missing.
    """

    part: Path
    counts: Statistics
    skipped: bool
    prefixed: bool
    missing: list[int]
    whole: Statistics | None


def classify_shard(
    task: Task, shard: Shard, classifier: Classifier, settings: Settings, listener: RowListener
) -> ShardResult:
    """Write this shard's part unless it exists, and the whole output if all parts exist.

    Raises:
        BadDataError: as `classify_file`; or the input changes meanwhile; or a part does not match its manifest.
        TryAgainError: another process replaces the part after each of MAX_WRITES writes.
    """
    check = partial(_check_unchanged, task.source, stamp(task.source))
    origin = find_origin(task, shard.count, classifier, settings, listener)
    part = shard.part(task)
    skipped = True
    for _ in range(MAX_WRITES):
        if manifest := _intact_manifest(part, shard, origin):
            break
        skipped = False
        result = classify_file(part, classifier, settings, listener, shard.records(origin["records"]))
        check()
        write_json(manifest_path(part), describe_part(part, shard, origin, result, classifier))
    else:
        raise TryAgainError(f"{part.output} is written by others too, of other content", "stop them, and start again")
    missing, whole = join_parts(task, shard.count, origin, check)
    return ShardResult(part.output, counts_of(manifest), skipped, manifest["prefixed"], missing, whole)


def join_parts(task: Task, of: int, origin: Manifest, check: Callable[[], None]) -> tuple[list[int], Statistics | None]:
    """Join all parts into the output, and return no number and the counts of the whole file.

    If parts are missing or have another origin, return their numbers and no counts instead.

    Two joins, even at once, write the same files. `check` runs before the files appear, and may raise.

    Raises:
        BadDataError: a part does not match its manifest.
    """
    shards = [Shard(index, of) for index in range(of)]
    parts = [shard.part(task) for shard in shards]
    tried: list[Manifest] = []
    for _ in range(MANIFEST_READS):
        found = [read_manifest(part, shard, origin) for part, shard in zip(parts, shards, strict=True)]
        manifests = [manifest for manifest in found if manifest is not None]
        if len(manifests) < of:
            return [index for index, manifest in enumerate(found) if manifest is None], None
        if manifests != tried:
            try:
                _write_joined(task, list(zip(parts, manifests, strict=True)), check)
            except _DamagedPartError as error:
                tried, damaged = manifests, error
            else:
                return [], total(manifests)
        time.sleep(MANIFEST_SECONDS)
    raise BadDataError(f"{damaged} is not what its manifest says", "run that shard again")


class _DamagedPartError(Exception):
    """A part or its errors file cannot be read, or does not match its manifest."""


def _write_joined(task: Task, parts: list[tuple[Task, Manifest]], check: Callable[[], None]) -> None:
    if task.errors is None:
        raise UsageError(f"{task.output} cannot be written in parts", "name a file")
    any_errors = any(counts_of(manifest).errors for _, manifest in parts)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_replacing(task.output))
        errors = stack.enter_context(open_replacing(task.errors)) if any_errors else None
        for index, (part, manifest) in enumerate(parts):
            _append(output, part.output, manifest["output"], manifest["header_bytes"] if index else 0)
            if errors is not None and part.errors is not None and counts_of(manifest).errors:
                _append(errors, part.errors, manifest["errors_file"], len(HEADER) if errors.tell() else 0)
        check()
    if not any_errors:
        remove_stale_errors(task.errors)


def _append(target: IO[bytes], path: Path, sha256: str, skip: int) -> None:
    """Copy the content of a file without its first `skip` bytes."""
    for block in _content(path, sha256):
        target.write(block[skip:])
        skip -= min(skip, len(block))


def _content(path: Path, sha256: str) -> Iterator[bytes]:
    """Yield the uncompressed content of a file.

    Raises:
        _DamagedPartError: the file cannot be read or, at the end, has another digest.
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


def _intact_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part that exists and matches it; None otherwise."""
    manifest = read_manifest(part, shard, origin)
    return manifest if manifest is not None and _intact(part, manifest) else None


def _intact(part: Task, manifest: Manifest) -> bool:
    """Whether a part's files match its manifest."""
    files = [(part.output, manifest["output"])]
    if counts_of(manifest).errors and part.errors is not None:
        files.append((part.errors, manifest["errors_file"]))
    try:
        for path, sha256 in files:
            for _ in _content(path, sha256):
                pass
    except _DamagedPartError:
        return False
    return True


def _check_unchanged(path: Path, before: tuple[int, int, int]) -> None:
    if stamp(path) != before:
        raise BadDataError(f"{path} changed while it was read", "start again once it is complete")
