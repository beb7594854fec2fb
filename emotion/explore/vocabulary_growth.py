"""How many words a data set has, and how much of it the commonest of them cover."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import SPLITS
from emotion.explore.word_counts import SPECIAL, Words

# Points of a curve: more than a figure can show.
POINTS = 200
PARTS = {**{name: (name,) for name in SPLITS}, "validation and test": SPLITS[1:]}


@dataclass(frozen=True)
class Vocabulary:
    """`chosen`: the tokenizer's words with its two special tokens; `kept`: the words of train among them.

    `growth`: distinct words of train after so many running ones, in the file's order. `coverage`: the share of the
    running words of each part of the data that are among so many of the commonest of train; `covered`: that of
    `kept`. None for a part without words.
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
    """Compute growth and coverage for a vocabulary of `chosen` tokens, the special ones among them."""
    distinct = len(words.names)
    kept = min(chosen - SPECIAL, distinct)
    at = _points(distinct, kept)
    coverage = {part: _coverage(words, splits, at) for part, splits in PARTS.items()}
    place = int(np.searchsorted(at, kept))
    return Vocabulary(
        chosen=chosen,
        kept=kept,
        distinct=distinct,
        running={part: words.running(*splits) for part, splits in PARTS.items()},
        growth=_growth(words.ranks["train"]),
        at=at.tolist(),
        coverage=coverage,
        covered={part: shares[place] if shares else None for part, shares in coverage.items()},
    )


def _points(distinct: int, kept: int) -> NDArray[np.int64]:
    """Sizes of a vocabulary, even on a logarithmic axis, with the one that is kept; none where there are no words."""
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
