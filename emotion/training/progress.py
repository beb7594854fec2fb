"""Reports of a running training: figures, the listener that receives them, and history.csv."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Protocol


@dataclass(frozen=True)
class Epoch:
    """One epoch's figures. `loss` (nats) and `accuracy` are running means over augmented training batches.

    Both means leave out batches without a finite loss, because float16 skips such steps. Without other batches, both
    are NaN. `seconds` counts from the start of fitting; `seconds_left` is an estimate without early stopping. `best` is
    True if no earlier epoch was better.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    samples_per_second: float
    seconds: float
    seconds_left: float
    best: bool


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a training: `step` of `steps` are done.

    `loss` is the epoch's running mean, in nats; it is NaN before the first finite loss. `seconds` counts fitting in all
    attempts; `seconds_left` is an estimate without validation.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    samples_per_second: float | None
    seconds: float
    seconds_left: float
    resumes: int


class TrainingListener(Protocol):
    """Receives the events of training."""

    def note(self, event: str, message: str) -> None:
        """Receive a message; `event` is a word for programs, such as `warning`."""

    def on_start(self, progress: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        """Fitting starts, or resumes after `epochs`; an epoch has `rows` rows."""

    def on_step(self, progress: TrainingProgress, rows: int) -> None:
        """A step of `rows` rows is done."""

    def on_epoch(self, progress: TrainingProgress, epoch: Epoch) -> None:
        """An epoch ended."""

    def on_checkpoint(self, progress: TrainingProgress, seconds: float) -> None:
        """A checkpoint is written; writing took `seconds`."""


def history_csv(epochs: Sequence[Epoch]) -> str:
    """Make history.csv: a header and one row per epoch."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return file.getvalue()
