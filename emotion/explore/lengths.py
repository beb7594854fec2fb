"""Measures texts in words, and the share of texts that a model reads completely."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion.data.check import length_figures
from emotion.data.dataset import Split
from emotion.explore.word_counts import Words

MOST_LONGEST = 10
# Most characters of an example.
EXCERPT = 80


@dataclass(frozen=True)
class Lengths:
    """Words per text, by split: `figures` (mean, percentiles, maximum), `rows` by length, share that `fits`.

    Splits without rows have None. `longest` has the longest texts of all splits, with split and label.
    """

    chosen: int
    figures: dict[str, dict[str, float] | None]
    rows: dict[str, dict[str, list[int]]]
    fits: dict[str, float | None]
    longest: list[dict[str, Any]]


def measure_lengths(splits: dict[str, Split], words: Words, chosen: int) -> Lengths:
    """Measure the texts in words; a model reads the first `chosen` words of a text."""
    return Lengths(
        chosen=chosen,
        figures={name: length_figures(pd.Series(lengths)) for name, lengths in words.lengths.items()},
        rows={name: _rows(lengths) for name, lengths in words.lengths.items()},
        fits={
            name: float(np.mean(lengths <= chosen)) if len(lengths) else None for name, lengths in words.lengths.items()
        },
        longest=_longest(splits, words),
    )


def _rows(lengths: NDArray[np.int32]) -> dict[str, list[int]]:
    values, rows = np.unique(lengths, return_counts=True)
    return {"words": values.tolist(), "rows": rows.tolist()}


def _longest(splits: dict[str, Split], words: Words) -> list[dict[str, Any]]:
    """Return the longest texts, sorted by length, then by the order of the data."""
    longest: list[dict[str, Any]] = []
    for name, split in splits.items():
        lengths = words.lengths[name]
        longest += [
            {"words": int(lengths[row]), "split": name, "label": split.labels[row], "text": split.texts[row][:EXCERPT]}
            for row in np.argsort(-lengths, kind="stable")[:MOST_LONGEST]
        ]
    return sorted(longest, key=lambda text: -text["words"])[:MOST_LONGEST]
