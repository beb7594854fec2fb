"""Words of a data set, split by the word-level tokenizer: ranks among train's words, counts, lengths."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from emotion.data.dataset import Split
from emotion.text.vocabulary import PAD, UNKNOWN, learn_words

SPECIAL = len((PAD, UNKNOWN))
# Texts at a time: enough for all cores, few enough to show progress.
BATCH = 4096


@dataclass(frozen=True)
class Words:
    """The words of a data set.

    Attributes:
        names: Distinct words of train as spelled by the tokenizer, sorted by frequency, then alphabetically.
        ranks: Running words by split, in order, int32 (words,): index in `names`, or -1 for a word not in train.
        lengths: Words per text by split, int32 (rows,).
    """

    names: list[str]
    ranks: dict[str, NDArray[np.int32]]
    lengths: dict[str, NDArray[np.int32]]

    def counts(self, *splits: str) -> NDArray[np.int64]:
        """Count `names` in these splits together, int64 (distinct words of train,)."""
        ranks = np.concatenate([self.ranks[split] for split in splits])
        return np.bincount(ranks[ranks >= 0], minlength=len(self.names))

    def running(self, *splits: str) -> int:
        """Count the running words of these splits together."""
        return sum(len(self.ranks[split]) for split in splits)


@dataclass(frozen=True)
class LabelWords:
    """The words of one label in train: ranks, int32 (words,), ascending, and their counts, int64 (words,)."""

    ranks: NDArray[np.int32]
    counts: NDArray[np.int64]


def read_words(splits: dict[str, Split], advance: Callable[[int], None]) -> Words:
    """Split all texts into words; `advance` receives the number of newly finished rows."""
    tokenizer = learn_words(splits["train"].texts, sys.maxsize)
    # "[PAD]" in a text is three words, the same as when the tokenizer learns words.
    tokenizer.encode_special_tokens = True
    ids = tokenizer.get_vocab()
    read = {name: _read(tokenizer, split.texts, advance) for name, split in splits.items()}
    return Words(
        names=sorted(ids, key=ids.__getitem__)[SPECIAL:],
        ranks={name: ranks for name, (ranks, _) in read.items()},
        lengths={name: lengths for name, (_, lengths) in read.items()},
    )


def _read(
    tokenizer: Tokenizer, texts: Sequence[str], advance: Callable[[int], None]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    ranks = [np.empty(0, np.int32)]
    lengths: list[int] = []
    for start in range(0, len(texts), BATCH):
        batch = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts[start : start + BATCH])]
        lengths += map(len, batch)
        ranks.append(np.fromiter(chain.from_iterable(batch), np.int32) - np.int32(SPECIAL))
        advance(len(batch))
    return np.concatenate(ranks), np.asarray(lengths, np.int32)


def words_by_label(words: Words, labels: Sequence[str]) -> dict[str, LabelWords]:
    """Count the words by label of train; `labels` are its rows' labels. The result keeps their order."""
    names = list(dict.fromkeys(labels))
    codes = {name: code for code, name in enumerate(names)}
    rows = np.asarray([codes[label] for label in labels], np.int64)
    running = np.repeat(rows, words.lengths["train"])
    ranks = words.ranks["train"][np.argsort(running, kind="stable")]
    ends = np.cumsum(np.bincount(running, minlength=len(names)))
    parts = [ranks[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return {name: _count(part) for name, part in zip(names, parts, strict=True)}


def _count(ranks: NDArray[np.int32]) -> LabelWords:
    distinct, counts = np.unique(ranks, return_counts=True)
    return LabelWords(distinct, counts.astype(np.int64))
