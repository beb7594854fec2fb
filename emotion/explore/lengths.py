"""How many words the texts have, and how many of the texts fit into what a model reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion.data.check import length_figures
from emotion.data.dataset import Split
from emotion.explore.word_counts import Words

LONGEST = 10
# Characters of a text that are shown.
EXCERPT = 80


@dataclass(frozen=True)
class Lengths:
    """Words a text, by split: `figures` (mean, percentiles, maximum), `rows` by length, the share that `fits`.

    None for a split without rows. `longest`: texts of all splits with their split and label.
    """

    chosen: int
    figures: dict[str, dict[str, float] | None]
    rows: dict[str, dict[str, list[int]]]
    fits: dict[str, float | None]
    longest: list[dict[str, Any]]


def measure_lengths(splits: dict[str, Split], words: Words, chosen: int) -> Lengths:
    """Count the words of the texts; `chosen` is the most that a model reads of a text."""
    return Lengths(
        chosen=chosen,
        figures={name: length_figures(pd.Series(lengths)) for name, lengths in words.lengths.items()},
        rows={name: _rows(lengths) for name, lengths in words.lengths.items()},
        fits={name: float(np.mean(found <= chosen)) if len(found) else None for name, found in words.lengths.items()},
        longest=_longest(splits, words),
    )


def _rows(lengths: NDArray[np.int32]) -> dict[str, list[int]]:
    values, rows = np.unique(lengths, return_counts=True)
    return {"words": values.tolist(), "rows": rows.tolist()}


def _longest(splits: dict[str, Split], words: Words) -> list[dict[str, Any]]:
    """The longest first; of equal ones that which is read first."""
    found: list[dict[str, Any]] = []
    for name, split in splits.items():
        lengths = words.lengths[name]
        found += [
            {"words": int(lengths[row]), "split": name, "label": split.labels[row], "text": split.texts[row][:EXCERPT]}
            for row in np.argsort(-lengths, kind="stable")[:LONGEST]
        ]
    return sorted(found, key=lambda text: -text["words"])[:LONGEST]
