"""Sentences about weak points of a run's scores: texts shared with train, and labels without rows."""

from collections.abc import Iterable

from emotion.data.label_text import name_label
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import first_items, shorten

MOST_LABELS = 10
LONGEST_LABEL = 40


def overlap_notes(metrics: Metrics) -> list[str]:
    """Count the texts of validation and test that are in train, too."""
    return [
        f"{shared.texts:,} of the {scores.rows:,} texts of {name} ({shared.share:.2%}) are in train too,"
        f" {shared.other_label:,} of them with another label."
        for name, scores in (("validation", metrics.validation), ("test", metrics.test))
        if (shared := scores.in_train) and shared.texts
    ]


def macro_f1_notes(metrics: Metrics) -> list[str]:
    """Name the labels that macro-F1 on validation and test leaves out."""
    return [
        f"Macro-F1 on {name} is the mean over {len(scores.macro_f1_labels or []):,} of {len(metrics.data.labels):,}"
        f" labels: {name} has no row of {list_labels(absent)}."
        for name, scores in (("validation", metrics.validation), ("test", metrics.test))
        if (absent := metrics.absent_labels(scores))
    ]


def list_labels(labels: Iterable[str]) -> str:
    """List at most ten labels, shortened, and count the others."""
    found = [shorten(name_label(label), LONGEST_LABEL) for label in labels]
    return ", ".join(first_items(found, MOST_LABELS))
