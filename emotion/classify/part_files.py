"""Writes a shard's part and its manifest, and joins the parts once all exist.

A part has the format of the whole output, with a header. Its manifest is written last and names the part's origin:
input, model and settings. So a part is made once, and parts of different inputs or models are never joined. Parts of
different devices or machines are joined: their scores differ at most in the last digits.

A process may be killed at any time, and several may write the same part, or join, at once. So a manifest has the
digest of what its own process wrote, and the join compares each part with that digest while it copies.
"""

import contextlib
import gzip
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from emotion.classify.engine import FileResult, classify_file, remove_stale_errors
from emotion.classify.error_log import HEADER
from emotion.classify.reader import TEXT
from emotion.classify.shard import Shard, manifest_path
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task
from emotion.errors import BadDataError, EmotionError, TryAgainError, UsageError
from emotion.formatting import escape_invisible
from emotion.onnx.session import Classifier
from emotion.records.files import open_records
from emotion.records.reading import reading
from emotion.records.text_io import unreadable
from emotion.store.atomic import is_packed, open_replacing, write_json
from emotion.store.layout import read_json

VERSION = 3
BLOCK = 1 << 20
# Another process may replace this process's part before it is checked.
MAX_WRITES = 5
# Another process may have replaced a part and write the manifest next: number of reads, and seconds between them.
MANIFEST_READS = 10
MANIFEST_SECONDS = 1.0

Manifest = dict[str, Any]
# Types of the keys that describe the part itself. `output` and `errors_file` are SHA-256 of the uncompressed content.
TYPES = {"prefixed": bool, "header_bytes": int, "output": str, "errors_file": str}


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
    check = partial(_check_unchanged, task.source, _stamp(task.source))
    origin = _origin(task, shard.count, classifier, settings, listener)
    part = shard.part(task)
    skipped = True
    for _ in range(MAX_WRITES):
        if manifest := _intact_manifest(part, shard, origin):
            break
        skipped = False
        result = classify_file(part, classifier, settings, listener, shard.records(origin["records"]))
        check()
        write_json(manifest_path(part), _manifest(part, shard, origin, result, classifier))
    else:
        raise TryAgainError(f"{part.output} is written by others too, of other content", "stop them, and start again")
    missing, whole = join_parts(task, shard.count, origin, check)
    return ShardResult(part.output, _counts(manifest), skipped, manifest["prefixed"], missing, whole)


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
        found = [_read_manifest(part, shard, origin) for part, shard in zip(parts, shards, strict=True)]
        manifests = [manifest for manifest in found if manifest is not None]
        if len(manifests) < of:
            return [index for index, manifest in enumerate(found) if manifest is None], None
        if manifests != tried:
            try:
                _write_joined(task, list(zip(parts, manifests, strict=True)), check)
            except _DamagedPartError as error:
                tried, damaged = manifests, error
            else:
                return [], _sum(manifests)
        time.sleep(MANIFEST_SECONDS)
    raise BadDataError(f"{damaged} is not what its manifest says", "run that shard again")


class _DamagedPartError(Exception):
    """A part or its errors file cannot be read, or does not match its manifest."""


def _write_joined(task: Task, parts: list[tuple[Task, Manifest]], check: Callable[[], None]) -> None:
    if task.errors is None:
        raise UsageError(f"{task.output} cannot be written in parts", "name a file")
    any_errors = any(_counts(manifest).errors for _, manifest in parts)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_replacing(task.output))
        errors = stack.enter_context(open_replacing(task.errors)) if any_errors else None
        for index, (part, manifest) in enumerate(parts):
            _append(output, part.output, manifest["output"], manifest["header_bytes"] if index else 0)
            if errors is not None and part.errors is not None and _counts(manifest).errors:
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


def _origin(task: Task, of: int, classifier: Classifier, settings: Settings, listener: RowListener) -> Manifest:
    """What all parts have in common. One read of the input counts its records and computes its digest."""
    digest = hashlib.sha256()
    columns = (settings.text_column or TEXT,)
    with open_records(task.source, task.format, settings.options, columns, digest) as records:
        listener.on_open(task.source, reading(records, settings.text_column or TEXT))
        count = sum(1 for _ in records.rows)
    return {
        "version": VERSION,
        "of": of,
        "records": count,
        "input": digest.hexdigest(),
        "model": classifier.model_digest,
        "settings": {
            "text_column": settings.text_column,
            "all_scores": settings.all_scores,
            "format": task.format,
            **asdict(settings.options),
        },
    }


def _manifest(part: Task, shard: Shard, origin: Manifest, result: FileResult, classifier: Classifier) -> Manifest:
    """Manifest of a part that this process wrote."""
    records = shard.records(origin["records"])
    return {
        "shard": shard.index,
        "first": records.start,
        "counts": result.counts.stored(),
        "prefixed": result.prefixed,
        "origin": origin,
        "input_path": escape_invisible(str(part.source)),
        "model_path": escape_invisible(str(classifier.graph)),
        "device": classifier.device,
        "header_bytes": result.header_bytes,
        "output": result.sha256,
        "errors_file": result.errors_sha256,
    }


def _read_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part. None if it is missing, damaged or of another origin."""
    try:
        manifest = read_json(manifest_path(part))
    except EmotionError:
        return None
    records = shard.records(origin["records"])
    expected = {"shard": shard.index, "first": records.start, "origin": origin}
    usable = {name: manifest.get(name) for name in expected} == expected and all(
        isinstance(manifest.get(name), kind) for name, kind in TYPES.items()
    )
    try:
        return manifest if usable and _counts(manifest).rows == len(records) else None
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _counts(manifest: Manifest) -> Statistics:
    return Statistics.restored(manifest["counts"])


def _sum(manifests: Sequence[Manifest]) -> Statistics:
    """Counts of all parts together."""
    whole = Statistics()
    for manifest in manifests:
        whole.merge(_counts(manifest))
    return whole


def _intact_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part that exists and matches it; None otherwise."""
    manifest = _read_manifest(part, shard, origin)
    return manifest if manifest is not None and _intact(part, manifest) else None


def _intact(part: Task, manifest: Manifest) -> bool:
    """Whether a part's files match its manifest."""
    files = [(part.output, manifest["output"])]
    if _counts(manifest).errors and part.errors is not None:
        files.append((part.errors, manifest["errors_file"]))
    try:
        for path, sha256 in files:
            for _ in _content(path, sha256):
                pass
    except _DamagedPartError:
        return False
    return True


def _check_unchanged(path: Path, before: tuple[int, int, int]) -> None:
    if _stamp(path) != before:
        raise BadDataError(f"{path} changed while it was read", "start again once it is complete")


def _stamp(path: Path) -> tuple[int, int, int]:
    """Size, modification time and inode: one changes when a file is written or replaced."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size, status.st_mtime_ns, status.st_ino
