"""The manifest of a shard's part: what it was made from, and what it is."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from emotion.classify.engine import FileResult
from emotion.classify.reader import TEXT
from emotion.classify.shard import Shard, manifest_path
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task
from emotion.errors import EmotionError
from emotion.formatting import escape_invisible
from emotion.onnx.session import Classifier
from emotion.records.files import open_records
from emotion.records.reading import reading
from emotion.store.layout import read_json

# Of the manifest, and of the rules by which records are read: parts of other rules are made again.
VERSION = 4

Manifest = dict[str, Any]
# Types of the keys that describe the part itself. `output` and `errors_file` are SHA-256 of the uncompressed content.
TYPES = {"prefixed": bool, "header_bytes": int, "output": str, "errors_file": str}


def find_origin(task: Task, of: int, classifier: Classifier, settings: Settings, listener: RowListener) -> Manifest:
    """What all parts have in common. One read of the input counts its records and computes its digest.

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input as a whole cannot be used.
    """
    digest = hashlib.sha256()
    column = settings.text_column or TEXT
    with open_records(task.source, task.format, settings.options, (column,), digest) as records:
        listener.on_open(task.source, reading(records, column))
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


def describe_part(part: Task, shard: Shard, origin: Manifest, result: FileResult, classifier: Classifier) -> Manifest:
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
        "precision": classifier.precision,
        "fallback": escape_invisible(classifier.fallback) or None,
        "header_bytes": result.header_bytes,
        "output": result.sha256,
        "errors_file": result.errors_sha256,
    }


def read_manifest(part: Task, shard: Shard, origin: Manifest) -> Manifest | None:
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
        return manifest if usable and counts_of(manifest).rows == len(records) else None
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def counts_of(manifest: Manifest) -> Statistics:
    """Counts of a part."""
    return Statistics.restored(manifest["counts"])


def total(manifests: Sequence[Manifest]) -> Statistics:
    """Counts of all parts together."""
    whole = Statistics()
    for manifest in manifests:
        whole.merge(counts_of(manifest))
    return whole
