"""The manifest of a part: its origin and its content."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from emotion.classify.engine import FileResult
from emotion.classify.input_file import Stamp, input_stamp
from emotion.classify.pieces import Piece, digest_between
from emotion.classify.reader import TEXT
from emotion.classify.shard import Shard, Share
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings, Task
from emotion.composites.predictor import Member, Predictor
from emotion.errors import EmotionError
from emotion.formatting import escape_invisible
from emotion.records.files import open_records
from emotion.records.reading import reading
from emotion.records.record import Records
from emotion.store.layout import read_json

# Version of the manifest and of the reading rules: parts with another version are made again.
VERSION = 6

Manifest = dict[str, Any]
SEAL = "seal"
# Types of the keys that describe the part itself. `output` and `errors_file` are SHA-256 of the uncompressed content.
TYPES = {"prefixed": bool, "output": str, "errors_file": str, "input": str}


@dataclass(frozen=True)
class Origin:
    """The open input of all parts of a file, and its division into parts.

    `facts` are common to the `of` parts. A file without borders is divided by the number of `rows`.
    """

    task: Task
    of: int
    facts: Manifest
    records: Records
    rows: int

    @property
    def ends(self) -> tuple[int, int]:
        """Start of the first part and end of the last part."""
        borders = self.records.borders
        return (borders.first, borders.size) if borders is not None else (0, self.rows)

    def part(self, shard: Shard) -> Piece | range:
        """Give a shard's part of the input: bytes between two borders, or row numbers."""
        if (borders := self.records.borders) is None:
            return shard.of(self.rows)
        places = shard.of(borders.size - borders.first)
        start, stop = (borders.after(borders.first + place, borders.first) for place in (places.start, places.stop))
        return Piece(start, stop)

    def describe(
        self, shard: Shard, part: Piece | range, result: FileResult, predictor: Predictor, input_stamp: Stamp
    ) -> Manifest:
        """Make the manifest of a part that this process wrote. `input_stamp` is the input's stamp before reading."""
        content = {
            "shard": shard.index,
            "range": [part.start, part.stop],
            "counts": result.counts.stored(),
            "prefixed": result.prefixed,
            "origin": self.facts,
            "input_path": escape_invisible(str(self.task.source)),
            "input_stamp": input_stamp,
            "input": result.input_digest,
            "models": [_describe(member) for member in predictor.members],
            "header_bytes": result.header_bytes,
            "output": result.sha256,
            "errors_file": result.errors_sha256,
            "lines": result.lines,
        }
        return content | {SEAL: seal(content)}

    def read(self, share: Share) -> Manifest | None:
        """Read the manifest of a part; None if it is missing or damaged, or has another origin."""
        try:
            manifest = read_json(share.manifest_path)
            sealed = manifest.pop(SEAL, None) == seal(manifest)
            counts, (start, stop) = counts_of(manifest), manifest["range"]
        except (EmotionError, TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
            return None
        expected = {"shard": share.part.index, "origin": self.facts}
        whole = [start, stop, manifest.get("lines"), manifest.get("header_bytes")]
        usable = (
            sealed
            and {name: manifest.get(name) for name in expected} == expected
            and all(isinstance(manifest.get(name), kind) for name, kind in TYPES.items())
            and all(type(number) is int and number >= 0 for number in whole)
            and (self.records.borders is not None or counts.rows == stop - start)
        )
        return manifest if usable else None

    def has_input_of(self, manifest: Manifest) -> bool:
        """Whether a part was made from this input's content: the file is unchanged, or its content is equal."""
        borders, (start, stop) = self.records.borders, manifest["range"]
        # Without borders, the origin has the digest of the whole input.
        if borders is None or manifest.get("input_stamp") == input_stamp(self.task.source):
            return True
        inside = borders.first <= start <= stop <= borders.size
        return bool(inside and digest_between(borders, Piece(start, stop)) == manifest["input"])


@contextmanager
def open_origin(
    task: Task, of: int, predictor: Predictor, settings: Settings, listener: RowListener
) -> Iterator[Origin]:
    """Open the input of parts. A file without borders is read to its end to count its rows.

    Raises:
        InputMissingError: the input cannot be read.
        BadDataError: the input is unusable.
    """
    column = settings.text_column or TEXT
    digest, rows = hashlib.sha256(), 0
    with open_records(task.source, task.format, settings.options, (column,), digest) as records:
        listener.on_open(task.source, reading(records, column))
        size = records.borders.size if records.borders is not None else 0
        if records.borders is None:
            rows = sum(1 for _ in records.rows)
        else:
            digest = hashlib.sha256(b"".join(records.borders.content(0, records.borders.first)))
        facts = {
            "version": VERSION,
            "of": of,
            "rows": rows,
            "bytes": size,
            # Digest of the whole input or, for a file with borders, of the bytes before its first record.
            "input": digest.hexdigest(),
            "model": predictor.digest,
            "settings": {
                "text_column": settings.text_column,
                "all_scores": settings.all_scores,
                # Cells have names of models, and two names may mean the same model.
                "model_column": predictor.deciders if settings.model_column else None,
                # Parts with errors are useless for a run that stops at errors.
                "stop_at_error": settings.stop_at_error,
                "format": task.format,
                **asdict(settings.options),
            },
        }
        yield Origin(task, of, facts, records, rows)


def _describe(member: Member) -> Manifest:
    classifier = member.classifier
    return {
        "name": escape_invisible(member.name),
        "path": escape_invisible(str(classifier.graph)),
        "device": classifier.device,
        "precision": classifier.precision,
        "fallback": escape_invisible(classifier.fallback) or None,
    }


def seal(content: Manifest) -> str:
    """Compute the SHA-256 of a manifest's content: it reveals damage and edits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def counts_of(manifest: Manifest) -> Statistics:
    """Give the counts of a part."""
    return Statistics.restored(manifest["counts"])


def total(manifests: Sequence[Manifest]) -> Statistics:
    """Add up the counts of all parts."""
    whole = Statistics()
    for manifest in manifests:
        whole.merge(counts_of(manifest))
    return whole
