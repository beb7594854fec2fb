"""Chooses the scalars for TensorBoard, and the steps that write them.

The events depend only on steps and epochs. Every event is on the disk before a checkpoint covers it. A resumed training
removes events that its checkpoint does not cover. So every event exists exactly once, even if a process was killed and
training resumed from an older checkpoint.
"""

import math
from collections.abc import Callable
from pathlib import Path

from emotion.training.event_files import EventFiles
from emotion.training.progress import Epoch
from emotion.training.step import StepResult

# Step events in a training. TensorBoard shows at most 1,000 points of a curve.
MOST_STEPS = 1000
# Without clipping, the gradient norm takes 4 to 10 % of a step of the ANN. So only one in this many events has it.
EVENTS_PER_NORM = 25
EPOCH, STEP = "epoch/", "step/"


class Scalars:
    """Writes the scalars of a training of `steps` steps into event files in `folder`.

    Only the `chief` writes. If not `on`, the chief only removes events that a resumed training repeats. `warn` receives
    a message about every damaged file. The caller syncs and closes the `files`.
    """

    def __init__(
        self,
        folder: Path,
        steps_per_epoch: int,
        steps: int,
        warn: Callable[[str], object],
        *,
        on: bool = True,
        chief: bool = True,
    ) -> None:
        self.files = EventFiles(folder, warn)
        self.steps_per_epoch, self.every = steps_per_epoch, math.ceil(steps / MOST_STEPS)
        self.chief, self.writes = chief, on and chief

    def resume(self, steps: int, epochs: int) -> None:
        """Remove the events after `steps` steps and `epochs` complete epochs: training repeats them.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        if self.chief:
            self.files.cut(lambda tag, number: number <= (epochs if tag.startswith(EPOCH) else steps))

    def measures_norm(self, step: int) -> bool:
        """Whether the event of `step`, from 1, needs an extra pass for the gradient norm."""
        return self.writes and step % (self.every * EVENTS_PER_NORM) == 0

    def add_step(self, step: int, result: StepResult, rows: int, seconds: float) -> None:
        """Add the figures of `step`, from 1, if the interval ends there, or the epoch.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        if self.writes and (step % self.every == 0 or step % self.steps_per_epoch == 0):
            # NaN means that a step has no such figure: an unmeasured norm, or the rate of a skipped step.
            optional = {"learning_rate": result.learning_rate, "gradient_norm": result.gradient_norm}
            values = {
                "loss": result.loss,
                "accuracy": result.right / rows,
                "rows_per_second": rows / seconds,
                **{name: value for name, value in optional.items() if not math.isnan(value)},
            }
            self.files.add(step, {STEP + name: value for name, value in values.items()})

    def add_epoch(self, epoch: Epoch) -> None:
        """Add the figures of an epoch, by its number.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        if self.writes:
            values = {
                "loss": epoch.loss,
                "accuracy": epoch.accuracy,
                "validation_loss": epoch.validation_loss,
                "validation_accuracy": epoch.validation_accuracy,
                "rows_per_second": epoch.samples_per_second,
            }
            self.files.add(epoch.epoch, {EPOCH + name: value for name, value in values.items()})
