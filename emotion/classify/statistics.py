"""Counts results of a classification: labels, scores, cut texts, and rows without a label by reason."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

# Scores are counted in steps of 1/1000: parts of a file can be added up in constant memory.
STEPS = 1000
QUANTILES = (5, 25, 50, 75, 95)
# Limit on reasons that are counted separately: reasons may quote the file.
MAX_REASONS = 50
OTHER_REASONS = "other reasons"


@dataclass
class Statistics:
    """Counts of the rows of a file or part.

    `cut` counts texts with more tokens than the model reads. `labels` counts rows by label, `reasons` counts rows
    without a label by reason, and `steps` counts scores in multiples of 1/STEPS. `seen` counts the rows that a
    composite's members classified, by the member's index.
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
        """Count a chunk's rows: labels and `steps` of rows with a label, `reasons` of all rows."""
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
        """Give quantiles of the scores (nearest rank), as multiples of 1/STEPS; {} without scores."""
        total = self.steps.total()
        found: dict[str, float] = {}
        below = 0
        for step, count in sorted(self.steps.items()):
            below += count
            reached = [share for share in QUANTILES if 100 * below >= share * total and f"p{share}" not in found]
            found |= {f"p{share}": step / STEPS for share in reached}
        return found

    def as_json(self) -> dict[str, Any]:
        """Give the counts for a summary: labels and reasons in descending order."""
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
        """Give the counts as JSON for `restored`."""
        numbered = {"steps": self.steps, "seen": self.seen}
        as_text = {
            key: {str(number): rows for number, rows in sorted(found.items())} for key, found in numbered.items()
        }
        return {**vars(self), **as_text}

    @classmethod
    def restored(cls, content: dict[str, Any]) -> "Statistics":
        """Read the JSON of `stored`.

        Raises:
            TypeError, ValueError, KeyError, AttributeError: the content is different.
        """
        rows, errors, cut = (int(content[name]) for name in ("rows", "errors", "cut"))
        labels, reasons = (
            Counter({str(name): int(count) for name, count in content[key].items()}) for key in ("labels", "reasons")
        )
        steps, seen = (
            Counter({int(number): int(count) for number, count in content[key].items()}) for key in ("steps", "seen")
        )
        return cls(rows, errors, cut, labels, reasons, steps, seen)
