"""The words that tell a label from all others, by log-odds with an informative Dirichlet prior.

Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16 (2008), equations 16 to 22. The prior is the
corpus itself, alpha_0 its running words: then a word that only this label has, which is the most telling, gets a
variance near that of its count. With a smaller prior the other labels' estimate, which rests on the prior alone,
makes it so uncertain (its variance is 1 / alpha_w) that common words go before.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion.explore.word_counts import LabelWords, Words

TOP = 10


class DistinctiveWord(NamedTuple):
    """A word, its z-score, and how often it runs in train: in texts of the label, and in all."""

    word: str
    z: float
    in_label: int
    in_train: int


def distinctive_words(words: Words, by_label: dict[str, LabelWords]) -> dict[str, list[DistinctiveWord]]:
    """The most telling words of each label, at most ten, the first first; none where there is nothing to tell apart."""
    corpus = words.counts("train")
    if len(by_label) < 2 or len(corpus) < 2:  # noqa: PLR2004  one label, or one word
        return {label: [] for label in by_label}
    return {label: _top(words.names, corpus, found) for label, found in by_label.items()}


def _top(names: list[str], corpus: NDArray[np.int64], label: LabelWords) -> list[DistinctiveWord]:
    """Rank the label's words; one that it lacks cannot be more frequent here than elsewhere."""
    train = corpus[label.ranks]
    z = z_scores(label.counts, train - label.counts, train, int(corpus.sum()))
    order = [place for place in np.argsort(-z, kind="stable")[:TOP] if z[place] > 0]
    return [
        DistinctiveWord(names[label.ranks[place]], float(z[place]), int(label.counts[place]), int(train[place]))
        for place in order
    ]


def z_scores(
    here: NDArray[np.int64], elsewhere: NDArray[np.int64], prior: NDArray[np.int64], alpha_0: int
) -> NDArray[np.float64]:
    """How many standard deviations the log-odds of each word are higher here than elsewhere, (words,).

    Args:
        here: Counts of the words of the label, (words,); all words that it has.
        elsewhere: Counts of the same words in all other labels, (words,).
        prior: alpha_w of the same words, (words,); positive, less than `alpha_0`.
        alpha_0: The sum of the prior over all words of the corpus, which is also the corpus' running words.
    """
    running = int(here.sum())
    odds = _log_odds(here, running, prior, alpha_0) - _log_odds(elsewhere, alpha_0 - running, prior, alpha_0)
    variance = 1 / (here + prior) + 1 / (elsewhere + prior)
    scores: NDArray[np.float64] = odds / np.sqrt(variance)
    return scores


def _log_odds(counts: NDArray[np.int64], running: int, prior: NDArray[np.int64], alpha_0: int) -> NDArray[np.float64]:
    raised = counts + prior
    found: NDArray[np.float64] = np.log(raised / (running + alpha_0 - raised))
    return found
