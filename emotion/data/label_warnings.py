"""Warns about probable mistakes in labels and splits that still allow training."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from emotion.data.column_options import column_options
from emotion.data.dataset import Split
from emotion.data.label_text import ALIKE, MOST_NAMED, essence, lookalikes, show_label
from emotion.data.overlap import overlap_sentences
from emotion.formatting import count, first_items

# How programs and people write a missing value, in lower case.
MISSING = {
    "nan",
    "\\n",
    "none",
    "null",
    "(null)",
    "(none)",
    "(blank)",
    "undefined",
    "nil",
    "n/a",
    "na",
    "<na>",
    "n.a.",
    "#n/a",
    "#ref!",
    "#value!",
    "#name?",
    "#div/0!",
    "nat",
    "-",
    "--",
    "\u2013",
    "\u2014",
    "?",
    ".",
    "...",
}
CLASSES = "the model learns different classes"
NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,15})?", re.ASCII)
TRUTH = {"true": 1.0, "false": 0.0}
# Pairs of brackets of lists that a program wrote as text.
BRACKETS = ("[]", "()", "{}")
SEPARATORS = re.compile(r"[,;|]")
# Names of single labels have these characters, too. A label counts as several if all parts are labels.
WEAK_SEPARATORS = re.compile(r"[,;|/+&]")


def find_warnings(splits: Mapping[str, Split]) -> list[str]:
    """Give a warning for every doubtful label, and for every split that shares texts with train."""
    counts = Counter(label for split in splits.values() for label in split.labels)
    header = _header_label(splits)
    return [
        *_header(header),
        *_lines_without_label(splits["train"], header),
        *_empty(counts),
        *_missing(counts),
        *_alike(counts),
        *_truth(counts),
        *_numbers(counts),
        *_several(counts),
        *_quoted(counts),
        *overlap_sentences(splits),
    ]


def _named(labels: Iterable[str], counts: Mapping[str, int]) -> str:
    """Name labels with their rows."""
    return _first(f"{show_label(label)} ({count(counts[label], 'row')})" for label in labels)


def _first(names: Iterable[str]) -> str:
    """List at most ten names, and count the others."""
    return ", ".join(first_items(list(names), MOST_NAMED))


def _header_label(splits: Mapping[str, Split]) -> str | None:
    """Find a label in the first line of several splits that no other row of these splits has."""
    begins = [
        (split.texts[0], split.labels[0])
        for split in splits.values()
        if split.labels and split.lone_lines.get(split.labels[0], ("", 0))[1] == 1
    ]
    return begins[0][1] if begins and begins.count(begins[0]) > 1 else None


def _header(label: str | None) -> list[str]:
    if label is None:
        return []
    return [
        f"the label {show_label(label)} occurs only in first lines, probably a header: remove these lines,"
        f" or name the columns with {column_options()}"
    ]


def _lines_without_label(train: Split, header: str | None) -> list[str]:
    """Report lines of `.txt` files where a piece of text probably became the label."""
    found = [
        f"{file} line {line} ({show_label(label)})"
        for label, (file, line) in train.lone_lines.items()
        if len(label.split()) > 1 and label != header
    ]
    return [f"lines that probably have no label, because their label is unique: {_first(found)}"] if found else []


def _empty(counts: Mapping[str, int]) -> list[str]:
    found = [label for label in counts if not essence(label).strip("'\"")]
    return [f"labels that look empty: {_named(found, counts)}; remove the rows"] if found else []


def _missing(counts: Mapping[str, int]) -> list[str]:
    found = [label for label in counts if essence(label) in MISSING]
    return (
        [f"labels that look like a missing value: {_named(found, counts)}; remove the rows unless the label is a class"]
        if found
        else []
    )


def _alike(counts: Mapping[str, int]) -> list[str]:
    return _groups(f"labels that {ALIKE}", lookalikes(counts), counts)


def _groups(what: str, groups: Sequence[Sequence[str]], counts: Mapping[str, int]) -> list[str]:
    """Give one sentence per group for the first groups, and one that counts the others."""
    more = [f"{what}: {count(len(groups) - MOST_NAMED, 'more group')}"] if len(groups) > MOST_NAMED else []
    return [f"{what}: {_named(group, counts)}; {CLASSES}" for group in groups[:MOST_NAMED]] + more


def _truth(counts: Mapping[str, int]) -> list[str]:
    words = [label for label in counts if essence(label) in TRUTH]
    numbers = [label for label in counts if _number(label) in TRUTH.values()]
    if not words or not numbers:
        return []
    return [f"labels with true and false as words and as numbers: {_named(words + numbers, counts)}; {CLASSES}"]


def _numbers(counts: Mapping[str, int]) -> list[str]:
    groups: dict[float, list[str]] = {}
    for label in counts:
        if (number := _number(label)) is not None:
            groups.setdefault(number, []).append(label)
    same = [group for group in groups.values() if len({essence(label) for label in group}) > 1]
    return _groups("labels with equal numbers", same, counts)


def _quoted(counts: Mapping[str, int]) -> list[str]:
    found = [label for label in counts if len(label) > 2 and label[0] == label[-1] == '"']  # noqa: PLR2004
    if not found:
        return []
    return [f"labels in quotes: {_named(found, counts)}; call a .txt file with quotes .csv, or omit --quoting none"]


def _number(label: str) -> float | None:
    text = essence(label)
    return float(text) if NUMBER.fullmatch(text) else None


def _several(counts: Mapping[str, int]) -> list[str]:
    recombined = _recombined(counts)
    found = [label for label in counts if label in recombined or _looks_like_several(label, counts)]
    return (
        [f"labels that look like several labels, but every row needs one label: {_named(found, counts)}"]
        if found
        else []
    )


def _is_list(label: str) -> bool:
    """Whether a label is in brackets that are empty, have a comma, or start with a quote or digit."""
    inner = label[1:-1].lstrip()
    listed = not inner or "," in inner or inner[0] in "'\"" or inner[0].isdecimal()
    return label[:1] + label[-1:] in BRACKETS and listed


def _looks_like_several(label: str, labels: Mapping[str, int]) -> bool:
    strong, weak = (_parts(label, separators) for separators in (SEPARATORS, WEAK_SEPARATORS))
    return (
        _is_list(label)
        or any(part in labels for part in strong)
        or (bool(weak) and all(part in labels for part in weak))
        or (bool(strong) and (all(map(NUMBER.fullmatch, strong)) or not any(map(str.isspace, label))))
    )


def _recombined(labels: Iterable[str]) -> set[str]:
    """List labels with several parts if most mix the same parts in any place, like `joy, fear` and `fear, anger`.

    Place names are different: `Salem, Oregon` and `Portland, Oregon` share a part, but always in the same place.
    """
    composed = {label: parts for label in labels if len(parts := _parts(label, SEPARATORS)) == len(set(parts)) > 1}
    first = Counter(parts[0] for parts in composed.values())
    later = Counter(part for parts in composed.values() for part in parts[1:])
    mixed = [
        all(first[part] + later[part] > 1 for part in parts) and any(first[part] and later[part] for part in parts)
        for parts in composed.values()
    ]
    return set(composed) if 2 * sum(mixed) > len(composed) else set()


def _parts(label: str, separators: re.Pattern[str]) -> list[str]:
    """Split a label into parts; [] if it has only one part, or an empty part."""
    parts = [part.strip() for part in separators.split(label)]
    return parts if len(parts) > 1 and all(parts) else []
