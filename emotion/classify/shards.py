"""One file by many processes: each writes a part with a manifest, and whoever finds all parts joins them.

A part is a file like the whole output, with its header. Its manifest is written last and says what the part
was made from, so that a part is made once, and parts of different inputs or models are never joined.
"""

import contextlib
import gzip
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from emotion.classify.engine import Outcome, classify_file, remove_stale
from emotion.classify.errors import HEADER
from emotion.classify.parts import Shard, manifest_path
from emotion.classify.plan import Listener, Settings, Task
from emotion.data.records import open_records
from emotion.errors import BadDataError, EmotionError, UsageError
from emotion.files import open_replacing, sha256, write_json
from emotion.onnx.session import Classifier
from emotion.store import read_json

VERSION = 1

Manifest = dict[str, Any]


@dataclass(frozen=True)
class ShardOutcome:
    """What a shard did: the rows of its part, whether it was there already, and the parts to come."""

    part: Path
    rows: int
    errors: int
    skipped: bool
    prefixed: bool
    missing: list[int]


def classify_shard(
    task: Task, shard: Shard, classifier: Classifier, settings: Settings, listener: Listener
) -> ShardOutcome:
    """Make this shard's part, unless it is there, and the whole output, if all parts are.

    Raises:
        BadDataError: as `classify_file`; the input changes meanwhile; a part is not what its manifest says.
    """
    before = _stamp(task.source)
    origin = _origin(task, shard.of, classifier, settings)
    part = shard.part(task)
    manifest = _whole_manifest(part, shard, origin)
    skipped = manifest is not None
    if manifest is None:
        outcome = classify_file(part, classifier, settings, listener, shard.records(origin["records"]))
        if _stamp(task.source) != before:
            raise BadDataError(f"{task.source} changed while it was read", "start again once it is complete")
        manifest = _manifest(part, shard, origin, outcome, classifier)
        write_json(manifest_path(part), manifest)
    missing = join(task, shard.of, origin)
    return ShardOutcome(part.output, manifest["rows"], manifest["errors"], skipped, manifest["prefixed"], missing)


def join(task: Task, of: int, origin: Manifest) -> list[int]:
    """Join all parts into the output; where some lack or are of another origin, give their numbers instead.

    Joining twice, or twice at once, gives the same files again.

    Raises:
        BadDataError: a part is not what its manifest says.
    """
    shards = [Shard(index, of) for index in range(of)]
    manifests = [_read_manifest(shard.part(task), shard, origin) for shard in shards]
    missing = [shard.index for shard, manifest in zip(shards, manifests, strict=True) if manifest is None]
    if missing:
        return missing
    parts = [(shard.part(task), manifest) for shard, manifest in zip(shards, manifests, strict=True) if manifest]
    for part, manifest in parts:
        if not _intact(part, manifest):
            raise BadDataError(
                f"{part.output} is not what its manifest says", "delete the manifest and run that shard again"
            )
    _write_joined(task, parts)
    return []


def _write_joined(task: Task, parts: list[tuple[Task, Manifest]]) -> None:
    if task.errors is None:
        raise UsageError(f"{task.output} cannot be written in parts", "name a file")
    some_errors = any(manifest["errors"] for _, manifest in parts)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_replacing(task.output))
        errors = stack.enter_context(open_replacing(task.errors)) if some_errors else None
        for place, (part, manifest) in enumerate(parts):
            _append(output, part.output, manifest["output"]["header_bytes"] if place else 0)
            if errors is not None and part.errors is not None and manifest["errors"]:
                _append(errors, part.errors, len(HEADER) if errors.tell() else 0)
    if not some_errors:
        remove_stale(task.errors)


def _append(target: IO[bytes], path: Path, skip: int) -> None:
    with contextlib.closing(gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as source:
        source.read(skip)
        shutil.copyfileobj(source, target, 1 << 20)


def _origin(task: Task, of: int, classifier: Classifier, settings: Settings) -> Manifest:
    """Tell what all parts must have in common; the input is counted and digested in one read."""
    digest = hashlib.sha256()
    with open_records(task.source, task.format, settings.encoding, digest) as records:
        count = sum(1 for _ in records.rows)
    return {
        "version": VERSION,
        "of": of,
        "records": count,
        "input": {"bytes": task.source.stat().st_size, "sha256": digest.hexdigest()},
        "model": classifier.model_digest,
        "settings": {
            "text_column": settings.text_column,
            "all_scores": settings.all_scores,
            "encoding": settings.encoding,
            "format": task.format,
        },
    }


def _manifest(part: Task, shard: Shard, origin: Manifest, outcome: Outcome, classifier: Classifier) -> Manifest:
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
        "output": {**_fingerprint(part.output), "header_bytes": outcome.header_bytes},
        "errors_file": _fingerprint(part.errors) if part.errors and outcome.errors else None,
    }


def _read_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part; None where it lacks, is damaged or tells of another origin."""
    try:
        manifest = read_json(manifest_path(part))
    except EmotionError:
        return None
    records = shard.records(origin["records"])
    wanted = {"shard": shard.index, "first": records.start, "rows": len(records), "origin": origin}
    output = manifest.get("output")
    usable = (
        {name: manifest.get(name) for name in wanted} == wanted
        and isinstance(manifest.get("errors"), int)
        and isinstance(manifest.get("prefixed"), bool)
        and isinstance(output, dict)
        and isinstance(output.get("header_bytes"), int)
    )
    return manifest if usable else None


def _whole_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
    """Read the manifest of a part that is there, whole."""
    manifest = _read_manifest(part, shard, origin)
    return manifest if manifest is not None and _intact(part, manifest) else None


def _intact(part: Task, manifest: Manifest) -> bool:
    """Tell whether a part's files have the bytes that its manifest says."""
    files = [(part.output, manifest["output"])]
    if manifest["errors"]:
        files.append((part.errors or part.output, manifest.get("errors_file") or {}))
    try:
        return all(_fingerprint(path).items() <= said.items() for path, said in files)
    except OSError:
        return False


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def _stamp(path: Path) -> tuple[int, int, int]:
    """Give what changes when a file is written to or replaced."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
