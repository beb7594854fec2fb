"""Training that is stopped anywhere and resumes from its checkpoint ends like undisturbed training, to the bit."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.errors import CannotWriteError, Terminated, TryAgainError
from emotion.models.compute import Compute
from emotion.params.schema import FineTuningTable, TrainingTable, WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.training.progress import TrainingProgress
from tests.disks import file_limit
from tests.events import read_scalars
from tests.training.small import (
    ANN,
    LSTM,
    RecordingListener,
    State,
    build_bert,
    build_words,
    differing,
    examples,
    fitting,
    history,
    make_step,
    ready,
    reset,
    state,
)

TRAIN, VALIDATION = examples(28, 1, shortest=2), examples(12, 2, shortest=2)
STEPS, ALL = 4, 12
DROPPING = {"feature_dropout": 0.2, "embedding_dropout": 0.2}
SMALL: dict[str, Any] = {"epochs": 3, "batch_size": 8, "learning_rate": 0.02, "label_smoothing": 0.1}
# When training is stopped: at an event, and after a number of steps.
Moment = tuple[str, int]
MOMENTS: list[Moment] = [
    ("start", 0),
    ("step", 1),
    ("step", STEPS),
    ("validation", STEPS),
    ("epoch", STEPS),
    ("step", 7),
    ("validation", ALL),
    ("epoch", ALL),
    ("checkpoint", ALL),
]
FEW_MOMENTS: list[Moment] = [("step", 2), ("validation", STEPS)]


def word_steps(model: Any, params: TrainingTable) -> list[Any]:
    dropping = model.model_copy(update=DROPPING)
    return [make_step(build_words(dropping), params, steps=ALL) for _ in range(2)]


def float16_steps(params: TrainingTable) -> list[Any]:
    """Make steps that scale their loss, at first by too much: a checkpoint has to hold the scale too."""
    steps: list[Any] = [make_step(build_bert("float16"), params, steps=ALL, compute=Compute("float16")) for _ in "12"]
    for step in steps:
        step.scale.factor.assign(2.0**24)
    return steps


MODELS: dict[str, tuple[TrainingTable, Callable[[TrainingTable], list[Any]]]] = {
    "ann": (WordTrainingTable(**SMALL, shift=True, average=0.9), lambda params: word_steps(ANN, params)),
    "lstm": (
        WordTrainingTable(**SMALL, buckets=True, word_dropout=0.2, class_weights="balanced", clip_norm=0.5),
        lambda params: word_steps(LSTM, params),
    ),
    "bert": (FineTuningTable(**SMALL, average=0.5), float16_steps),
}


@dataclass
class Undisturbed:
    """Two steps of the same training, for two processes, and the result of undisturbed training."""

    params: TrainingTable
    steps: list[Any]
    start: State
    end: State
    history: list[dict[str, Any]]
    scalars: list[tuple[str, int, float]]

    def disturbed(self, folder: Path, moment: Moment, number: signal.Signals, every: str = "1h") -> RecordingListener:
        """Train in the first process until a signal arrives and is raised."""
        first, _ = self.steps
        reset(first, self.start)
        listener = RecordingListener(lambda event, progress: kill(number) if (event, progress.step) == moment else None)
        training = fitting(first, TRAIN, VALIDATION, self.params, folder, listener=listener, every=every)
        if moment[0] == "validation":
            in_validation(training, moment[1], lambda: kill(number))
        with pytest.raises(KeyboardInterrupt if number is signal.SIGINT else Terminated):
            training.run(DeferredSignals())
        return listener

    def resumed(self, folder: Path, every: str = "1h") -> tuple[Any, RecordingListener]:
        """Resume in the second process, whose variables have other values."""
        listener = RecordingListener()
        return fitting(self.steps[1], TRAIN, VALIDATION, self.params, folder, listener=listener, every=every).run(
            DeferredSignals()
        ), listener

    def assert_same(self, fitted: Any, folder: Path) -> None:
        assert history(fitted.epochs) == self.history
        assert read_scalars(folder / "tensorboard") == self.scalars
        assert differing(state(self.steps[1]), self.end) == []


def kill(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def in_validation(training: Any, step: int, act: Callable[[], None]) -> None:
    """Act when validation begins after `step` steps."""
    predict = training.forward.predict

    def late(*arguments: Any) -> Any:
        if training.state.steps(STEPS) == step:
            act()
        return predict(*arguments)

    training.forward.predict = late


@pytest.fixture(scope="module")
def trainings() -> dict[str, Undisturbed]:
    return {}


@pytest.fixture
def undisturbed(
    request: pytest.FixtureRequest, trainings: dict[str, Undisturbed], tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """Train a model without a stop, once per model."""
    ready()
    name = getattr(request, "param", "ann")
    if name not in trainings:
        params, make = MODELS[name]
        first, second = make(params)
        start = state(first)
        reset(second, start)
        folder = tmp_path_factory.mktemp(name)
        fitted = fitting(second, TRAIN, VALIDATION, params, folder).run(DeferredSignals())
        scalars = read_scalars(folder / "tensorboard")
        trainings[name] = Undisturbed(params, [first, second], start, state(second), history(fitted.epochs), scalars)
    return trainings[name]


CASES = [("ann", moment) for moment in MOMENTS] + [
    (name, moment) for name in ("lstm", "bert") for moment in FEW_MOMENTS
]


@pytest.mark.parametrize(("undisturbed", "moment"), CASES, indirect=["undisturbed"])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(
    undisturbed: Undisturbed, tmp_path: Path, moment: Moment
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    before = undisturbed.disturbed(tmp_path, moment, signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert before.steps == list(range(1, moment[1] + 1))
    assert before.checkpoints == [moment[1]]
    fitted, after = undisturbed.resumed(tmp_path)
    assert after.steps == list(range(moment[1] + 1, ALL + 1))
    assert history(after.before) == history(before.epochs) == undisturbed.history[: len(before.epochs)]
    assert fitted.state.resumes == 1
    undisturbed.assert_same(fitted, tmp_path)


def test_ctrl_c_ends_it_as_well(undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert undisturbed.disturbed(tmp_path, ("step", 5), signal.SIGINT).checkpoints == [5]
    undisturbed.assert_same(undisturbed.resumed(tmp_path)[0], tmp_path)


def test_a_training_that_is_stopped_after_every_step(undisturbed: Undisturbed, tmp_path: Path) -> None:
    first, second = undisturbed.steps
    reset(first, undisturbed.start)
    for number in range(ALL):
        stop = DeferredSignals()

        def ask_to_stop(event: str, _: TrainingProgress, stop: DeferredSignals = stop) -> None:
            stop.signal = signal.SIGTERM if event == "step" else stop.signal

        training = fitting(
            (first, second)[number % 2],
            TRAIN,
            VALIDATION,
            undisturbed.params,
            tmp_path,
            listener=RecordingListener(ask_to_stop),
        )
        with pytest.raises(Terminated):
            training.run(stop)
        assert (training.state.steps(STEPS), training.state.resumes) == (number + 1, number)
    fitted, after = undisturbed.resumed(tmp_path)
    assert after.steps == []
    assert fitted.state.resumes == ALL
    undisturbed.assert_same(fitted, tmp_path)


def test_a_stop_within_a_split_batch_does_that_batch_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    first, second = undisturbed.steps
    reset(first, undisturbed.start)
    stop, part, calls = DeferredSignals(), first._run_part, []

    def interrupted(*arguments: Any) -> None:
        part(*arguments)
        calls.append(1)
        if len(calls) == 5:
            stop.signal = signal.SIGTERM

    first.micro_batch, first._run_part = 3, interrupted
    training = fitting(first, TRAIN, VALIDATION, undisturbed.params, tmp_path)
    with pytest.raises(Terminated):
        training.run(stop)
    first.micro_batch, first._run_part = 10_000, part
    assert training.state.batches == 1
    second.micro_batch = 3
    undisturbed.resumed(tmp_path)
    disturbed = state(second)
    reset(second, undisturbed.start)
    fitting(second, TRAIN, VALIDATION, undisturbed.params, tmp_path / "other").run(DeferredSignals())
    second.micro_batch = 10_000
    assert differing(state(second), disturbed) == []


def test_checkpoints_come_every_so_many_steps_and_the_last_is_gone_on_from_after_a_kill(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """A killed process writes nothing more: here it ends with an unexpected error."""
    reset(undisturbed.steps[0], undisturbed.start)

    def fail(event: str, progress: TrainingProgress) -> None:
        if (event, progress.step) == ("step", 8):
            raise ZeroDivisionError

    listener = RecordingListener(fail)
    with pytest.raises(ZeroDivisionError):
        fitting(
            undisturbed.steps[0], TRAIN, VALIDATION, undisturbed.params, tmp_path, listener=listener, every="3 steps"
        ).run(DeferredSignals())
    assert listener.checkpoints == [3, 6]
    fitted, after = undisturbed.resumed(tmp_path, "3 steps")
    assert after.steps[0] == 7
    assert after.checkpoints == [9, 12, 12]
    undisturbed.assert_same(fitted, tmp_path)


@pytest.mark.parametrize("damaged", ["the newest", "both"])
def test_a_damaged_checkpoint_is_told_and_training_goes_on_from_the_one_before(
    undisturbed: Undisturbed, tmp_path: Path, damaged: str
) -> None:
    undisturbed.disturbed(tmp_path, ("step", 8), signal.SIGTERM, "3 steps")
    newest, older = sorted(tmp_path.glob("*.npz"), reverse=True)
    for file in (newest, older) if damaged == "both" else (newest,):
        file.write_bytes(file.read_bytes()[:-9])
    reset(undisturbed.steps[1], undisturbed.start)
    fitted, after = undisturbed.resumed(tmp_path)
    assert after.steps[0] == (1 if damaged == "both" else 7)
    assert len([line for event, line in after.notes if event == "warning" and "damaged and is skipped" in line]) == (
        2 if damaged == "both" else 1
    )
    undisturbed.assert_same(fitted, tmp_path)


def test_a_checkpoint_of_another_model_is_told_and_nothing_of_it_is_taken(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    other = make_step(build_words(ANN.model_copy(update={"hidden": [17]})), undisturbed.params, steps=ALL)
    fitting(other, TRAIN, VALIDATION, undisturbed.params, tmp_path).run(DeferredSignals())
    reset(undisturbed.steps[1], undisturbed.start)
    fitted, after = undisturbed.resumed(tmp_path)
    assert "belong to another model" in dict(after.notes)["warning"]
    assert after.steps[0] == 1
    undisturbed.assert_same(fitted, tmp_path)


def test_what_is_finished_is_not_trained_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    reset(undisturbed.steps[0], undisturbed.start)
    first = fitting(undisturbed.steps[0], TRAIN, VALIDATION, undisturbed.params, tmp_path).run(DeferredSignals())
    reset(undisturbed.steps[1], {name: np.zeros_like(array) for name, array in undisturbed.start.items()})
    fitted, after = undisturbed.resumed(tmp_path)
    assert (after.steps, after.checkpoints) == ([], [])
    assert fitted.epochs == first.epochs
    assert fitted.seconds == first.seconds
    found, expected = (step.model.get_weights() for step in reversed(undisturbed.steps))
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


def test_a_finished_checkpoint_holds_the_weights_alone(undisturbed: Undisturbed, tmp_path: Path) -> None:
    listener = undisturbed.disturbed(tmp_path, ("step", 11), signal.SIGTERM)
    undisturbed.resumed(tmp_path)
    whole, weights = (path.stat().st_size for path in sorted(tmp_path.glob("*.npz")))
    assert listener.checkpoints == [11]
    assert whole > 4 * weights


@pytest.mark.parametrize("late", [False, True])
def test_a_step_that_fails_keeps_those_before_it_unless_it_changed_the_weights(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    first = undisturbed.steps[0]
    reset(first, undisturbed.start)
    whole = first._run_whole

    def attempt(inputs: Any, labels: Any, targets: Any, number: int, *arguments: Any) -> Any:
        done = whole(inputs, labels, targets, number, *arguments) if late or number < 5 else None
        return done if number < 5 else run_out()

    for name, replaced in {"_run_whole": attempt, "_run_part": run_out, "micro_batch": 8}.items():
        monkeypatch.setattr(first, name, replaced)
    listener = RecordingListener()
    with pytest.raises(TryAgainError, match="out of memory"):
        fitting(first, TRAIN, VALIDATION, undisturbed.params, tmp_path, listener=listener, every="2 steps").run(
            DeferredSignals()
        )
    assert listener.checkpoints == ([2, 4] if late else [2, 4, 5])
    undisturbed.assert_same(undisturbed.resumed(tmp_path)[0], tmp_path)


def run_out(*_: Any) -> Any:
    import tensorflow as tf

    raise tf.errors.ResourceExhaustedError(None, None, "no memory")


def test_batches_that_had_to_be_split_are_told_and_noted(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, listener = undisturbed.steps[0], RecordingListener()
    reset(first, undisturbed.start)
    monkeypatch.setattr(first, "_run_whole", run_out)
    monkeypatch.setattr(first, "micro_batch", 8)
    fitted = fitting(first, TRAIN, VALIDATION, undisturbed.params, tmp_path, listener=listener).run(DeferredSignals())
    assert listener.notes == [("memory", "out of memory: batches are split into 4 rows at once")]
    assert fitted.state.micro_batch == 4
    assert len(listener.steps) == ALL


def test_a_disk_that_is_full_ends_training_and_keeps_the_last_checkpoint(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    reset(undisturbed.steps[0], undisturbed.start)
    with ExitStack() as limits:
        listener = RecordingListener(lambda _, progress: progress.step == 5 and limits.enter_context(file_limit(2000)))
        first = undisturbed.steps[0]
        training = fitting(first, TRAIN, VALIDATION, undisturbed.params, tmp_path, listener=listener, every="3 steps")
        with pytest.raises(CannotWriteError):
            training.run(DeferredSignals())
    assert listener.checkpoints == [3]
    fitted, after = undisturbed.resumed(tmp_path)
    assert after.steps[0] == 4
    undisturbed.assert_same(fitted, tmp_path)
