"""Which records `--shard I/N` takes, and how the files of a shard's part are named."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from emotion.classify.tasks import ERRORS_SUFFIX, PARTS_SUFFIX, Task
from emotion.errors import UsageError
from emotion.store.atomic import is_packed


@dataclass(frozen=True)
class Shard:
    """Shard `index` (from 0) among `count` shards."""

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
                f"--shard {text} is no part", "write I/N with I from 0 to N-1, such as 0/8 for the first of 8"
            )
        return shard

    def records(self, total: int) -> range:
        """Numbers (from 0) of this shard's records among `total`.

        Shard I of N takes the records from total * I // N up to total * (I + 1) // N. The records are contiguous,
        so that the parts join in order.
        """
        return range(total * self.index // self.count, total * (self.index + 1) // self.count)

    def part(self, task: Task) -> Task:
        """Task of this shard: the input of `task`, with the part and the part's errors file as output."""
        suffix = "".join(task.output.suffixes[-2:] if is_packed(task.output) else task.output.suffixes[-1:])
        folder = task.output.with_name(task.output.name + PARTS_SUFFIX)
        path = folder / f"part-{self.index:05d}-of-{self.count:05d}{suffix}"
        return replace(task, output=path, errors=path.with_name(path.name + ERRORS_SUFFIX))


def manifest_path(part: Task) -> Path:
    """Path of a part's manifest."""
    return part.output.with_name(part.output.name + ".json")
