"""Texts that two splits share."""

from collections.abc import Mapping
from dataclasses import dataclass

from emotion.data.dataset import Split

PAIRS = (("validation", "train"), ("test", "train"), ("test", "validation"))


@dataclass(frozen=True)
class Overlap:
    """Rows of a split with texts from another split: number, and share (0 to 1) of the split's rows.

    `other_label` counts such rows with a label that the text never has in the other split.
    """

    texts: int
    share: float
    other_label: int


def measure_overlap(split: Split, other: Split) -> Overlap:
    """Count the texts of `split` that `other` has, too."""
    known, pairs = set(other.texts), set(zip(other.texts, other.labels, strict=True))
    shared = [pair for pair in zip(split.texts, split.labels, strict=True) if pair[0] in known]
    return Overlap(len(shared), len(shared) / max(1, len(split)), sum(pair not in pairs for pair in shared))


def measure_overlaps(splits: Mapping[str, Split]) -> dict[str, Overlap]:
    """Measure every pair of splits, by names such as `test in train`."""
    return {f"{name} in {other}": measure_overlap(splits[name], splits[other]) for name, other in PAIRS}


def overlap_sentences(splits: Mapping[str, Split]) -> list[str]:
    """Count shared texts in a sentence per pair of splits."""
    rows = {f"{name} in {other}": len(splits[name]) for name, other in PAIRS}
    return [
        f"texts of {pair}: {overlap.texts:,} of {rows[pair]:,} ({overlap.share:.2%}),"
        f" {overlap.other_label:,} of them with another label"
        for pair, overlap in measure_overlaps(splits).items()
        if overlap.texts
    ]
