"""Growth of the vocabulary with the running words, and coverage of its commonest words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.data.split_files import SPLITS
from emotion.explore.word_counts import SPECIAL, Words

# Points of a curve: more than a figure can show.
POINTS = 200
# Parts of the data whose coverage is measured, as splits.
PARTS = {**{name: (name,) for name in SPLITS}, "validation and test": SPLITS[1:]}


@dataclass(frozen=True)
class Vocabulary:
    """Vocabulary of train, and what a tokenizer of a `chosen` size knows of it.

    Attributes:
        chosen: Size of the tokenizer's vocabulary, with its two special tokens.
        kept: Number of train's words in it.
        distinct: Number of train's distinct words.
        running: Number of running words by part of the data.
        growth: Distinct words of train after so many running words, in the file's order.
        at: Sizes of a vocabulary at which coverage is measured.
        coverage: By part, the share of its running words among the commonest words of train, for the sizes `at`.
        covered: By part, the coverage at `kept`. A part without words has None, here and in `coverage`.
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
    """Compute growth and coverage for a vocabulary of `chosen` tokens, with the special tokens."""
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
    """Return sizes of a vocabulary, even on a logarithmic axis, and `kept`; none if there are no words."""
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
