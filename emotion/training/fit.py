"""Fitting: epoch by epoch over arrays in memory, keeping the weights that are best on validation.

It may be stopped after any step and goes on from its last checkpoint to the very same result: batches and dropout
are functions of the seed and the step, and all else is in the checkpoint.
"""

import math
import time
from dataclasses import dataclass
from itertools import islice

from emotion.errors import TryAgainError
from emotion.params.schema import TrainingTable
from emotion.signals import DeferredSignals
from emotion.training.batches import Examples, batches
from emotion.training.checkpoint_policy import CheckpointPolicy, Weights
from emotion.training.forward import EVALUATION_TOKENS, Forward, scores
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress
from emotion.training.progress_state import ProgressState
from emotion.training.step import Step


@dataclass(frozen=True)
class Fitted:
    """What fitting took and gave; the model holds the weights of the best epoch."""

    position: ProgressState

    @property
    def epochs(self) -> list[Epoch]:
        """All of them, in order."""
        return self.position.epochs

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the model holds."""
        assert self.position.best is not None  # noqa: S101  there is at least one epoch
        return self.position.best

    @property
    def seconds(self) -> float:
        """Seconds of fitting, in all attempts, without what was lost between them."""
        return self.position.elapsed

    @property
    def samples_per_second(self) -> float:
        """Throughput of the last epoch's training steps, which no compilation slows down."""
        return self.epochs[-1].samples_per_second


def steps_an_epoch(rows: int, params: TrainingTable) -> int:
    """Batches that `rows` rows make."""
    return math.ceil(rows / min(params.batch_size, rows))


class Fitting:
    """Trains `step`'s model until it is finished, or this process is asked to stop."""

    def __init__(
        self,
        step: Step,
        train: Examples,
        validation: Examples,
        params: TrainingTable,
        keeper: CheckpointPolicy,
        listener: TrainingListener,
    ) -> None:
        self.step, self.params, self.keeper, self.listener = step, params, keeper, listener
        self.train, self.validation = train, validation
        self.steps = steps_an_epoch(len(train), params)
        self.forward = Forward(step.model, self._tokens())
        self.position, self.agreed = ProgressState(), False
        self.best: Weights | None = None

    def run(self, stop: DeferredSignals, multiple: int = 1) -> Fitted:
        """Train on, and leave the model with the weights of the epoch that was best on validation.

        Best is the highest validation accuracy; a tie goes to the lower validation loss. Lengths of batches are
        a `multiple` of some number.

        Raises:
            TryAgainError: a worker is lost, or another one is asked to stop.
            Terminated, KeyboardInterrupt: this process is asked to stop; a checkpoint is written.
            CannotWriteError: the store is full or read-only.
        """
        with stop:
            self._go_on()
            while not self._finished and not self._leaving(stop):
                self._epoch(stop, multiple)
            if self._leaving(stop):
                self._keep()
                if not stop():
                    raise TryAgainError("another worker is asked to stop", "start all workers again: training goes on")
            elif not self.position.finished:
                self._finish()
        return Fitted(self.position)

    @property
    def _done(self) -> int:
        return self.position.step(self.steps)

    @property
    def _finished(self) -> bool:
        best = self.position.best
        patience = best is not None and len(self.position.epochs) - best.epoch >= self.params.patience
        return self.position.finished or patience or self.position.epoch > self.params.epochs

    def _leaving(self, stop: DeferredSignals) -> bool:
        """Whether to stop: several workers do so after the same step, in which they told each other."""
        return stop() if self.step.team.workers == 1 else self.agreed

    def _tokens(self) -> int:
        """What validation takes at once: less where memory is too small for a batch, four times a part of one."""
        whole = self.step.micro * self.step.team.replicas >= min(self.params.batch_size, len(self.train))
        part = 4 * self.step.micro * self.train.texts.ids.shape[1]
        return EVALUATION_TOKENS if whole else min(EVALUATION_TOKENS, part)

    def _go_on(self) -> None:
        found = self.keeper.resume(self.step)
        if found is not None:
            self.position, self.best = found
            self.position.resumes += 1
        (chiefs,) = self.step.team.agree(self._done)
        if chiefs != self._done:
            raise TryAgainError(
                f"this worker found a checkpoint after {self._done:,} steps, the chief one after {chiefs:,.0f}",
                "all workers need the same store; start them again",
            )
        self.begun = time.monotonic() - self.position.elapsed
        self.keeper.began(self._done)
        rows = self.steps * min(self.params.batch_size, len(self.train))
        self.listener.on_start(self._standing(), rows, self.position.epochs)

    def _epoch(self, stop: DeferredSignals, multiple: int) -> None:
        """Train on the batches of an epoch that are not done yet, then judge it."""
        position = self.position
        all_batches = batches(self.train, self.params, position.epoch, multiple)
        for batch in islice(all_batches, position.batches, None):
            started = time.monotonic()
            micro = self.step.micro
            try:
                done = self.step(batch, self._done, stop)
            except TryAgainError:
                self._keep_what_is_whole()
                raise
            if done is None:
                return
            if self.step.micro != micro:
                self.listener.note("memory", f"out of memory: batches are split into {self.step.micro} rows at once")
            position.batches += 1
            position.rows += len(batch)
            position.right += done.right
            position.loss += done.loss * len(batch)
            position.seconds += time.monotonic() - started
            self.listener.on_step(self._standing(), len(batch))
            self.agreed = done.stopping
            if self._leaving(stop):
                return
            if self.keeper.due(self._done):
                self._keep()
        self._judge(stop)

    def _judge(self, stop: DeferredSignals) -> None:
        """Score the running average, or the weights, on validation, and keep the best."""
        started = time.monotonic()
        self.step.optimizer.swap_in_average()
        logits = self.forward.predict(self.validation.texts, lambda: self._leaving(stop))
        if not self._leaving(stop):
            loss, accuracy = self.step.team.agree(*scores(logits, self.validation.labels))
            self._note_epoch(loss, accuracy, time.monotonic() - started)
        self.step.optimizer.swap_in_average()

    def _note_epoch(self, loss: float, accuracy: float, seconds: float) -> None:
        position, best = self.position, self.position.best
        better = best is None or (accuracy, -loss) > (best.validation_accuracy, -best.validation_loss)
        epoch = Epoch(
            epoch=position.epoch,
            loss=position.loss / position.rows,
            accuracy=position.right / position.rows,
            validation_loss=loss,
            validation_accuracy=accuracy,
            samples_per_second=position.rows / position.seconds,
            seconds=time.monotonic() - self.begun,
            # At the pace of this epoch: the first one compiled.
            seconds_left=(position.seconds + seconds) * (self.params.epochs - position.epoch),
            best=better,
        )
        position.next_epoch(epoch)
        if better:
            self.best = self.step.model.get_weights()
        self.listener.on_epoch(self._standing(), epoch)

    def _keep(self) -> None:
        self.position.elapsed = time.monotonic() - self.begun
        self.position.micro = self.step.micro
        seconds = self.keeper.keep(self.step, self.position, self.best, self._done)
        self.listener.on_checkpoint(self._standing(), seconds)

    def _keep_what_is_whole(self) -> None:
        """Keep the steps before one that failed, unless it had begun to change the weights."""
        if self.step.whole:
            self._keep()

    def _finish(self) -> None:
        self.step.model.set_weights(self.best)
        self.position.finished = True
        self._keep()

    def _standing(self) -> TrainingProgress:
        position = self.position
        pace = position.seconds / max(position.batches, 1)
        return TrainingProgress(
            epoch=position.epoch,
            epochs=self.params.epochs,
            step=self._done,
            steps=self.steps * self.params.epochs,
            loss=position.loss / position.rows if position.rows else None,
            samples_per_second=position.rows / position.seconds if position.seconds else None,
            seconds=time.monotonic() - self.begun,
            seconds_left=pace * (self.steps * self.params.epochs - self._done),
            resumes=position.resumes,
        )
