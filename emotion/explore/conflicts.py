"""Finds conflicts: texts with two labels or more, which no classifier can get right."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from emotion.data.dataset import Split
from emotion.explore.lengths import EXCERPT

EXAMPLES = 20


@dataclass(frozen=True)
class Conflicts:
    """Counts across all splits: `texts` with several labels, their `rows`, and texts by pair of labels.

    A text with three labels counts in three pairs. `pairs` start with the most frequent pair. `examples` start with the
    text of most rows; an example has rows by label.
    """

    texts: int
    rows: int
    pairs: list[tuple[tuple[str, str], int]]
    examples: list[dict[str, Any]]


def find_conflicts(splits: dict[str, Split]) -> Conflicts:
    """Find texts that are equal to the letter and have different labels, across all splits."""
    rows = pd.DataFrame(
        {
            "text": [text for split in splits.values() for text in split.texts],
            "label": [label for split in splits.values() for label in split.labels],
        },
        dtype=object,
    )
    distinct = rows.drop_duplicates()
    conflicting = rows[rows["text"].isin(distinct.loc[distinct.duplicated("text"), "text"])]
    labels = {str(text): Counter(group) for text, group in conflicting.groupby("text", sort=False)["label"]}
    pairs = Counter(pair for counts in labels.values() for pair in combinations(sorted(counts), 2))
    return Conflicts(
        texts=len(labels),
        rows=len(conflicting),
        pairs=sorted(pairs.items(), key=lambda item: (-item[1], item[0])),
        examples=_examples(labels),
    )


def _examples(labels: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    chosen = sorted(labels.items(), key=lambda item: -item[1].total())[:EXAMPLES]
    return [{"text": text[:EXCERPT], "labels": dict(counts.most_common())} for text, counts in chosen]
