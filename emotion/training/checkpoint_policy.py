"""Decides when training writes a checkpoint, and from which checkpoint it resumes.

A checkpoint is written
* at intervals: `[resources] checkpoint_every`, in steps or in time;
* on SIGTERM or Ctrl-C: after the current step, before the process ends;
* when training is finished: the checkpoint holds only the best epoch's weights;
* when a step fails: the checkpoint holds the state before the step.

A checkpoint never holds half a step. If a failed step has started to change weights, no checkpoint is written. An
interrupted batch is repeated. `training/fit.py` asks this policy; `training/checkpoints.py` writes the files.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from emotion.training.checkpoints import Checkpoint, Checkpoints, Damaged
from emotion.training.early_stopping import best_epoch
from emotion.training.progress_state import ProgressState
from emotion.training.step import Step

UNITS = {"s": 1, "m": 60, "h": 3600}
# An interval in time is at least this multiple of the last checkpoint's seconds: checkpoints take at most 2 %.
MIN_INTERVAL_IN_WRITES = 50

Weights = list[NDArray[Any]]


class CheckpointPolicy:
    """Decides when a checkpoint is written, writes it, and finds the checkpoint to resume from.

    `every` is an interval in steps or in time, such as "200 steps", "30s" or "5m". `warn` receives a message about
    every damaged checkpoint. Only the `chief` writes checkpoints.
    """

    def __init__(
        self, checkpoints: Checkpoints, every: str, warn: Callable[[str], None], *, chief: bool = True
    ) -> None:
        self.checkpoints, self.warn, self.chief = checkpoints, warn, chief
        number, unit = re.fullmatch(r"(\d+) *(\w+)", every).groups()  # type: ignore[union-attr]
        self.every_steps = int(number) if unit == "steps" else 0
        self.every_seconds = 0.0 if self.every_steps else float(number) * UNITS[unit]
        self.write_seconds = 0.0
        self.restart_interval(0)

    def due(self, steps: int, *, stopping: bool = False, finished: bool = False) -> bool:
        """Whether to write a checkpoint after `steps` steps.

        True if the process is `stopping`, training is `finished`, or the interval has passed.
        """
        if stopping or finished:
            return True
        if self.every_steps:
            return steps - self.last_step >= self.every_steps
        interval = max(self.every_seconds, MIN_INTERVAL_IN_WRITES * self.write_seconds)
        return time.monotonic() - self.last_time >= interval

    def due_after_failure(self, step: Step) -> bool:
        """Whether to write a checkpoint after `step` failed: only if the step has changed no weight."""
        return step.weights_unchanged

    def restart_interval(self, steps: int) -> None:
        """Restart the interval now, after `steps` steps."""
        self.last_time, self.last_step = time.monotonic(), steps

    def save(self, step: Step, state: ProgressState, best: Weights | None, steps: int) -> float:
        """Write a checkpoint after `steps` steps, with the `best` epoch's weights; return the seconds of writing.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        started = time.monotonic()
        if self.chief:
            self.checkpoints.save(state, _tensors(step, state, best))
        self.restart_interval(steps)
        self.write_seconds = self.last_time - started
        return self.write_seconds

    def resume(self, step: Step) -> tuple[ProgressState, Weights | None] | None:
        """Load the newest intact checkpoint into `step`; return its state and the best epoch's weights.

        Returns None if there is no intact checkpoint.

        Raises:
            BadParametersError: the checkpoint belongs to another training.
        """
        for checkpoint in self.checkpoints.newest(self.warn):
            try:
                best = _load(checkpoint, step)
            except Damaged as error:
                self.warn(f"checkpoint {checkpoint.file} is damaged and is skipped: {error}")
                continue
            return checkpoint.state, best
        return None


def _tensors(step: Step, state: ProgressState, best: Weights | None) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give the tensors of a checkpoint by name; for a finished training, only its weights."""
    for name, variable in step.state(weights_only=state.finished).items():
        yield name, step.group.value(variable).numpy()
    for index, array in enumerate(best or [] if not state.finished else []):
        yield f"best/{index}", array


def _load(checkpoint: Checkpoint, step: Step) -> Weights | None:
    finished, epochs = checkpoint.state.finished, checkpoint.state.epochs
    variables = step.state(weights_only=finished)
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    kept: Sequence[Any] = step.model.weights if best_epoch(epochs) and not finished else ()
    shapes |= {f"best/{index}": tuple(weight.shape) for index, weight in enumerate(kept)}
    best: Weights = []
    for name, array in checkpoint.tensors(shapes):
        if name in variables:
            variables[name].assign(array)
        else:
            best.append(array)
    return best or None
