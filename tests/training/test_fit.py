"""Fitting: a small task is learned, the average is scored and kept, labels count, and the seed decides."""

from typing import Any

import numpy as np
import pytest

from emotion.params.schema import AnnTable, LstmTable
from emotion.training.batches import Examples
from tests.training.small import ANN, LSTM, accuracy, examples, fit, history, predict


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        (ANN, {"epochs": 12, "average": 0.9, "shift": True, "label_smoothing": 0.1, "warmup": 0.05}),
        (LSTM, {"epochs": 12, "average": 0.9, "buckets": True, "word_dropout": 0.05}),
    ],
)
def test_a_separable_task_is_learned(model: AnnTable | LstmTable, recipe: dict[str, Any]) -> None:
    validation = examples(90, 2)
    built, fitted, listener = fit(model, examples(240, 1), validation, **recipe)
    assert accuracy(built, validation) > 0.85
    assert accuracy(built, validation) == pytest.approx(fitted.best.validation_accuracy)
    assert listener.start == (12, 240)
    assert listener.rows == [20] * 12 * 12
    assert listener.epochs == fitted.epochs
    assert listener.steps == list(range(1, 12 * 12 + 1))


def test_the_running_average_is_what_is_scored_and_kept() -> None:
    train, validation = examples(100, 1), examples(60, 2)
    plain, fitted, _ = fit(ANN, train, validation)
    averaged, smoothed, _ = fit(ANN, train, validation, average=0.999)
    for raw, smooth in zip(fitted.epochs, smoothed.epochs, strict=True):
        assert smooth.loss == pytest.approx(raw.loss, rel=1e-3)
        assert abs(smooth.validation_loss - raw.validation_loss) > 1e-3
    assert accuracy(averaged, validation) == pytest.approx(smoothed.best.validation_accuracy)
    assert np.abs(averaged.get_weights()[0] - plain.get_weights()[0]).max() > 1e-3


def test_a_label_that_counts_more_is_found_more_often() -> None:
    """Labels are random: the model learns how much every label counts."""
    train, validation = examples(120, 1), examples(90, 2)
    guesses = np.random.default_rng(5).integers(0, 3, 120).astype(np.int32)
    found = []
    for asked in ({"a": 9.0}, {"c": 9.0}):
        model, _, _ = fit(ANN, Examples(train.texts, guesses), validation, epochs=2, class_weights=asked)
        found.append(np.bincount(predict(model, validation), minlength=3))
    assert found[0][0] > 60 > found[1][0]
    assert found[1][2] > 60 > found[0][2]


def test_fewer_rows_than_a_batch() -> None:
    built, fitted, listener = fit(ANN, examples(5, 1), examples(1, 2), epochs=2, batch_size=256)
    assert listener.start == (2, 5)
    assert listener.rows == [5, 5]
    assert len(fitted.epochs) == 2
    assert accuracy(built, examples(1, 2)) in {0.0, 1.0}


@pytest.mark.parametrize("model", [ANN, LSTM])
def test_the_same_seed_gives_the_same_history_and_another_seed_another(model: AnnTable | LstmTable) -> None:
    train, validation = examples(60, 1), examples(30, 2)
    recipe = {"epochs": 2, "word_dropout": 0.2, "average": 0.9}
    dropping = model.model_copy(update={"feature_dropout": 0.3, "embedding_dropout": 0.1})
    first, again, other = (
        history(fit(dropping, train, validation, seed=seed, **recipe)[2].epochs) for seed in (7, 7, 8)
    )
    assert again == first
    assert other != first
