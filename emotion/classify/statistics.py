"""Counts what a classification did: labels, scores, cut texts, and rows without a label by reason."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

# Scores are counted in steps of 1/1000, so that parts of a file can be added up in constant memory.
STEPS = 1000
QUANTILES = (5, 25, 50, 75, 95)
# Reasons that are counted by name: they may quote the file.
MAX_REASONS = 50
OTHER_REASONS = "other reasons"


@dataclass
class Statistics:
    """Counts of the rows of one file, or of a part of it.

    `cut` are texts that have more tokens than the model reads. `labels` counts rows by label, `reasons` rows without a
    label by reason, and `steps` the scores, rounded to a multiple of 1/STEPS. `seen` are the rows that each member of a
    composite saw, by its index.
    """

    rows: int = 0
    errors: int = 0
    cut: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    steps: Counter[int] = field(default_factory=Counter)
    seen: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of_chunk(
        cls, labels: Sequence[str], steps: Iterable[int], reasons: Sequence[str], cut: int, seen: Sequence[int]
    ) -> "Statistics":
        """Count the rows of a chunk: labels and `steps` of rows that have them, `reasons` of all rows."""
        problems = Counter(filter(None, reasons))
        return cls(
            len(reasons),
            problems.total(),
            cut,
            Counter(labels),
            problems,
            Counter(steps),
            Counter(dict(enumerate(seen))),
        )

    def merge(self, other: "Statistics") -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.errors += other.errors
        self.cut += other.cut
        self.labels.update(other.labels)
        self.steps.update(other.steps)
        self.seen.update(other.seen)
        for reason, count in other.reasons.items():
            known = reason in self.reasons or len(self.reasons) < MAX_REASONS
            self.reasons[reason if known else OTHER_REASONS] += count

    def quantiles(self) -> dict[str, float]:
        """Quantiles of the scores (nearest rank), to a multiple of 1/STEPS; {} without scores."""
        total = self.steps.total()
        found: dict[str, float] = {}
        below = 0
        for step, count in sorted(self.steps.items()):
            below += count
            reached = [share for share in QUANTILES if 100 * below >= share * total and f"p{share}" not in found]
            found |= {f"p{share}": step / STEPS for share in reached}
        return found

    def as_json(self) -> dict[str, Any]:
        """The counts for a summary: labels and reasons by falling count."""
        return {
            "rows": self.rows,
            "errors": self.errors,
            "cut": self.cut,
            "labels": dict(self.labels.most_common()),
            "scores": self.quantiles(),
            "reasons": dict(self.reasons.most_common()),
            "seen": [rows for _, rows in sorted(self.seen.items())],
        }

    def stored(self) -> dict[str, Any]:
        """The counts as JSON that `restored` reads."""
        numbered = {"steps": self.steps, "seen": self.seen}
        as_text = {
            key: {str(number): rows for number, rows in sorted(found.items())} for key, found in numbered.items()
        }
        return {**vars(self), **as_text}

    @classmethod
    def restored(cls, content: dict[str, Any]) -> "Statistics":
        """Read what `stored` gave.

        Raises:
            TypeError, ValueError, KeyError, AttributeError: the content is something else.
        """
        rows, errors, cut = (int(content[name]) for name in ("rows", "errors", "cut"))
        labels, reasons = (
            Counter({str(name): int(count) for name, count in content[key].items()}) for key in ("labels", "reasons")
        )
        steps, seen = (
            Counter({int(number): int(count) for number, count in content[key].items()}) for key in ("steps", "seen")
        )
        return cls(rows, errors, cut, labels, reasons, steps, seen)
