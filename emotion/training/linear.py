"""Fits the linear model: TF-IDF of words and bigrams, with the best classifier on validation.

The features of a text are its words and bigrams, with their inverse document frequencies (IDF) as weights, over the
norm of these weights. Two occurrences of a word count as two features in the norm. So logits are sums over token ids.
Only texts that repeat a word differ from the usual TF-IDF.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from emotion.onnx.temperature import fit_temperature
from emotion.params.schema import LinearTextTable, LinearTrainingTable
from emotion.text.bigrams import Bigrams, learn_bigrams
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import UNKNOWN_ID

Logits = NDArray[np.float32]
Labels = NDArray[np.int32]
MOST_ITERATIONS = 2000
# Bounds of the factor that turns an SVM's margins, which are about 1, into logits.
MOST_SCALE = 50.0


@dataclass(frozen=True)
class Features:
    """Words, and perhaps bigrams, with their `weights`, float64 (words + bigrams,). A weight of 0 means no feature.

    The first features are the word ids; the next features are the places of `bigrams`.
    """

    words: int
    weights: NDArray[np.float64]
    bigrams: Bigrams | None

    @property
    def name(self) -> str:
        """The features, for people."""
        return "words" if self.bigrams is None else "words and bigrams"

    def matrix(self, texts: Encoded) -> Any:
        """Compute the TF-IDF of texts, a sparse float64 matrix (texts, features)."""
        return sparse.vstack([self._matrix(part) for part in texts.parts()], format="csr")

    def _matrix(self, texts: Encoded) -> Any:
        found = _occurrences(texts, self.words, self.bigrams)
        weights = self.weights[found]
        norms = np.sqrt(np.square(weights).sum(axis=1, keepdims=True))
        values = np.divide(weights, norms, out=np.zeros_like(weights), where=norms > 0)
        kept = values > 0
        borders = np.append(0, np.cumsum(kept.sum(axis=1)))
        matrix = sparse.csr_matrix((values[kept], found[kept], borders), shape=(len(texts), len(self.weights)))
        matrix.sum_duplicates()
        return matrix


def learn_features(texts: Encoded, words: int, params: LinearTextTable, *, bigrams: bool) -> Features:
    """Learn document frequencies, and bigrams, from train's texts; `words` counts the word ids."""
    table = learn_bigrams(texts, words, params.bigram_vocabulary) if bigrams else None
    size = words + (len(table) if table is not None else 0)
    frequencies = sum(_frequencies(_occurrences(part, words, table), size) for part in texts.parts())
    weights = np.log((1 + len(texts)) / (1 + frequencies)) + 1
    weights[frequencies == 0] = 0
    weights[: UNKNOWN_ID + 1] = 0
    weights[words:] *= params.bigram_weight
    if table is not None:
        weights[words] = 0
    return Features(words, weights, table)


def _frequencies(found: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Count the texts of every feature, int64 (size,); `found` are the features of texts, (texts, occurrences)."""
    ordered = np.sort(found, axis=1)
    first = np.ones(ordered.shape, np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return np.bincount(ordered[first], minlength=size)


def _occurrences(texts: Encoded, words: int, bigrams: Bigrams | None) -> NDArray[np.int64]:
    """Give the features of texts, int64 (texts, length) or, with bigrams, (texts, 2 * length - 1)."""
    ids = texts.ids.astype(np.int64)
    return ids if bigrams is None else np.concatenate([ids, words + bigrams.find(texts.ids)], axis=1)


@dataclass(frozen=True)
class LinearModel:
    """A fitted model: `coefficients` float64 (features, labels) on the TF-IDF of `features`, and `bias` (labels,)."""

    features: Features
    coefficients: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, texts: Encoded) -> Logits:
        """Compute the logits of texts, float32 (texts, labels)."""
        logits: Logits = (self.features.matrix(texts) @ self.coefficients + self.bias).astype(np.float32)
        return logits


@dataclass(frozen=True)
class Candidate:
    """A model that validation may choose; `converged` is True if its solver converged."""

    features: str
    classifier: str
    c: float
    validation_accuracy: float
    converged: bool

    def __str__(self) -> str:
        end = "" if self.converged else f", not converged in {MOST_ITERATIONS:,} iterations"
        return f"{self.features}, {self.classifier}, C = {self.c:g}: {self.validation_accuracy:.4f} on validation{end}"


@dataclass(frozen=True)
class Split:
    """Token ids and labels, int32 (rows,)."""

    texts: Encoded
    labels: Labels


@dataclass(frozen=True)
class LinearFit:
    """The best model, all candidates in the order of training, and their training seconds."""

    model: LinearModel
    candidates: list[Candidate]
    seconds: float


def fit_linear(
    train: Split,
    validation: Split,
    words: int,
    label_weights: NDArray[np.float32],
    text: LinearTextTable,
    training: LinearTrainingTable,
    tell: Callable[[Candidate], Any],
) -> LinearFit:
    """Fit every candidate, and keep the most accurate on validation; among equals, the first.

    The kept model's logits are scaled to the highest likelihood on validation.

    `label_weights` float32 (labels,) weight each label's loss. `tell` gets every candidate.
    """
    started = time.monotonic()
    best: LinearModel | None = None
    candidates: list[Candidate] = []
    for bigrams in {"auto": (False, True), "no": (False,), "yes": (True,)}[text.bigrams]:
        features = learn_features(train.texts, words, text, bigrams=bigrams)
        matrix = features.matrix(train.texts)
        for name, c, classifier in _classifiers(training):
            model, converged = _fit(classifier, features, matrix, train.labels, label_weights)
            accuracy = float((model.logits(validation.texts).argmax(axis=1) == validation.labels).mean())
            if best is None or accuracy > max(candidate.validation_accuracy for candidate in candidates):
                best = model
            candidates.append(Candidate(features.name, name, c, accuracy, converged))
            tell(candidates[-1])
    assert best is not None  # noqa: S101  the parameters have at least one candidate
    return LinearFit(_scaled(best, validation), candidates, time.monotonic() - started)


def _scaled(model: LinearModel, validation: Split) -> LinearModel:
    """Scale the logits to the highest likelihood on validation: margins of an SVM are not logarithms of odds."""
    logits = model.logits(validation.texts)
    scale = 1 / fit_temperature(logits, validation.labels, 1 / MOST_SCALE, MOST_SCALE)
    return LinearModel(model.features, scale * model.coefficients, scale * model.bias)


def _classifiers(training: LinearTrainingTable) -> Iterator[tuple[str, float, Any]]:
    """Yield name, C and scikit-learn's classifier for two classes."""
    options = {"random_state": training.seed, "max_iter": MOST_ITERATIONS, "dual": True}
    for c in training.svm_c:
        yield "linear SVM", c, LinearSVC(C=c, **options)
    for c in training.logistic_c:
        yield "logistic regression", c, LogisticRegression(C=c, solver="liblinear", **options)


def _fit(
    classifier: Any, features: Features, matrix: Any, labels: Labels, label_weights: NDArray[np.float32]
) -> tuple[LinearModel, bool]:
    """Fit every label against all others; return the model, and whether all solvers converged."""
    size = len(label_weights)
    coefficients, bias = np.zeros((matrix.shape[1], size)), np.zeros(size)
    present = np.unique(labels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for label in present if len(present) > 1 else ():
            classifier.fit(matrix, labels == label, label_weights[labels])
            coefficients[:, label], bias[label] = classifier.coef_[0], classifier.intercept_[0]
    # No text of train has an absent label, so no text should get it.
    absent = np.setdiff1d(np.arange(size), present)
    if len(absent):
        bias[absent] = (matrix @ coefficients + bias).min() - 1
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return LinearModel(features, coefficients, bias), converged
