"""Measures the growth of the vocabulary with running words, and the coverage of frequent words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.data.split_files import SPLITS
from emotion.explore.word_counts import SPECIAL, Words

# Points on a curve: more than a figure can show.
POINTS = 200
# Parts of the data with measured coverage, as splits.
PARTS = {**{name: (name,) for name in SPLITS}, "validation and test": SPLITS[1:]}


@dataclass(frozen=True)
class Vocabulary:
    """Vocabulary of train, and the part that a tokenizer of a `chosen` size knows.

    Attributes:
        chosen: Size of the tokenizer's vocabulary, including two special tokens.
        kept: Number of train's words in the tokenizer's vocabulary.
        distinct: Number of train's distinct words.
        running: Number of running words by part of the data.
        growth: Distinct words of train by the number of running words, in the file's order.
        at: Vocabulary sizes with measured coverage.
        coverage: By part, the share of running words among train's most frequent words, for the sizes `at`.
        covered: By part, the coverage at `kept`. Parts without words have None, here and in `coverage`.
    """

    chosen: int
    kept: int
    distinct: int
    running: dict[str, int]
    growth: dict[str, list[int]]
    at: list[int]
    coverage: dict[str, list[float] | None]
    covered: dict[str, float | None]


def measure_vocabulary(words: Words, chosen: int) -> Vocabulary:
    """Compute growth and coverage for a vocabulary of `chosen` tokens, including special tokens."""
    distinct = len(words.names)
    kept = min(chosen - SPECIAL, distinct)
    at = _points(distinct, kept)
    coverage = {part: _coverage(words, splits, at) for part, splits in PARTS.items()}
    kept_index = int(np.searchsorted(at, kept))
    return Vocabulary(
        chosen=chosen,
        kept=kept,
        distinct=distinct,
        running={part: words.running(*splits) for part, splits in PARTS.items()},
        growth=_growth(words.ranks["train"]),
        at=at.tolist(),
        coverage=coverage,
        covered={part: shares[kept_index] if shares else None for part, shares in coverage.items()},
    )


def _points(distinct: int, kept: int) -> NDArray[np.int64]:
    """Return vocabulary sizes, evenly spaced on a logarithmic axis, and `kept`; none without words."""
    if not distinct:
        return np.empty(0, np.int64)
    return np.union1d(np.geomspace(1, distinct, POINTS).round().astype(np.int64), [kept])


def _coverage(words: Words, splits: tuple[str, ...], at: NDArray[np.int64]) -> list[float] | None:
    running = words.running(*splits)
    if not (running and len(at)):
        return None
    shares: list[float] = (np.cumsum(words.counts(*splits))[at - 1] / running).tolist()
    return shares


def _growth(ranks: NDArray[np.int32]) -> dict[str, list[int]]:
    firsts = np.sort(np.unique(ranks, return_index=True)[1])
    running = np.unique(np.linspace(0, len(ranks), POINTS).round().astype(np.int64))
    return {"running": running.tolist(), "distinct": np.searchsorted(firsts, running).tolist()}
