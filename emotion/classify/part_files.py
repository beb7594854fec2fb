"""Writes a part of a file with its manifest, and joins the parts once all exist.

A part has the format of the whole output, with a header. Its manifest is written last and names the part's origin:
input, model and settings. So parts are made only once, and parts with different inputs, models or precisions are never
joined. Parts from different devices or machines are joined: only the last digits of scores may differ.

A process may be killed at any time, and several processes may write or join the same part at once. So a manifest has
the digest of its process's output, and the join compares parts with their digests while it copies.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emotion.classify.engine import classify_file
from emotion.classify.input_file import check_unchanged, input_stamp
from emotion.classify.join import find_parts, is_intact, join_parts
from emotion.classify.manifest import Manifest, Origin, counts_of, open_origin, total
from emotion.classify.pieces import Piece
from emotion.classify.pool import Pool
from emotion.classify.shard import Share
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Settings
from emotion.composites.predictor import Predictor
from emotion.errors import TryAgainError
from emotion.store.atomic import write_json

# Another process may replace this process's part before the check.
MAX_WRITES = 5


@dataclass(frozen=True)
class PartResult:
    """A part with its counts, whether it existed already, and the numbers of missing parts.

    `whole` has the counts of all parts, if none is missing.
    """

    part: Path
    counts: Statistics
    skipped: bool
    prefixed: bool
    missing: list[int]
    whole: Statistics | None


def classify_part(
    share: Share,
    predictor: Predictor,
    settings: Settings,
    listener: RowListener,
    pool: Pool | None = None,
    *,
    join: bool = True,
) -> PartResult:
    """Write a part unless it exists; with `join`, write the whole output if all parts exist.

    Raises:
        BadDataError: as `classify_file`; the input changes meanwhile; a part does not match its manifest.
        TryAgainError: other processes replaced the part after all MAX_WRITES writes.
    """
    before = input_stamp(share.task.source)
    check = partial(check_unchanged, share.task.source, before)
    output = share.part_task
    with open_origin(share.task, share.part.count, predictor, settings, listener) as origin:
        # Only once: finding a border of a file without quotes takes reading 16 MiB.
        part = origin.part(share.part)
        skipped = True
        for _ in range(MAX_WRITES):
            if manifest := _intact_manifest(origin, share, part):
                break
            skipped = False
            result = classify_file(output, predictor, settings, listener, part, pool)
            check()
            write_json(share.manifest_path, origin.describe(share.part, part, result, predictor, before))
        else:
            raise TryAgainError(
                f"other processes write other content to {output.output}", "stop these processes, and start again"
            )
        found = join_parts(origin, check) if join and share.part.count > 1 else find_parts(origin)
    missing = [index for index, part in enumerate(found) if part is None]
    whole = None if missing else total([part for part in found if part is not None])
    return PartResult(output.output, counts_of(manifest), skipped, manifest["prefixed"], missing, whole)


def _intact_manifest(origin: Origin, share: Share, part: Piece | range) -> Manifest | None:
    """Read a part's manifest; None if the part is missing or does not match the manifest."""
    manifest = origin.read(share)
    if manifest is None or manifest["range"] != [part.start, part.stop] or not origin.has_input_of(manifest):
        return None
    return manifest if is_intact(share, manifest) else None
