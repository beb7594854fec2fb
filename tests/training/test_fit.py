"""Fitting: a small task is learnt, the best epoch is kept, patience ends it, the seed decides; logits in order."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from emotion.models.backend import prepare
from emotion.models.config_json import encoder_config
from emotion.params.schema import AnnTable, LstmTable, WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from tests.training.small import ANN, LSTM, PLACES, Heard, build_words, examples, fitting, history, make_step


def run(model: AnnTable | LstmTable, train: Examples, validation: Examples, **training: Any) -> tuple[Any, Any, Heard]:
    """Fit a new model; give it with what fitting gave and told."""
    from emotion.training.fit import steps_an_epoch
    from emotion.training.step import label_weights

    params = WordTrainingTable(**{"epochs": 3, "batch_size": 20, "learning_rate": 0.02, "seed": 1, **training})
    prepare(params.seed, 0)
    built, heard = build_words(model), Heard()
    weights = label_weights(params, ["a", "b", "c"], train.labels)
    step = make_step(built, params, steps=steps_an_epoch(len(train), params) * params.epochs, weights=weights)
    with TemporaryDirectory() as folder:
        return built, fitting(step, train, validation, params, Path(folder), heard=heard).run(DeferredSignals()), heard


def forward(model: Any, tokens: int = 17_500) -> Any:
    from emotion.training.forward import Forward

    return Forward(model, tokens)


def accuracy(model: Any, data: Examples) -> float:
    return float((forward(model).predict(data.texts).argmax(axis=1) == data.labels).mean())


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        (ANN, {"epochs": 12, "average": 0.9, "shift": True, "label_smoothing": 0.1, "warmup": 0.05}),
        (LSTM, {"epochs": 12, "average": 0.9, "buckets": True, "word_dropout": 0.05}),
    ],
)
def test_a_separable_task_is_learnt(model: AnnTable | LstmTable, recipe: dict[str, Any]) -> None:
    validation = examples(90, 2)
    built, fitted, heard = run(model, examples(240, 1), validation, **recipe)
    assert accuracy(built, validation) > 0.85
    assert accuracy(built, validation) == pytest.approx(fitted.best.validation_accuracy)
    assert heard.start == (12, 240)
    assert heard.rows == [20] * 12 * 12
    assert heard.epochs == fitted.epochs
    assert heard.steps == list(range(1, 12 * 12 + 1))


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


def test_a_label_that_counts_more_is_found_more_often() -> None:
    """Labels are drawn at random: what is learnt is how much each of them counts."""
    train, validation = examples(120, 1), examples(90, 2)
    guesses = np.random.default_rng(5).integers(0, 3, 120).astype(np.int32)
    found = []
    for asked in ({"a": 9.0}, {"c": 9.0}):
        model, _, _ = run(ANN, Examples(train.texts, guesses), validation, epochs=2, class_weights=asked)
        found.append(np.bincount(forward(model).predict(validation.texts).argmax(axis=1), minlength=3))
    assert found[0][0] > 60 > found[1][0]
    assert found[1][2] > 60 > found[0][2]


def test_fewer_rows_than_a_batch() -> None:
    built, fitted, heard = run(ANN, examples(5, 1), examples(1, 2), epochs=2, batch_size=256)
    assert heard.start == (2, 5)
    assert heard.rows == [5, 5]
    assert len(fitted.epochs) == 2
    assert accuracy(built, examples(1, 2)) in {0.0, 1.0}


@pytest.mark.parametrize("model", [ANN, LSTM])
def test_the_same_seed_gives_the_same_history_and_another_seed_another(model: AnnTable | LstmTable) -> None:
    train, validation = examples(60, 1), examples(30, 2)
    recipe = {"epochs": 2, "word_dropout": 0.2, "average": 0.9}
    dropping = model.model_copy(update={"feature_dropout": 0.3, "embedding_dropout": 0.1})
    first, again, other = (
        history(run(dropping, train, validation, seed=seed, **recipe)[2].epochs) for seed in (7, 7, 8)
    )
    assert again == first
    assert other != first


def transformer() -> Any:
    from emotion.models.transformer import build_transformer

    prepare(1, 0)
    content = {
        "model_type": "bert",
        "vocab_size": 40,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
    }
    return build_transformer(encoder_config(content), 3, "bert")


def mixed(rows: int) -> Encoded:
    """Draw texts of 1 to 32 tokens in no order."""
    random = np.random.default_rng(3)
    lengths = random.integers(1, 33, rows).astype(np.int32)
    real = np.arange(32) < lengths[:, None]
    return Encoded(np.where(real, random.integers(1, 40, (rows, 32)), 0).astype(np.int32), lengths, pad=0)


def test_prediction_in_parts_equals_prediction_at_once() -> None:
    from emotion.training.forward import EVALUATION_TOKENS

    prepare(1, 0)
    model = build_words(ANN)
    texts = examples(EVALUATION_TOKENS // PLACES + 7, 3).texts
    logits = forward(model).predict(texts)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, np.asarray(model({"input_ids": texts.ids})), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 40, 17_500])
def test_logits_are_in_the_order_of_the_texts_whatever_their_lengths(tokens: int) -> None:
    model, texts = transformer(), mixed(60)
    found = forward(model, tokens)
    logits = found.predict(texts)
    rows = [texts.rows(np.asarray([row], np.int64)) for row in range(60)]
    alone = np.concatenate([np.asarray(model(row.inputs(found.inputs))) for row in rows])
    np.testing.assert_allclose(logits, alone, atol=2e-6)
    assert len(np.unique(logits.round(4), axis=0)) > 55


def test_rows_that_are_not_reached_before_a_stop_have_no_logits() -> None:
    model, texts = transformer(), mixed(60)
    whole = forward(model, 64).predict(texts)
    answers = iter([False, False, True])
    logits = forward(model, 64).predict(texts, lambda: next(answers))
    reached = np.isfinite(logits).all(axis=1)
    assert 0 < reached.sum() < 60
    assert np.isnan(logits[~reached]).all()
    np.testing.assert_array_equal(logits[reached], whole[reached])
    assert texts.lengths[reached].max() <= texts.lengths[~reached].min()


def test_what_runs_together_are_about_so_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of one length run together: of a long one few, of a short one many."""
    found, texts, sizes = forward(transformer(), 64), mixed(200), []
    run = found._run

    def watched(inputs: dict[str, Any]) -> Any:
        sizes.append(inputs["input_ids"].shape)
        return run(inputs)

    monkeypatch.setattr(found, "_run", watched)
    found.predict(texts)
    assert sum(rows for rows, _ in sizes) == 200
    assert all(rows * places <= 64 for rows, places in sizes)
    assert len(sizes) < 100
