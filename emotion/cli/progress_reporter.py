"""Reports the progress of a training: log lines, and on a terminal also a bar within the epoch."""

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emotion.training.progress import Epoch, TrainingProgress


class ProgressReporter:
    """Reports training progress to a person or a log: one line per epoch, and on a terminal also a bar."""

    def __init__(self, log: LogFormat) -> None:
        self.log = log
        self.rows = 0
        self.done = 0
        self.open = ExitStack()
        self.meter: console.Meter | None = None

    def note(self, event: str, message: str) -> None:
        """Report something other than an epoch: the start, or a warning."""
        if self.log is LogFormat.JSON:
            console.log_json({"event": event, "message": message})
        elif event == "warning":
            console.warn(message)
        else:
            console.say(message)

    def on_start(self, progress: "TrainingProgress", rows: int, _: "Sequence[Epoch]") -> None:
        """Keep the rows of an epoch, and how many rows an earlier attempt trained on."""
        self.rows = rows
        self.done = round(progress.step * progress.epochs / progress.steps % 1 * rows)

    def on_step(self, progress: "TrainingProgress", rows: int) -> None:
        """Move the bar of this epoch."""
        if self.meter is None:
            title = f"epoch {progress.epoch}/{progress.epochs}"
            self.meter = self.open.enter_context(
                console.meter(title, "rows", total=self.rows, done=self.done, log=self.log)
            )
        # The last batch is filled up with rows that the epoch already had.
        rows = min(rows, self.rows - self.done)
        self.done += rows
        counts = {
            "epoch": progress.epoch,
            "epochs": progress.epochs,
            "step": progress.step,
            "steps": progress.steps,
        }
        self.meter.advance(rows, f"loss {progress.loss:.4f}, {duration(progress.seconds_left)} left", **counts)

    def on_epoch(self, progress: "TrainingProgress", epoch: "Epoch") -> None:
        """Close the bar and print the epoch's line."""
        self._close()
        self.done = 0
        if self.log is LogFormat.JSON:
            console.log_json({"event": "epoch", "epochs": progress.epochs, **asdict(epoch)})
        else:
            console.say(self._line(progress.epochs, epoch))

    def on_checkpoint(self, progress: "TrainingProgress", seconds: float) -> None:
        """Report a checkpoint to programs only: a person reads `emotion runs show`."""
        if self.log is LogFormat.JSON:
            console.log_json({"event": "checkpoint", "step": progress.step, "seconds": round(seconds, 3)})

    def _close(self) -> None:
        self.open.close()
        self.meter = None

    @staticmethod
    def _line(epochs: int, epoch: "Epoch") -> str:
        mark = " *" if epoch.best else "  "
        return (
            f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}{mark}"
            f" loss {epoch.loss:.4f}  accuracy {epoch.accuracy:.4f}"
            f"  val. loss {epoch.validation_loss:.4f}  val. accuracy {epoch.validation_accuracy:.4f}"
            f"  {epoch.samples_per_second:,.0f} samples/s  {duration(epoch.seconds_left)} left"
        )
