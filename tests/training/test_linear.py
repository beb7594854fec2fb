"""The linear model: its features against scikit-learn's, its choice, and its graph against itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion.onnx.linear_graph import linear_graph
from emotion.params.schema import LinearTextTable, LinearTrainingTable
from emotion.text.encoded import Encoded, encode
from emotion.text.vocabulary import learn_tokenizer
from emotion.training.linear import Candidate, LinearFit, Split, fit_linear, learn_features

TEXT = LinearTextTable()
# No text has a word twice.
TEXTS = [
    "i feel very happy today",
    "today i feel sad",
    "so very sad and alone",
    "happy and glad",
    "they feel angry",
    "so angry today and alone",
]


class Corpus:
    """Texts of three labels. A word decides; or, of `not good` and `not bad`, only the order of two words."""

    def __init__(self, seed: int = 1, rows: int = 120) -> None:
        random = np.random.default_rng(seed)
        self.texts, labels = [], []
        for _ in range(rows):
            label = int(random.integers(3))
            filler = [f"w{number}" for number in random.integers(0, 30, 4)]
            sign = [["not", "good", "but", "bad"], ["not", "bad", "but", "good"], ["sad", "blue"]][label]
            self.texts.append(" ".join([*filler[:2], *sign, *filler[2:]]))
            labels.append(label)
        self.labels = np.asarray(labels, np.int32)


def splits(*corpora: tuple[Sequence[str], NDArray[np.int32]]) -> tuple[list[Split], int]:
    """Encode texts with the words of the first corpus; also give the number of words."""
    tokenizer = learn_tokenizer(corpora[0][0], TEXT, None)
    return [Split(encode(tokenizer, texts), labels) for texts, labels in corpora], tokenizer.get_vocab_size()


def fit(
    train: Corpus,
    validation: Corpus,
    *,
    weights: Sequence[float] = (1, 1, 1),
    text: LinearTextTable = TEXT,
    training: LinearTrainingTable | None = None,
) -> tuple[LinearFit, Split, list[Candidate]]:
    (first, second), words = splits((train.texts, train.labels), (validation.texts, validation.labels))
    told: list[Candidate] = []
    label_weights = np.asarray(weights, np.float32)
    fitted = fit_linear(first, second, words, label_weights, text, training or LinearTrainingTable(), told.append)
    return fitted, second, told


def test_words_are_weighted_as_scikit_learn_weights_them() -> None:
    """Texts without a repeated word have the very TF-IDF of TfidfVectorizer."""
    tokenizer = learn_tokenizer(TEXTS, TEXT, None)
    texts = encode(tokenizer, TEXTS)
    ours = learn_features(texts, tokenizer.get_vocab_size(), TEXT, bigrams=False).matrix(texts).toarray()
    theirs = TfidfVectorizer(token_pattern=r"\w+").fit(TEXTS)
    columns = [tokenizer.token_to_id(word) for word in theirs.get_feature_names_out()]
    assert ours[:, columns] == pytest.approx(theirs.transform(TEXTS).toarray(), abs=1e-12)
    assert ours.sum() == pytest.approx(ours[:, columns].sum())


def test_an_unknown_word_is_no_feature() -> None:
    tokenizer = learn_tokenizer(TEXTS, TEXT, None)
    features = learn_features(encode(tokenizer, TEXTS), tokenizer.get_vocab_size(), TEXT, bigrams=True)
    known, more = (features.matrix(encode(tokenizer, [text])).toarray() for text in ("happy", "happy zzz yyy"))
    assert (known == more).all()
    assert not features.matrix(encode(tokenizer, ["zzz yyy"])).toarray().any()


def test_validation_chooses_and_every_candidate_is_told() -> None:
    """Only bigrams tell two of the labels apart."""
    fitted, validation, told = fit(Corpus(1), Corpus(2))
    accuracies = [candidate.validation_accuracy for candidate in told]
    assert told == fitted.candidates
    assert len(told) == 14
    best = told[accuracies.index(max(accuracies))]
    assert best.features == "words and bigrams"
    assert max(accuracies) > 0.95 > max(c.validation_accuracy for c in told if c.features == "words") + 0.2
    right = (fitted.model.logits(validation.texts).argmax(axis=1) == validation.labels).mean()
    assert right == max(accuracies)


@pytest.mark.parametrize(("bigrams", "features"), [("no", {"words"}), ("yes", {"words and bigrams"})])
def test_parameters_limit_the_candidates(bigrams: str, features: set[str]) -> None:
    text = TEXT.model_copy(update={"bigrams": bigrams})
    told = fit(Corpus(1), Corpus(2), text=text, training=LinearTrainingTable(svm_c=[], logistic_c=[1.0, 10.0]))[2]
    assert {candidate.features for candidate in told} == features
    assert [(candidate.classifier, candidate.c) for candidate in told] == [
        ("logistic regression", 1.0),
        ("logistic regression", 10.0),
    ]


def mean_loss(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def test_logits_are_scaled_to_the_highest_likelihood_on_validation() -> None:
    fitted, validation, _ = fit(Corpus(1), Corpus(2), text=TEXT.model_copy(update={"bigrams": "no"}))
    logits = fitted.model.logits(validation.texts)
    losses = [mean_loss(np.float32(factor) * logits, validation.labels) for factor in (0.97, 1, 1.03)]
    assert losses[1] == min(losses)


def test_a_validation_without_a_mistake_makes_nothing_certain() -> None:
    """Any scale would then raise the likelihood, up to scores of 1."""
    fitted, validation, _ = fit(Corpus(1), Corpus(2))
    logits = fitted.model.logits(validation.texts)
    assert (logits.argmax(axis=1) == validation.labels).all()
    assert np.abs(logits).max() < 5


def test_a_label_with_more_weight_is_given_more_often() -> None:
    """Without bigrams the first two labels cannot be told apart."""
    text = TEXT.model_copy(update={"bigrams": "no"})
    counts = []
    for weights in ((9, 1, 1), (1, 9, 1)):
        fitted, validation, _ = fit(Corpus(1), Corpus(2), weights=weights, text=text)
        counts.append(np.bincount(fitted.model.logits(validation.texts).argmax(axis=1), minlength=3))
    assert counts[0][0] > counts[0][1]
    assert counts[1][1] > counts[1][0]


def test_a_label_that_train_lacks_is_never_given() -> None:
    train = Corpus(1)
    train.labels = np.where(train.labels == 1, 3, train.labels).astype(np.int32)
    fitted, validation, _ = fit(train, Corpus(2), weights=(1, 1, 1, 1))
    logits = fitted.model.logits(validation.texts)
    assert logits.shape[1] == 4
    assert not (logits.argmax(axis=1) == 1).any()


def test_one_label_in_train_is_always_given() -> None:
    train = Corpus(1)
    train.labels[:] = 2
    fitted, validation, _ = fit(train, Corpus(2))
    assert (fitted.model.logits(validation.texts).argmax(axis=1) == 2).all()


def test_two_labels() -> None:
    train, validation = Corpus(1), Corpus(2)
    for corpus in (train, validation):
        corpus.labels = (corpus.labels == 2).astype(np.int32)
    fitted, split, _ = fit(train, validation, weights=(1, 1))
    assert (fitted.model.logits(split.texts).argmax(axis=1) == split.labels).mean() == 1


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (fit(Corpus(1), Corpus(2))[0].model for _ in range(2))
    assert (first.coefficients == second.coefficients).all()


@pytest.mark.parametrize("bigrams", [False, True])
@pytest.mark.parametrize("opset", [17, 23])
def test_the_graph_gives_the_models_logits(tmp_path: Path, opset: int, bigrams: bool) -> None:
    text = TEXT.model_copy(update={"bigrams": "yes" if bigrams else "no"})
    fitted, validation, _ = fit(Corpus(1), Corpus(2), text=text)
    model, features = fitted.model, fitted.model.features
    path = tmp_path / "model.onnx"
    path.write_bytes(linear_graph(features.weights, model.coefficients, model.bias, features.bigrams, opset))
    session = onnxruntime.InferenceSession(path)
    odd = encode_ids([[1, 1, 1], [2, 0, 0], [2, 3, 2], [0, 0, 0]])
    for texts in (validation.texts, odd, odd.padded_to(1)):
        found = session.run(["logits"], {"input_ids": texts.ids.astype(np.int64)})[0]
        assert found == pytest.approx(model.logits(texts), abs=1e-5)
    types = {node.op_type for node in onnx.load(path).graph.node}
    assert not {name for name in types if "String" in name or "TfIdf" in name}


def encode_ids(rows: list[list[int]]) -> Encoded:
    ids = np.asarray(rows, np.int32)
    return Encoded(ids, (ids != 0).sum(axis=1).astype(np.int32), 0)
