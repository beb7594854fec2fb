"""Divides files into the parts of `--shard I/N`, and names the files of a part."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from emotion.classify.tasks import ERRORS_SUFFIX, PARTS_SUFFIX, Task
from emotion.errors import UsageError
from emotion.store.atomic import is_packed


@dataclass(frozen=True)
class Shard:
    """Shard `index` (from 0) of `count`: a command's share, or a part of one file."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `I/N`.

        Raises:
            UsageError: the text is not two whole numbers with 0 <= I < N.
        """
        match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)
        shard = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if shard.index >= shard.count:
            raise UsageError(
                f"--shard {text} is not a shard", "write I/N with I from 0 to N-1, such as 0/8 for the first of 8"
            )
        return shard

    def of(self, total: int) -> range:
        """Give this shard's numbers from 0 to `total` - 1: from total * I // N up to total * (I + 1) // N."""
        return range(total * self.index // self.count, total * (self.index + 1) // self.count)


@dataclass(frozen=True)
class Share:
    """A file, and the part that a process classifies."""

    task: Task
    part: Shard

    @property
    def part_task(self) -> Task:
        """Task of the part: its output is a part file, or the whole output if there is only one part."""
        if self.part.count == 1:
            return self.task
        path = self._part_path
        return replace(self.task, output=path, errors=path.with_name(path.name + ERRORS_SUFFIX))

    @property
    def manifest_path(self) -> Path:
        """Path of the part's manifest."""
        return self._part_path.with_name(self._part_path.name + ".json")

    @property
    def _part_path(self) -> Path:
        output = self.task.output
        suffix = "".join(output.suffixes[-2:] if is_packed(output) else output.suffixes[-1:])
        folder = output.with_name(output.name + PARTS_SUFFIX)
        return folder / f"part-{self.part.index:05d}-of-{self.part.count:05d}{suffix}"


class SizedTask(NamedTuple):
    """A file and its size in bytes."""

    task: Task
    size: int


def spread(files: Sequence[SizedTask], shard: Shard) -> list[Share]:
    """Spread files over shards by size, and return the share of `shard`. Only files larger than a share are cut.

    All shards must get the same files.
    """
    share = max(1, -(-sum(size for _, size in files) // shard.count))
    shares: list[tuple[int, int, Share]] = []
    for task, size in files:
        # A single file has one part per shard, even if it is small.
        parts = shard.count if len(files) == 1 else max(1, -(-size // share))
        shares += [(size // parts + 1, len(shares) + part, Share(task, Shard(part, parts))) for part in range(parts)]
    loads = [(0, index) for index in range(shard.count)]
    own = []
    for size, order, item in sorted(shares, key=lambda entry: (-entry[0], entry[1])):
        load, index = loads[0]
        heapq.heapreplace(loads, (load + size, index))
        if index == shard.index:
            own.append((order, item))
    return [item for _, item in sorted(own, key=lambda entry: entry[0])]
