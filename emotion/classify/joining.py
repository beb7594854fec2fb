"""One file by many processes: each writes a part with a manifest, and whoever finds all parts joins them.

A part is a file like the whole output, with its header. Its manifest is written last and says what the part
was made from, so that a part is made once, and parts of different inputs or models are never joined. Those of
different devices or machines are: they differ in last digits at most.

Any process may be killed at any time, and several may make the same part, or join, at once. So a manifest has the
digest of what its own process wrote, and parts are compared with it while they are copied.
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
from typing import IO, Any

from emotion.classify.engine import FileResult, classify_file, remove_stale
from emotion.classify.error_log import HEADER
from emotion.classify.shard import Shard, manifest_path
from emotion.classify.tasks import RowListener, Settings, Task
from emotion.data.records import open_records
from emotion.data.text_io import unreadable
from emotion.errors import BadDataError, EmotionError, TryAgainError, UsageError
from emotion.onnx.session import Classifier
from emotion.store.atomic import open_replacing, write_json
from emotion.store.layout import read_json

VERSION = 2
BLOCK = 1 << 20
# Another process may put its part in the place of this one's, before it is looked at again.
TRIES = 5
# Another process may have replaced a part, and its manifest follows: how often to look for that, and when again.
LOOKS = 10
LOOK_SECONDS = 1.0

Manifest = dict[str, Any]
# What a manifest has of each part's own; digests are of the content, unpacked.
KINDS = {"errors": int, "prefixed": bool, "header_bytes": int, "output": str, "errors_file": str}


@dataclass(frozen=True)
class ShardResult:
    """What a shard did: the rows of its part, whether it was there already, and the parts to come."""

    part: Path
    rows: int
    errors: int
    skipped: bool
    prefixed: bool
    missing: list[int]


def classify_shard(
    task: Task, shard: Shard, classifier: Classifier, settings: Settings, listener: RowListener
) -> ShardResult:
    """Make this shard's part, unless it is there, and the whole output, if all parts are.

    Raises:
        BadDataError: as `classify_file`; the input changes meanwhile; a part is not what its manifest says.
        TryAgainError: whenever the part is made, another process replaces it.
    """
    check = partial(_check_unchanged, task.source, _stamp(task.source))
    origin = _origin(task, shard.of, classifier, settings)
    part = shard.part(task)
    skipped = True
    for _ in range(TRIES):
        if manifest := _whole_manifest(part, shard, origin):
            break
        skipped = False
        outcome = classify_file(part, classifier, settings, listener, shard.records(origin["records"]))
        check()
        write_json(manifest_path(part), _manifest(part, shard, origin, outcome, classifier))
    else:
        raise TryAgainError(f"{part.output} is written by others too, of other content", "stop them, and start again")
    missing = join(task, shard.of, origin, check)
    return ShardResult(part.output, manifest["rows"], manifest["errors"], skipped, manifest["prefixed"], missing)


def join(task: Task, of: int, origin: Manifest, check: Callable[[], None]) -> list[int]:
    """Join all parts into the output; where some lack or are of another origin, give their numbers instead.

    Joining twice, or twice at once, gives the same files again. `check` may raise before they are there.

    Raises:
        BadDataError: a part is not what its manifest says.
    """
    parts = [(shard.part(task), shard) for shard in (Shard(index, of) for index in range(of))]
    tried: list[Manifest] = []
    for _ in range(LOOKS):
        found = [_read_manifest(part, shard, origin) for part, shard in parts]
        manifests = [manifest for manifest in found if manifest is not None]
        if len(manifests) < of:
            return [index for index, manifest in enumerate(found) if manifest is None]
        if manifests != tried:
            try:
                _write_joined(task, [(part, each) for (part, _), each in zip(parts, manifests, strict=True)], check)
            except _SpoiltError as error:
                tried, spoilt = manifests, error
            else:
                return []
        time.sleep(LOOK_SECONDS)
    raise BadDataError(f"{spoilt} is not what its manifest says", "run that shard again")


class _SpoiltError(Exception):
    """A part, or its list of errors, cannot be read or is not what its manifest says."""


def _write_joined(task: Task, parts: list[tuple[Task, Manifest]], check: Callable[[], None]) -> None:
    if task.errors is None:
        raise UsageError(f"{task.output} cannot be written in parts", "name a file")
    some_errors = any(manifest["errors"] for _, manifest in parts)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_replacing(task.output))
        errors = stack.enter_context(open_replacing(task.errors)) if some_errors else None
        for place, (part, manifest) in enumerate(parts):
            _append(output, part.output, manifest["output"], manifest["header_bytes"] if place else 0)
            if errors is not None and part.errors is not None and manifest["errors"]:
                _append(errors, part.errors, manifest["errors_file"], len(HEADER) if errors.tell() else 0)
        check()
    if not some_errors:
        remove_stale(task.errors)


def _append(target: IO[bytes], path: Path, sha256: str, skip: int) -> None:
    """Copy the content of a file, but for its first `skip` bytes."""
    for block in _content(path, sha256):
        target.write(block[skip:])
        skip -= min(skip, len(block))


def _content(path: Path, sha256: str) -> Iterator[bytes]:
    """Give the content of a file, unpacked.

    Raises:
        _SpoiltError: it cannot be read or, at the end, it had another digest.
    """
    digest = hashlib.sha256()
    try:
        with contextlib.closing(gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise _SpoiltError(path) from error
    if digest.hexdigest() != sha256:
        raise _SpoiltError(path)


def _origin(task: Task, of: int, classifier: Classifier, settings: Settings) -> Manifest:
    """Tell what all parts must have in common; the input is counted and digested in one read."""
    digest = hashlib.sha256()
    with open_records(task.source, task.format, settings.encoding, digest) as records:
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
            "encoding": settings.encoding,
            "format": task.format,
        },
    }


def _manifest(part: Task, shard: Shard, origin: Manifest, outcome: FileResult, classifier: Classifier) -> Manifest:
    """Describe a part that has just been written."""
    records = shard.records(origin["records"])
    return {
        "shard": shard.index,
        "first": records.start,
        "rows": outcome.rows,
        "errors": outcome.errors,
        "prefixed": outcome.prefixed,
        "origin": origin,
        "input_path": str(part.source),
        "model_path": str(classifier.graph),
        "device": classifier.device,
        "header_bytes": outcome.header_bytes,
        "output": outcome.sha256,
        "errors_file": outcome.errors_sha256,
    }


def _read_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part; None where it lacks, is damaged or tells of another origin."""
    try:
        manifest = read_json(manifest_path(part))
    except EmotionError:
        return None
    records = shard.records(origin["records"])
    wanted = {"shard": shard.index, "first": records.start, "rows": len(records), "origin": origin}
    usable = {name: manifest.get(name) for name in wanted} == wanted and all(
        isinstance(manifest.get(name), kind) for name, kind in KINDS.items()
    )
    return manifest if usable else None


def _whole_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part that is there, whole."""
    manifest = _read_manifest(part, shard, origin)
    return manifest if manifest is not None and _intact(part, manifest) else None


def _intact(part: Task, manifest: Manifest) -> bool:
    """Tell whether a part's files have the content that its manifest says."""
    files = [(part.output, manifest["output"])]
    if manifest["errors"] and part.errors is not None:
        files.append((part.errors, manifest["errors_file"]))
    try:
        for path, sha256 in files:
            for _ in _content(path, sha256):
                pass
    except _SpoiltError:
        return False
    return True


def _check_unchanged(path: Path, before: tuple[int, int, int]) -> None:
    if _stamp(path) != before:
        raise BadDataError(f"{path} changed while it was read", "start again once it is complete")


def _stamp(path: Path) -> tuple[int, int, int]:
    """Give what changes when a file is written to or replaced."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return found.st_size, found.st_mtime_ns, found.st_ino
