"""Fits a model, epoch by epoch over arrays in memory; the model ends with the best epoch's weights.

Training may stop after any step, and resumes from its last checkpoint with the same result. Seed and step alone decide
batches and dropout; the checkpoint holds everything else. `early_stopping.py` ends training early;
`checkpoint_policy.py` decides when to write checkpoints.
"""

import math
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from emotion.errors import TryAgainError
from emotion.params.schema import TrainingTable
from emotion.signals import DeferredSignals
from emotion.training.batches import Examples, batches
from emotion.training.checkpoint_policy import CheckpointPolicy, Weights
from emotion.training.divergence import DivergenceCheck
from emotion.training.early_stopping import best_epoch, is_better, out_of_patience
from emotion.training.forward import EVALUATION_TOKENS, Forward, scores
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress
from emotion.training.progress_state import ProgressState
from emotion.training.scalars import Scalars
from emotion.training.step import Step


@dataclass(frozen=True)
class Fitted:
    """The result of fitting; the model holds the best epoch's weights."""

    state: ProgressState

    @property
    def epochs(self) -> list[Epoch]:
        """All epochs, in order."""
        return self.state.epochs

    @property
    def best(self) -> Epoch:
        """The best epoch. The model has its weights."""
        best = best_epoch(self.state.epochs)
        assert best is not None  # noqa: S101  there is at least one epoch
        return best

    @property
    def seconds(self) -> float:
        """Seconds of fitting in all attempts, without lost steps."""
        return self.state.elapsed

    @property
    def samples_per_second(self) -> float:
        """Throughput of the last epoch's training steps, which needs no compilation."""
        return self.epochs[-1].samples_per_second


def steps_per_epoch(rows: int, params: TrainingTable) -> int:
    """Number of batches in an epoch of `rows` rows."""
    return math.ceil(rows / min(params.batch_size, rows))


class Fitting:
    """Trains the model of `step` until training is finished or a signal arrives."""

    def __init__(
        self,
        step: Step,
        train: Examples,
        validation: Examples,
        params: TrainingTable,
        policy: CheckpointPolicy,
        listener: TrainingListener,
        scalars: Scalars,
    ) -> None:
        self.step, self.params, self.policy, self.listener = step, params, policy, listener
        self.scalars = scalars
        self.train, self.validation = train, validation
        self.steps_per_epoch = steps_per_epoch(len(train), params)
        self.forward = Forward(step.model, self._validation_tokens())
        self.divergence = DivergenceCheck(params, step.weights.numpy(), skips=step.scale is not None)
        self.state, self.workers_stopping = ProgressState(), False
        self.best_weights: Weights | None = None

    def run(self, stop: DeferredSignals, multiple: int = 1) -> Fitted:
        """Start or resume training; leave the model with the best epoch's weights.

        The length of bucketed batches is a multiple of `multiple`.

        Raises:
            TryAgainError: a worker is lost, or another worker must stop.
            Terminated, KeyboardInterrupt: a signal stops this process; a checkpoint is written.
            CannotWriteError: the store is full or read-only.
            CheckFailedError: training diverged.
        """
        with stop, closing(self.scalars.files):
            self._resume()
            while not self._trained and not self._stopping(stop):
                self._train_epoch(stop, multiple)
            if self._stopping(stop):
                self._save_if_due(stopping=True)
                if not stop():
                    raise TryAgainError("another worker must stop", "start all workers again to resume training")
            elif not self.state.finished:
                self._finish()
        return Fitted(self.state)

    @property
    def _steps_done(self) -> int:
        return self.state.steps(self.steps_per_epoch)

    @property
    def _trained(self) -> bool:
        """Whether all epochs are trained."""
        all_epochs = self.state.epoch > self.params.epochs
        return self.state.finished or all_epochs or out_of_patience(self.state.epochs, self.params.patience)

    def _stopping(self, stop: DeferredSignals) -> bool:
        """Whether to stop now. Workers share this decision, so all stop after the same step."""
        return stop() if self.step.group.workers == 1 else self.workers_stopping

    def _validation_tokens(self) -> int:
        """Tokens per forward pass in validation; fewer if memory is too small for a whole training batch."""
        batch_size = min(self.params.batch_size, len(self.train))
        if self.step.micro_batch * self.step.group.replicas >= batch_size:
            return EVALUATION_TOKENS
        # A forward pass keeps no activations for gradients: four micro-batches fit.
        tokens: int = 4 * self.step.micro_batch * self.train.texts.ids.shape[1]
        return min(EVALUATION_TOKENS, tokens)

    def _resume(self) -> None:
        found = self.policy.resume(self.step)
        if found is not None:
            self.state, self.best_weights = found
            self.state.resumes += 1
        (chief_steps,) = self.step.group.agree(self._steps_done)
        if chief_steps != self._steps_done:
            raise TryAgainError(
                f"this worker found a checkpoint after {self._steps_done:,} steps, but the chief after"
                f" {chief_steps:,.0f}",
                "all workers need the same store: start them again with one store",
            )
        self.scalars.resume(self._steps_done, len(self.state.epochs))
        self.started = time.monotonic() - self.state.elapsed
        self.policy.restart_interval(self._steps_done)
        self.listener.on_start(self._progress(), len(self.train), self.state.epochs)

    def _train_epoch(self, stop: DeferredSignals, multiple: int) -> None:
        """Train the remaining batches of the epoch, then validate."""
        epoch_batches = batches(self.train, self.params, self.state.epoch, multiple)
        for batch in islice(epoch_batches, self.state.batches, None):
            self._train_batch(batch, stop)
            if self._stopping(stop):
                return
            self._save_if_due()
        self._validate(stop)

    def _train_batch(self, batch: Examples, stop: DeferredSignals) -> None:
        started, micro_batch = time.monotonic(), self.step.micro_batch
        try:
            measure = self.scalars.measures_norm(self._steps_done + 1)
            result = self.step(batch, self._steps_done, stop, measure=measure)
        except TryAgainError:
            if self.policy.due_after_failure(self.step):
                self._save()
            raise
        if result is None:
            return
        self.divergence.check_loss(result.loss, self._steps_done + 1)
        if self.step.micro_batch != micro_batch:
            self.listener.note("memory", f"out of memory: batches are split into {self.step.micro_batch} rows at once")
        seconds = time.monotonic() - started
        self.state.add_batch(len(batch), result.loss, result.right, seconds)
        self.listener.on_step(self._progress(), len(batch))
        self.scalars.add_step(self._steps_done, result, len(batch), seconds)
        self.workers_stopping = result.stopping

    def _validate(self, stop: DeferredSignals) -> None:
        """Score validation with the running average, or with the weights if there is no average, and end the epoch."""
        started = time.monotonic()
        self.step.optimizer.swap_average()
        logits = self.forward.predict(self.validation.texts, lambda: self._stopping(stop))
        if not self._stopping(stop):
            self.divergence.check_logits(logits, self._steps_done)
            loss, accuracy = self.step.group.agree(*scores(logits, self.validation.labels))
            self._end_epoch(loss, accuracy, time.monotonic() - started)
        self.step.optimizer.swap_average()

    def _end_epoch(self, loss: float, accuracy: float, seconds: float) -> None:
        """Note validation's `loss` and `accuracy`, and keep the weights if the epoch is the best so far."""
        state = self.state
        epoch = Epoch(
            epoch=state.epoch,
            loss=state.mean_loss,
            accuracy=state.accuracy,
            validation_loss=loss,
            validation_accuracy=accuracy,
            samples_per_second=state.rows / state.seconds,
            seconds=time.monotonic() - self.started,
            # At the pace of this epoch; the first epoch includes compilation.
            seconds_left=(state.seconds + seconds) * (self.params.epochs - state.epoch),
            best=is_better(accuracy, loss, best_epoch(state.epochs)),
        )
        if epoch.best:
            weights = self.step.model.get_weights()
            self.divergence.check_weights(weights, self._steps_done)
            self.best_weights = weights
        state.next_epoch(epoch)
        self.listener.on_epoch(self._progress(), epoch)
        self.scalars.add_epoch(epoch)

    def _finish(self) -> None:
        self.step.model.set_weights(self.best_weights)
        self.state.finished = True
        self._save_if_due()

    def _save_if_due(self, *, stopping: bool = False) -> None:
        if self.policy.due(self._steps_done, stopping=stopping, finished=self.state.finished):
            self._save()

    def _save(self) -> None:
        self.state.elapsed = time.monotonic() - self.started
        self.state.micro_batch = self.step.micro_batch
        # Before the checkpoint, which covers only scalars that no crash can lose.
        self.scalars.files.sync()
        seconds = self.policy.save(self.step, self.state, self.best_weights, self._steps_done)
        self.listener.on_checkpoint(self._progress(), seconds)

    def _progress(self) -> TrainingProgress:
        state = self.state
        steps = self.steps_per_epoch * self.params.epochs
        seconds_per_step = state.seconds / max(state.batches, 1)
        return TrainingProgress(
            # The state counts on after the last epoch.
            epoch=min(state.epoch, self.params.epochs),
            epochs=self.params.epochs,
            step=self._steps_done,
            steps=steps,
            loss=state.mean_loss,
            samples_per_second=state.rows / state.seconds if state.seconds else None,
            seconds=time.monotonic() - self.started,
            seconds_left=seconds_per_step * (steps - self._steps_done),
            resumes=state.resumes,
        )
