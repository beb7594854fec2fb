"""Statistics and problems of a data set, even if it is unfit for training."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from emotion.data.dataset import Split, read_splits, wrong_number_of_labels
from emotion.data.label_text import name_labels, unseen_sentence
from emotion.data.label_warnings import find_warnings
from emotion.data.overlap import measure_overlaps
from emotion.data.split_files import SPLITS, data_files
from emotion.params.schema import DataTable
from emotion.store.atomic import sha256

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class Report:
    """Statistics of a data set. `problems` prevent training; `remarks` do not.

    `words` counts white-space words per text, by split and for all texts. `unknown_words` has shares (0 to 1) of
    running words that are not in train: for validation, test and both. `shared` has the figures of `Overlap` by pair of
    splits.
    """

    path: str
    files: dict[str, str]
    rows: dict[str, int]
    labels: dict[str, dict[str, int]]
    words: dict[str, dict[str, float] | None]
    vocabulary: dict[str, int]
    unknown_words: dict[str, float | None]
    repeated: dict[str, dict[str, int]]
    shared: dict[str, dict[str, Any]]
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def check_data(path: Path, params: DataTable) -> Report:
    """Read the splits and compute the statistics.

    Raises:
        InputMissingError: the path, or a split of the folder, does not exist.
        BadDataError: some rows cannot be used.
    """
    splits = read_splits(path, params)
    types = Counter(_words(splits["train"].texts))
    report = Report(
        path=str(path),
        files={file.name: sha256(file) for file in data_files(path)},
        rows={name: len(split) for name, split in splits.items()},
        labels=label_counts(splits),
        words={name: length_figures(_white_space_words(texts)) for name, texts in _texts_by_name(splits).items()},
        vocabulary={"types": len(types), "seen_twice": sum(count > 1 for count in types.values())},
        unknown_words=_unknown(splits, types),
        repeated={name: _repeated(_frame(split)) for name, split in splits.items()},
        shared={pair: asdict(overlap) for pair, overlap in measure_overlaps(splits).items()},
    )
    report.problems.extend(_problems(report))
    report.remarks.extend([*find_warnings(splits), *_remarks(report)])
    return report


def as_json(report: Report) -> dict[str, Any]:
    """Give the report as JSON, with count and share of every label."""
    return {**vars(report), "labels": with_shares(report.labels)}


def with_shares(labels: dict[str, dict[str, int]]) -> dict[str, dict[str, dict[str, float]]]:
    """Give count and share (0 to 1) of every label's rows, by split. A split without rows has shares of 0."""
    rows = {name: max(1, sum(counts.values())) for name, counts in labels.items()}
    return {
        name: {label: {"count": count, "share": count / rows[name]} for label, count in counts.items()}
        for name, counts in labels.items()
    }


def _frame(split: Split) -> pd.DataFrame:
    return pd.DataFrame({"text": split.texts, "label": split.labels}, dtype=object)


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in text.split()]


def _texts_by_name(splits: dict[str, Split]) -> dict[str, list[str]]:
    texts = {name: split.texts for name, split in splits.items()}
    return {**texts, "all": [text for split in texts.values() for text in split]}


def label_counts(splits: dict[str, Split]) -> dict[str, dict[str, int]]:
    """Count rows per label, by split. Labels are sorted by frequency in train, and every split lists all labels."""
    counts = {name: Counter(splits[name].labels) for name in SPLITS}
    labels = dict.fromkeys(label for count in counts.values() for label, _ in count.most_common())
    return {name: {label: count[label] for label in labels} for name, count in counts.items()}


def _white_space_words(texts: list[str]) -> pd.Series:
    return pd.Series([len(text.split()) for text in texts], dtype=int)


def length_figures(lengths: pd.Series) -> dict[str, float] | None:
    """Compute mean, percentiles (nearest rank) and maximum of text lengths; None without texts."""
    if lengths.empty:
        return None
    percentiles = {f"p{share}": int(lengths.quantile(share / 100, "nearest")) for share in PERCENTILES}
    return {"mean": float(lengths.mean()), **percentiles, "max": int(lengths.max())}


def _unknown(splits: dict[str, Split], known: Counter[str]) -> dict[str, float | None]:
    words_by_split = {name: _words(splits[name].texts) for name in SPLITS[1:]}
    words_by_split["both"] = [word for words in words_by_split.values() for word in words]
    return {
        name: sum(word not in known for word in words) / len(words) if words else None
        for name, words in words_by_split.items()
    }


def _repeated(rows: pd.DataFrame) -> dict[str, int]:
    """Count repeated texts in a split, and repeated texts with two or more labels."""
    repeated = rows[rows.duplicated("text", keep=False)]
    labels = repeated.groupby("text")["label"].nunique()
    return {"texts": len(labels), "two_labels": int((labels > 1).sum())}


def _problems(report: Report) -> list[str]:
    """List all problems that `load_dataset` would raise."""
    found = [f"the {name} split has no rows" for name, rows in report.rows.items() if not rows]
    train = {label for label, count in report.labels["train"].items() if count}
    if wrong := wrong_number_of_labels(train, report.rows["train"]):
        found.append("; ".join(wrong))
    for name in SPLITS[1:]:
        unseen = [label for label, count in report.labels[name].items() if count and label not in train]
        if unseen:
            found.append(unseen_sentence(name, unseen, train))
    return found


def _remarks(report: Report) -> list[str]:
    found = []
    for name, counts in report.repeated.items():
        texts, labels = counts["texts"], counts["two_labels"]
        found += [f"{name}: {texts:,} texts are repeated, {labels:,} of them with two labels"] if texts else []
    for name, counts in report.labels.items():
        absent = [label for label, count in counts.items() if not count]
        found += [f"{name} has no row of {name_labels(absent)}"] if absent and report.rows[name] else []
    return found
