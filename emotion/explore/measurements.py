"""All measurements of a data set, for figures and explore.json."""

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

# More panels in a figure would be too small to read.
MOST_PANELS = 24


@dataclass(frozen=True)
class Measurements:
    """The measurements; `labels` are rows by split and label.

    `labels` and `distinctive` begin with train's most frequent label.
    """

    path: Path
    labels: dict[str, dict[str, int]]
    vocabulary: Vocabulary
    lengths: Lengths
    clouds: Clouds
    distinctive: dict[str, list[DistinctiveWord]]
    conflicts: Conflicts

    @property
    def rows(self) -> dict[str, int]:
        """Number of rows by split."""
        return {name: sum(counts.values()) for name, counts in self.labels.items()}


def measure(
    path: Path, splits: dict[str, Split], params: WordTextTable, advance: Callable[[int], None]
) -> Measurements:
    """Measure a data set; `advance` receives the number of rows newly split into words."""
    words = read_words(splits, advance)
    labels = label_counts(splits)
    by_label = words_by_label(words, splits["train"].labels)
    frequent = [label for label, rows in labels["train"].items() if rows]
    return Measurements(
        path=path,
        labels=labels,
        vocabulary=measure_vocabulary(words, params.vocabulary),
        lengths=measure_lengths(splits, words, params.max_length),
        clouds=choose_words(words, by_label, frequent[:MOST_PANELS]),
        distinctive=distinctive_words(words, {label: by_label[label] for label in frequent}),
        conflicts=find_conflicts(splits),
    )


def as_json(measurements: Measurements) -> dict[str, Any]:
    """Return the measurements for programs, without the clouds: fonts decide which words are drawn."""
    distinctive = {label: [word._asdict() for word in words] for label, words in measurements.distinctive.items()}
    pairs = [{"labels": pair, "texts": texts} for pair, texts in measurements.conflicts.pairs]
    return {
        "data": str(measurements.path),
        "rows": measurements.rows,
        "labels": with_shares(measurements.labels),
        "vocabulary": asdict(measurements.vocabulary),
        "lengths": asdict(measurements.lengths),
        "telling": {"alpha_0": measurements.vocabulary.running["train"], "labels": distinctive},
        "conflicts": {**asdict(measurements.conflicts), "pairs": pairs},
    }
