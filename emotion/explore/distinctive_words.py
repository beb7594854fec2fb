"""Finds distinctive words, which are typical of one label, by log-odds with an informative Dirichlet prior.

Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16 (2008), equations 16 to 22. The prior is the corpus
itself; alpha_0 is its number of running words. A word with only one label is the most distinctive word. This prior
gives it about the variance of its count. With a smaller prior, the estimate for other labels would rest only on the
prior, with a variance 1 / alpha_w so large that common words would rank higher.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion.explore.word_counts import LabelWords, Words

MOST_WORDS = 10


class DistinctiveWord(NamedTuple):
    """A word, its z-score, and its counts in train: in texts of the label, and in all texts."""

    word: str
    z: float
    in_label: int
    in_train: int


def distinctive_words(words: Words, by_label: dict[str, LabelWords]) -> dict[str, list[DistinctiveWord]]:
    """Return at most ten distinctive words by label, best first; none with only one label or one word."""
    corpus = words.counts("train")
    if len(by_label) < 2 or len(corpus) < 2:  # noqa: PLR2004
        return {label: [] for label in by_label}
    return {label: _rank(words.names, corpus, label_words) for label, label_words in by_label.items()}


def _rank(names: list[str], corpus: NDArray[np.int64], label: LabelWords) -> list[DistinctiveWord]:
    """Rank only words of the label: other words cannot be more frequent here than elsewhere."""
    train = corpus[label.ranks]
    z = z_scores(label.counts, train - label.counts, train, int(corpus.sum()))
    order = [index for index in np.argsort(-z, kind="stable")[:MOST_WORDS] if z[index] > 0]
    return [
        DistinctiveWord(names[label.ranks[index]], float(z[index]), int(label.counts[index]), int(train[index]))
        for index in order
    ]


def z_scores(
    here: NDArray[np.int64], elsewhere: NDArray[np.int64], prior: NDArray[np.int64], alpha_0: int
) -> NDArray[np.float64]:
    """Return how many standard deviations a word's log-odds are higher here than elsewhere, float64 (words,).

    Args:
        here: Counts of all words of the label, (words,).
        elsewhere: Counts of the same words in all other labels, (words,).
        prior: alpha_w of the same words, (words,); positive, less than `alpha_0`.
        alpha_0: The sum of the prior over all words, which equals the number of running words.
    """
    running = int(here.sum())
    odds = _log_odds(here, running, prior, alpha_0) - _log_odds(elsewhere, alpha_0 - running, prior, alpha_0)
    variance = 1 / (here + prior) + 1 / (elsewhere + prior)
    scores: NDArray[np.float64] = odds / np.sqrt(variance)
    return scores


def _log_odds(counts: NDArray[np.int64], running: int, prior: NDArray[np.int64], alpha_0: int) -> NDArray[np.float64]:
    raised = counts + prior
    log_odds: NDArray[np.float64] = np.log(raised / (running + alpha_0 - raised))
    return log_odds
