"""Texts of one split that another split has, too."""

from collections.abc import Mapping
from dataclasses import dataclass

from emotion.data.dataset import Split

PAIRS = (("validation", "train"), ("test", "train"), ("test", "validation"))


@dataclass(frozen=True)
class Overlap:
    """Rows of a split whose text another split has: their number, their share (0 to 1) of the split's rows.

    `other_label` counts the rows among them whose label differs from all labels of the text in the other split.
    """

    texts: int
    share: float
    other_label: int


def measure_overlap(split: Split, other: Split) -> Overlap:
    """Measure the texts of `split` that `other` has."""
    known, pairs = set(other.texts), set(zip(other.texts, other.labels, strict=True))
    shared = [pair for pair in zip(split.texts, split.labels, strict=True) if pair[0] in known]
    return Overlap(len(shared), len(shared) / max(1, len(split)), sum(pair not in pairs for pair in shared))


def measure_overlaps(splits: Mapping[str, Split]) -> dict[str, Overlap]:
    """Measure every pair of splits, by names such as `test in train`."""
    return {f"{name} in {other}": measure_overlap(splits[name], splits[other]) for name, other in PAIRS}


def overlap_sentences(splits: Mapping[str, Split]) -> list[str]:
    """Say for every pair of splits that share texts how many."""
    rows = {f"{name} in {other}": len(splits[name]) for name, other in PAIRS}
    return [
        f"texts of {pair}: {overlap.texts:,} of {rows[pair]:,} ({overlap.share:.2%}), {overlap.other_label:,} of them"
        " under another label"
        for pair, overlap in measure_overlaps(splits).items()
        if overlap.texts
    ]
