"""How far a training has come: what a checkpoint tells beside its tensors."""

from pydantic import BaseModel, ConfigDict

from emotion.training.progress import Epoch


class ProgressState(BaseModel):
    """The epoch in progress, from 1, and sums over those of its batches that are done; the epochs before it.

    `loss` is the sum of the rows' losses in nats. `elapsed` are the seconds of fitting of all attempts. A
    `finished` training has nothing left but its best weights.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    epoch: int = 1
    batches: int = 0
    rows: int = 0
    right: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    epochs: list[Epoch] = []
    elapsed: float = 0.0
    micro: int = 0
    resumes: int = 0
    finished: bool = False

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are kept."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    def step(self, steps: int) -> int:
        """How many steps are done, of `steps` an epoch."""
        return (self.epoch - 1) * steps + self.batches

    def next_epoch(self, epoch: Epoch) -> None:
        """Note the figures of the epoch that has ended, and begin another."""
        self.epochs.append(epoch)
        self.epoch += 1
        self.batches = self.rows = self.right = 0
        self.loss = self.seconds = 0.0
