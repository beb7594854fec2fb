"""All numbers of a data set that its figures show, and that explore.json holds."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emotion.data.check import label_counts, with_shares
from emotion.data.dataset import Split
from emotion.explore.cloud_words import Clouds, choose_words
from emotion.explore.conflicts import Conflicts, find_conflicts
from emotion.explore.distinctive_words import DistinctiveWord, distinctive_words
from emotion.explore.lengths import Lengths, measure_lengths
from emotion.explore.vocabulary_growth import Vocabulary, measure_vocabulary
from emotion.explore.word_counts import read_words, words_by_label
from emotion.params.schema import WordTextTable

# Small multiples that can still be read.
PANELS = 24


@dataclass(frozen=True)
class Numbers:
    """The numbers; `labels` are rows by split, and it and `telling` begin with train's most frequent label."""

    path: Path
    labels: dict[str, dict[str, int]]
    vocabulary: Vocabulary
    lengths: Lengths
    clouds: Clouds
    telling: dict[str, list[DistinctiveWord]]
    conflicts: Conflicts

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each split."""
        return {name: sum(counts.values()) for name, counts in self.labels.items()}


def measure(path: Path, splits: dict[str, Split], params: WordTextTable, advance: Callable[[int], None]) -> Numbers:
    """Compute everything; `advance` is told how many rows more have been split into words."""
    words = read_words(splits, advance)
    labels = label_counts(splits)
    by_label = words_by_label(words, splits["train"].labels)
    frequent = [label for label, rows in labels["train"].items() if rows]
    return Numbers(
        path=path,
        labels=labels,
        vocabulary=measure_vocabulary(words, params.vocabulary),
        lengths=measure_lengths(splits, words, params.max_length),
        clouds=choose_words(words, by_label, frequent[:PANELS]),
        telling=distinctive_words(words, {label: by_label[label] for label in frequent}),
        conflicts=find_conflicts(splits),
    )


def as_json(numbers: Numbers) -> dict[str, Any]:
    """Give the numbers for programs, without the clouds: which of their words are drawn is a matter of fonts."""
    telling = {label: [word._asdict() for word in words] for label, words in numbers.telling.items()}
    pairs = [{"labels": pair, "texts": texts} for pair, texts in numbers.conflicts.pairs]
    return {
        "data": str(numbers.path),
        "rows": numbers.rows,
        "labels": with_shares(numbers.labels),
        "vocabulary": asdict(numbers.vocabulary),
        "lengths": asdict(numbers.lengths),
        "telling": {"alpha_0": numbers.vocabulary.running["train"], "labels": telling},
        "conflicts": {**asdict(numbers.conflicts), "pairs": pairs},
    }
