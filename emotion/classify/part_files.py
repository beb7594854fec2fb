"""Writes a part of a file with its manifest, and joins the parts once all exist.

A part has the format of the whole output, with a header. Its manifest is written last and names the part's origin:
input, model and settings. So a part is made once, and parts of different inputs, models or precisions are never
joined. Parts of different devices or machines are joined: their scores differ at most in the last digits.

A process may be killed at any time, and several may write the same part, or join, at once. So a manifest has the
digest of what its own process wrote, and the join compares each part with that digest while it copies.
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

# Another process may replace this process's part before it is checked.
MAX_WRITES = 5


@dataclass(frozen=True)
class PartResult:
    """A part and its counts, whether it existed before, and the numbers of the missing parts.

    `whole` are the counts of all parts, if none is missing.
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
    """Write a part unless it exists, and with `join` the whole output if all parts exist.

    Raises:
        BadDataError: as `classify_file`; or the input changes meanwhile; or a part does not match its manifest.
        TryAgainError: another process replaces the part after each of MAX_WRITES writes.
    """
    before = input_stamp(share.task.source)
    check = partial(check_unchanged, share.task.source, before)
    output = share.part_task
    with open_origin(share.task, share.part.count, predictor, settings, listener) as origin:
        # Once: the borders of a file without quotes are found by reading 16 MiB before each.
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
                f"{output.output} is written by others too, of other content", "stop them, and start again"
            )
        found = join_parts(origin, check) if join and share.part.count > 1 else find_parts(origin)
    missing = [index for index, part in enumerate(found) if part is None]
    whole = None if missing else total([part for part in found if part is not None])
    return PartResult(output.output, counts_of(manifest), skipped, manifest["prefixed"], missing, whole)


def _intact_manifest(origin: Origin, share: Share, part: Piece | range) -> Manifest | None:
    """Read the manifest of a part that exists and matches it; None otherwise."""
    manifest = origin.read(share)
    if manifest is None or manifest["range"] != [part.start, part.stop] or not origin.has_input_of(manifest):
        return None
    return manifest if is_intact(share, manifest) else None
