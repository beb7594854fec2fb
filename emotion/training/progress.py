"""What is told of a training while it runs, and the files that tell it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Protocol


@dataclass(frozen=True)
class Epoch:
    """One epoch's figures. `loss` and `accuracy` are running means over augmented training batches.

    `seconds` counts from the start of fitting; `seconds_left` is an estimate that ignores early stopping.
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
    """Where a training stands: `step` of `steps` are done. `loss` is the epoch's running mean, in nats.

    `seconds` are those of fitting in all attempts; `seconds_left` is an estimate without validation.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float | None
    samples_per_second: float | None
    seconds: float
    seconds_left: float
    resumes: int


class TrainingListener(Protocol):
    """Whoever is told how training goes."""

    def note(self, event: str, message: str) -> None:
        """Something beside the epochs: `event` is a word for programs, such as `warning`."""

    def on_start(self, standing: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        """Fitting starts, or goes on after `epochs`: each epoch has so many `rows`."""

    def on_step(self, standing: TrainingProgress, rows: int) -> None:
        """A step of so many `rows` is done."""

    def on_epoch(self, standing: TrainingProgress, epoch: Epoch) -> None:
        """An epoch has ended."""

    def on_checkpoint(self, standing: TrainingProgress, seconds: float) -> None:
        """A checkpoint was written, which took so many seconds."""


def history_csv(epochs: Sequence[Epoch]) -> str:
    """history.csv: one row an epoch."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return file.getvalue()
