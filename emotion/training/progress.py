"""What is told of a training while it runs, and the files that tell it."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol


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


class Listener(Protocol):
    """Whoever is told how training goes."""

    def note(self, event: str, message: str) -> None:
        """Something beside the epochs: `event` is a word for programs, such as `warning`."""

    def on_start(self, epochs: int, rows: int) -> None:
        """Fitting starts: at most `epochs` epochs of `rows` rows."""

    def on_rows(self, rows: int) -> None:
        """`rows` more rows of this epoch are done."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch has ended."""


def history_csv(epochs: Sequence[Epoch]) -> str:
    """history.csv: one row an epoch."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return file.getvalue()


def progress_json(state: str, epochs: Sequence[Epoch], total: int) -> dict[str, Any]:
    """progress.json: the state (training, evaluating, complete) and the last epoch's figures."""
    last = asdict(epochs[-1]) if epochs else {}
    last = {key: value if math.isfinite(value) else None for key, value in last.items()}
    return {"state": state, "epochs": total, **last}
