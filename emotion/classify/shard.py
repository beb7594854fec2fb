"""Parts of an output: which records each one has, and how its files are named."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from emotion.classify.tasks import ERRORS_SUFFIX, PARTS_SUFFIX, Task
from emotion.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """Part `index` (from 0) of `of`."""

    index: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `I/N`.

        Raises:
            UsageError: it is not two whole numbers with 0 <= I < N.
        """
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if shard.index >= shard.of:
            raise UsageError(
                f"--shard {text} is no part", "write I/N with I from 0 to N-1, such as 0/8 for the first of 8"
            )
        return shard

    def records(self, total: int) -> range:
        """Numbers of the records, from 0, that are this shard's: contiguous, so that parts join in order."""
        return range(total * self.index // self.of, total * (self.index + 1) // self.of)

    def part(self, task: Task) -> Task:
        """Name the part that this shard makes of `task`."""
        suffix = "".join(task.output.suffixes[-2:] if task.output.suffix == ".gz" else task.output.suffixes[-1:])
        folder = task.output.with_name(task.output.name + PARTS_SUFFIX)
        path = folder / f"part-{self.index:05d}-of-{self.of:05d}{suffix}"
        return replace(task, output=path, errors=path.with_name(path.name + ERRORS_SUFFIX))


def manifest_path(part: Task) -> Path:
    """Name the manifest of a part."""
    return part.output.with_name(part.output.name + ".json")
