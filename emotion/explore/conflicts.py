"""Texts that occur under two labels or more: what no classifier can get right."""

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
    """`texts` with two labels or more in all splits together, their `rows`, and how many texts each pair of labels has.

    A text of three labels counts in three pairs. `pairs` begin with the most frequent; `examples` with the text of
    the most rows, each label with its rows.
    """

    texts: int
    rows: int
    pairs: list[tuple[tuple[str, str], int]]
    examples: list[dict[str, Any]]


def find_conflicts(splits: dict[str, Split]) -> Conflicts:
    """Compare the texts of all splits, to the letter."""
    rows = pd.DataFrame(
        {
            "text": [text for split in splits.values() for text in split.texts],
            "label": [label for split in splits.values() for label in split.labels],
        },
        dtype=object,
    )
    kinds = rows.drop_duplicates()
    found = rows[rows["text"].isin(kinds.loc[kinds.duplicated("text"), "text"])]
    labels = {str(text): Counter(group) for text, group in found.groupby("text", sort=False)["label"]}
    pairs = Counter(pair for counts in labels.values() for pair in combinations(sorted(counts), 2))
    return Conflicts(
        texts=len(labels),
        rows=len(found),
        pairs=sorted(pairs.items(), key=lambda item: (-item[1], item[0])),
        examples=_examples(labels),
    )


def _examples(labels: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    chosen = sorted(labels.items(), key=lambda item: -item[1].total())[:EXAMPLES]
    return [{"text": text[:EXCERPT], "labels": dict(counts.most_common())} for text, counts in chosen]
