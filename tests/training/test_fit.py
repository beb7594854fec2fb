"""Fitting: a small task is learnt, the best epoch is kept, patience ends it, the seed decides."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare
from emotion.params import AnnParams, LstmParams, Params, TextParams, TrainingParams
from emotion.training.batches import Examples
from emotion.training.progress import Epoch

TIMES = {"seconds", "seconds_left", "samples_per_second"}
PLACES = 6


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.start = (0, 0)
        self.rows: list[int] = []
        self.epochs: list[Epoch] = []

    def on_start(self, epochs: int, rows: int) -> None:
        self.start = epochs, rows

    def on_rows(self, rows: int) -> None:
        self.rows.append(rows)

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


def examples(rows: int, seed: int, *, turned: bool = False) -> Examples:
    """One of the words 2, 3 and 4 decides the label; the others mean nothing. `turned` labels are wrong ones."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows).astype(np.int32)
    ids = random.integers(5, 12, (rows, PLACES)).astype(np.int32)
    ids[np.arange(rows), random.integers(0, PLACES, rows)] = labels + 2
    return Examples(ids, (labels + turned) % 3)


def run(
    model: AnnParams | LstmParams, train: Examples, validation: Examples, **training: Any
) -> tuple[Any, Any, Heard]:
    """Fit a new model; give it with what fitting gave and told."""
    from emotion.models.build import build_model
    from emotion.training.fit import fit

    settings = {"epochs": 3, "batch_size": 20, "learning_rate": 0.02, "seed": 1, **training}
    params = Params(model=model, text=TextParams(max_length=PLACES), training=TrainingParams(**settings))
    prepare(params.training.seed, 0)
    built = build_model(params, vocabulary=12, labels=3)
    heard = Heard()
    return built, fit(built, train, validation, params.training, heard), heard


def accuracy(model: Any, data: Examples) -> float:
    from emotion.training.fit import predict

    return float((predict(model, data.ids).argmax(axis=1) == data.labels).mean())


def history(epochs: list[Epoch]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(epoch).items() if key not in TIMES} for epoch in epochs]


ANN = AnnParams(embedding_dim=16, hidden=[16])
LSTM = LstmParams(embedding_dim=16, units=8, hidden=[16])


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        (ANN, {"epochs": 12, "average": 0.9, "shift": True, "label_smoothing": 0.1, "warmup": 0.05}),
        (LSTM, {"epochs": 12, "average": 0.9, "buckets": True, "word_dropout": 0.05}),
    ],
)
def test_a_separable_task_is_learnt(model: AnnParams | LstmParams, recipe: dict[str, Any]) -> None:
    validation = examples(90, 2)
    built, fitted, heard = run(model, examples(240, 1), validation, **recipe)
    assert accuracy(built, validation) > 0.85
    assert accuracy(built, validation) == pytest.approx(fitted.best.validation_accuracy)
    assert heard.start == (12, 240)
    assert heard.rows == [20] * 12 * 12
    assert heard.epochs == fitted.epochs


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    """Validation's labels are wrong, so that it gets worse with every epoch of learning."""
    validation = examples(90, 2, turned=True)
    built, fitted, _ = run(ANN, examples(240, 1), validation, epochs=30, patience=3, learning_rate=0.002)
    scores = [(epoch.validation_accuracy, -epoch.validation_loss) for epoch in fitted.epochs]
    assert fitted.best.epoch == scores.index(max(scores)) + 1
    assert len(fitted.epochs) == fitted.best.epoch + 3 < 30
    assert fitted.best.validation_accuracy > fitted.epochs[-1].validation_accuracy
    assert accuracy(built, validation) == pytest.approx(fitted.best.validation_accuracy)
    assert [epoch.epoch for epoch in fitted.epochs] == list(range(1, len(scores) + 1))
    improvements = [number for number in range(len(scores)) if scores[number] == max(scores[: number + 1])]
    assert [epoch.epoch - 1 for epoch in fitted.epochs if epoch.best] == improvements


def test_the_running_average_is_what_is_scored_and_kept() -> None:
    train, validation = examples(100, 1), examples(60, 2)
    plain, one, _ = run(ANN, train, validation)
    averaged, other, _ = run(ANN, train, validation, average=0.999)
    for raw, smooth in zip(one.epochs, other.epochs, strict=True):
        assert smooth.loss == pytest.approx(raw.loss, rel=1e-3)
        assert abs(smooth.validation_loss - raw.validation_loss) > 1e-3
    assert accuracy(averaged, validation) == pytest.approx(other.best.validation_accuracy)
    assert np.abs(averaged.get_weights()[0] - plain.get_weights()[0]).max() > 1e-3


def test_fewer_rows_than_a_batch() -> None:
    built, fitted, heard = run(ANN, examples(5, 1), examples(1, 2), epochs=2, batch_size=256)
    assert heard.start == (2, 5)
    assert heard.rows == [5, 5]
    assert len(fitted.epochs) == 2
    assert accuracy(built, examples(1, 2)) in {0.0, 1.0}


@pytest.mark.parametrize("model", [ANN, LSTM])
def test_the_same_seed_gives_the_same_history_and_another_seed_another(model: AnnParams | LstmParams) -> None:
    train, validation = examples(60, 1), examples(30, 2)
    recipe = {"epochs": 2, "word_dropout": 0.2, "average": 0.9}
    dropping = model.model_copy(update={"feature_dropout": 0.3, "embedding_dropout": 0.1})
    first, again, other = (
        history(run(dropping, train, validation, seed=seed, **recipe)[2].epochs) for seed in (7, 7, 8)
    )
    assert again == first
    assert other != first


def test_prediction_in_parts_equals_prediction_at_once() -> None:
    from emotion.models.build import build_model
    from emotion.training.fit import EVALUATION_ROWS, predict

    prepare(1, 0)
    model = build_model(Params(model=ANN, text=TextParams(max_length=PLACES)), vocabulary=12, labels=3)
    ids = examples(EVALUATION_ROWS + 7, 3).ids
    logits = predict(model, ids)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, np.asarray(model(ids)), rtol=1e-4, atol=1e-6)
