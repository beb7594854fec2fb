"""Early stopping: the best epoch is kept, patience ends training, and both survive a stop."""

import signal
from pathlib import Path

import pytest

from emotion.errors import Terminated
from emotion.params.schema import WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.training.early_stopping import best_epoch, is_better, out_of_patience
from emotion.training.progress import Epoch, TrainingProgress
from tests.training.small import (
    ANN,
    RecordingListener,
    accuracy,
    build_words,
    differing,
    examples,
    fit,
    fitting,
    history,
    make_step,
    ready,
    reset,
    state,
)


def epoch(number: int, *, best: bool) -> Epoch:
    """Make an epoch with a validation accuracy of 0.5 and a validation loss of 1."""
    return Epoch(number, 1.0, 0.5, 1.0, 0.5, 5000.0, 2.0, 4.0, best)


@pytest.mark.parametrize(
    ("accuracy", "loss", "better"),
    [(0.6, 2.0, True), (0.4, 0.1, False), (0.5, 0.9, True), (0.5, 1.0, False), (0.5, 1.1, False)],
)
def test_accuracy_decides_and_among_equals_the_loss(accuracy: float, loss: float, *, better: bool) -> None:
    assert is_better(accuracy, loss, epoch(1, best=True)) == better
    assert is_better(accuracy, loss, None)


def test_patience_counts_the_epochs_since_the_best() -> None:
    epochs = [epoch(number, best=number in {1, 3}) for number in range(1, 6)]
    assert best_epoch(epochs) == epochs[2]
    assert [out_of_patience(epochs, patience) for patience in (1, 2, 3)] == [True, True, False]
    assert best_epoch([]) is None
    assert not out_of_patience([], 1)


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    """Validation's labels are wrong: its scores get worse with every epoch."""
    validation = examples(90, 2, turned=True)
    built, fitted, _ = fit(ANN, examples(240, 1), validation, epochs=30, patience=3, learning_rate=0.002)
    scores = [(epoch.validation_accuracy, -epoch.validation_loss) for epoch in fitted.epochs]
    assert fitted.best.epoch == scores.index(max(scores)) + 1
    assert len(fitted.epochs) == fitted.best.epoch + 3 < 30
    assert fitted.best.validation_accuracy > fitted.epochs[-1].validation_accuracy
    assert accuracy(built, validation) == pytest.approx(fitted.best.validation_accuracy)
    assert [epoch.epoch for epoch in fitted.epochs] == list(range(1, len(scores) + 1))
    improvements = [number for number in range(len(scores)) if scores[number] == max(scores[: number + 1])]
    assert [epoch.epoch - 1 for epoch in fitted.epochs if epoch.best] == improvements


def test_patience_and_the_best_weights_survive_a_stop(tmp_path: Path) -> None:
    """Validation's labels are wrong: the best epoch is early."""
    ready()
    params = WordTrainingTable(epochs=30, batch_size=20, learning_rate=0.002, patience=3)
    train, validation = examples(240, 1), examples(90, 2, turned=True)
    steps = [make_step(build_words(ANN), params, steps=360) for _ in range(2)]
    start = state(steps[0])
    reset(steps[1], start)
    undisturbed = fitting(steps[1], train, validation, params, tmp_path / "undisturbed").run(DeferredSignals())
    end = state(steps[1])
    assert undisturbed.best.epoch + 3 == len(undisturbed.epochs) < 30

    stop, last = DeferredSignals(), 12 * (len(undisturbed.epochs) - 1)

    def ask_to_stop(event: str, progress: TrainingProgress) -> None:
        if (event, progress.step) == ("epoch", last):
            stop.signal = signal.SIGTERM

    with pytest.raises(Terminated):
        fitting(steps[0], train, validation, params, tmp_path / "stopped", listener=RecordingListener(ask_to_stop)).run(
            stop
        )
    listener = RecordingListener()
    fitted = fitting(steps[1], train, validation, params, tmp_path / "stopped", listener=listener).run(
        DeferredSignals()
    )
    assert len(listener.steps) == 12
    assert history(fitted.epochs) == history(undisturbed.epochs)
    assert differing(state(steps[1]), end) == []
