"""A training that diverged ends, and says at which step; steps that float16 skips do not end it."""

import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion.errors import CheckFailedError, Terminated
from emotion.models.compute import Compute
from emotion.params.schema import FineTuningTable, TrainingTable, WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.training.divergence import MOST_SKIPPED, DivergenceCheck
from emotion.training.progress import TrainingProgress
from tests.events import read_scalars
from tests.training.small import (
    ANN,
    RecordingListener,
    build_bert,
    build_words,
    examples,
    fitting,
    history,
    make_step,
    ready,
    reset,
    state,
)

PARAMS = TrainingTable(learning_rate=0.5, clip_norm=2.0)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_the_error_of_a_loss_that_is_not_finite_names_its_step(loss: float) -> None:
    with pytest.raises(CheckFailedError, match=f"the training diverged: the loss of step 1,234 is {loss}") as caught:
        DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=False).check_loss(loss, 1234)
    assert caught.value.exit_code == 70
    assert "learning_rate (0.5 now)" in caught.value.hint
    assert "clip_norm (2 now)" in caught.value.hint


@pytest.mark.parametrize("skips", [True, False])
def test_a_loss_in_the_thousands_is_divergence_unless_a_label_weighs_as_much(*, skips: bool) -> None:
    with pytest.raises(CheckFailedError, match="the loss of step 7 is 1,500"):
        DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=skips).check_loss(1500.0, 7)
    DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=skips).check_loss(900.0, 7)
    DivergenceCheck(PARAMS, np.asarray([0.1, 9.0], np.float32), skips=skips).check_loss(1500.0, 7)


def test_steps_that_float16_skips_are_allowed_until_too_many_in_a_row() -> None:
    check = DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=True)
    for step in range(10 * MOST_SKIPPED):
        check.check_loss(1.0 if step % MOST_SKIPPED == 0 else math.inf, step)
    for step in range(MOST_SKIPPED):
        check.check_loss(1.0, step)
        check.check_loss(math.nan, step)
    for step in range(MOST_SKIPPED - 1):
        check.check_loss(math.nan, step)
    with pytest.raises(CheckFailedError, match="diverged"):
        check.check_loss(math.nan, 1)


@pytest.mark.parametrize("value", [1000.0, -5000.0, 1e30, math.nan, math.inf])
def test_the_error_of_a_logit_in_the_thousands_names_its_step(value: float) -> None:
    logits = np.asarray([[0.0, 1.0], [value, 2.0]], np.float32)
    with pytest.raises(CheckFailedError, match="the training diverged: after step 40 a logit of validation is "):
        DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=False).check_logits(logits, 40)


@pytest.mark.parametrize("value", [0.0, 30.0, -900.0])
def test_other_logits_are_not(value: float) -> None:
    DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=False).check_logits(np.full((3, 2), value, np.float32), 1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_error_of_a_weight_that_is_not_finite_names_its_step(value: float) -> None:
    weights = [np.ones(3, np.float32), np.asarray([[1.0, value]], np.float32)]
    with pytest.raises(CheckFailedError, match="the training diverged: after step 40 a weight is not finite"):
        DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=False).check_weights(weights, 40)
    DivergenceCheck(PARAMS, np.ones(2, np.float32), skips=False).check_weights(weights[:1], 40)


@pytest.mark.parametrize(
    ("weight", "after", "expected"),
    [
        ("logits/bias", 3, "the loss of step 4 is nan"),
        ("logits/bias", 5, "after step 5 a logit of validation is nan"),
        ("embedding/embeddings", 5, "after step 5 a "),
    ],
)
def test_training_ends_as_soon_as_it_is_seen(tmp_path: Path, weight: str, after: int, expected: str) -> None:
    """Five steps are an epoch. No checkpoint holds the weights that are not finite."""
    ready()
    model = build_words(ANN)
    params = WordTrainingTable(epochs=3, batch_size=20)

    def poison(event: str, progress: TrainingProgress) -> None:
        if (event, progress.step) == ("step", after):
            (poisoned,) = [variable for variable in model.weights if variable.path == weight]
            poisoned.assign(np.full(poisoned.shape, np.nan))

    listener = RecordingListener(poison)
    training = fitting(make_step(model, params), examples(100, 1), examples(30, 2), params, tmp_path, listener=listener)
    with pytest.raises(CheckFailedError, match=expected):
        training.run(DeferredSignals())
    assert listener.steps[-1] == after
    assert listener.epochs == []
    assert listener.checkpoints == []
    losses = [step for tag, step, _ in read_scalars(tmp_path / "tensorboard") if tag == "step/loss"]
    assert losses == list(range(1, after + 1))


@pytest.mark.parametrize("skipped", [1, 3])
def test_a_batch_that_float16_skips_is_in_no_mean_of_its_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skipped: int
) -> None:
    """A bias is infinite in step `skipped` of five; a training that stops after this step resumes to the same means."""
    ready()
    from emotion.training.step import Step, StepResult

    call, results, means = Step.__call__, list[StepResult](), list[float]()

    def record(*arguments: Any, **options: Any) -> StepResult | None:
        result = call(*arguments, **options)
        results.extend([result] if result else [])
        return result

    monkeypatch.setattr(Step, "__call__", record)
    params, stop = FineTuningTable(epochs=1, batch_size=20), DeferredSignals()
    first, second = (make_step(build_bert("float16"), params, compute=Compute("float16")) for _ in range(2))
    start = state(first)

    def train(step: Step, name: str, *, stopping: bool = False) -> tuple[Any, RecordingListener]:
        (bias,) = [weight for weight in step.model.weights if weight.path.endswith("head/classifier/bias")]

        def poison(event: str, progress: TrainingProgress) -> None:
            if event in {"start", "step"}:
                bias.assign(np.full(bias.shape, math.inf if progress.step == skipped - 1 else 0.0))
                stop.signal = signal.SIGTERM if stopping and progress.step == skipped else None
            means.extend([progress.loss] if event == "step" else [])

        listener = RecordingListener(poison)
        data = examples(100, 1), examples(30, 2)
        return fitting(step, *data, params, tmp_path / name, listener=listener), listener

    training, listener = train(first, "undisturbed")
    (epoch,) = training.run(stop).epochs
    counted = [result for result in results if math.isfinite(result.loss)]
    assert [math.isfinite(result.loss) for result in results] == [number != skipped for number in range(1, 6)]
    assert epoch.loss == means[-1] == pytest.approx(np.mean([result.loss for result in counted]))
    assert epoch.accuracy == pytest.approx(sum(result.right for result in counted) / 80)
    assert math.isnan(means[0]) if skipped == 1 else means[skipped - 1] == means[skipped - 2]
    assert listener.steps == [1, 2, 3, 4, 5]

    reset(first, start)
    training, listener = train(first, "disturbed", stopping=True)
    with pytest.raises(Terminated):
        training.run(stop)
    assert listener.checkpoints == [skipped]
    training, listener = train(second, "disturbed")
    assert history(training.run(DeferredSignals()).epochs) == history([epoch])
    assert listener.steps == list(range(skipped + 1, 6))
