"""Progress of a training: the part of a checkpoint without tensors."""

import math

from pydantic import BaseModel, ConfigDict, Field

from emotion.training.progress import Epoch


class ProgressState(BaseModel):
    """The current epoch (from 1), sums over its finished batches, and all finished epochs.

    `loss` is the sum of the rows' losses in nats, and `right` the number of correct predictions, both without the
    `skipped` rows. `elapsed` counts the seconds of fitting in all attempts. The checkpoint of a `finished` training
    holds only the best epoch's weights.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    epoch: int = 1
    batches: int = 0
    rows: int = 0
    # Rows of batches without a finite loss. Checkpoints of earlier versions do not have the key.
    skipped: int = 0
    right: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    epochs: list[Epoch] = []
    elapsed: float = 0.0
    # Rows that a device takes at once. The alias is the key in the JSON of checkpoints.
    micro_batch: int = Field(default=0, alias="micro")
    resumes: int = 0
    finished: bool = False

    def steps(self, steps_per_epoch: int) -> int:
        """Steps since the start of training."""
        return (self.epoch - 1) * steps_per_epoch + self.batches

    @property
    def mean_loss(self) -> float:
        """Mean loss of the epoch's rows so far, in nats; NaN without a finite loss."""
        return self._mean(self.loss)

    @property
    def accuracy(self) -> float:
        """Share of correct predictions in the epoch's rows so far; NaN without a finite loss."""
        return self._mean(self.right)

    def _mean(self, total: float) -> float:
        counted = self.rows - self.skipped
        return total / counted if counted else math.nan

    def add_batch(self, rows: int, loss: float, right: int, seconds: float) -> None:
        """Count a batch. The means leave out a `loss` that is not finite: float16 skipped the step."""
        self.batches += 1
        self.rows += rows
        self.seconds += seconds
        if math.isfinite(loss):
            self.right += right
            self.loss += loss * rows
        else:
            self.skipped += rows

    def next_epoch(self, epoch: Epoch) -> None:
        """Add the figures of the finished epoch, and start the next epoch."""
        self.epochs.append(epoch)
        self.epoch += 1
        self.batches = self.rows = self.skipped = self.right = 0
        self.loss = self.seconds = 0.0
