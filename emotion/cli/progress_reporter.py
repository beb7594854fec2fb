"""Reports the progress of a training: log lines, and on a terminal also a bar within the epoch."""

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.formatting import duration
from emotion.reader import for_reader, same_command

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
        self.progress: TrainingProgress | None = None
        self.checkpoint_step = 0

    def note(self, event: str, message: str) -> None:
        """Report something other than an epoch: the start, or a warning."""
        if self.log is LogFormat.JSON:
            console.log_json({"event": event, "message": message})
        elif event == "warning":
            console.warn(message)
        else:
            console.say(message)

    def on_start(self, progress: "TrainingProgress", rows: int, _: "Sequence[Epoch]") -> None:
        """Keep the rows of an epoch, and how many of them an earlier attempt has trained on."""
        # Training resumes from a checkpoint: all steps that are done are in it.
        self.progress, self.checkpoint_step = progress, progress.step
        self.rows = rows
        self.done = round(progress.step * progress.epochs / progress.steps % 1 * rows)

    def on_step(self, progress: "TrainingProgress", rows: int) -> None:
        """Move the bar of this epoch."""
        self.progress = progress
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
        self.progress = progress
        self._close()
        self.done = 0
        if self.log is LogFormat.JSON:
            console.log_json({"event": "epoch", "epochs": progress.epochs, **asdict(epoch)})
        else:
            console.say(self._line(progress.epochs, epoch))

    def on_checkpoint(self, progress: "TrainingProgress", seconds: float) -> None:
        """Report a checkpoint to programs only: a person reads `emotion runs show`."""
        self.progress, self.checkpoint_step = progress, progress.step
        if self.log is LogFormat.JSON:
            console.log_json({"event": "checkpoint", "step": progress.step, "seconds": round(seconds, 3)})

    def stopped(self, signal: str, *, earlier_checkpoint: bool, hint: bool) -> None:
        """Report that `signal` stopped the training, what its checkpoint has, and with `hint` how to resume.

        `earlier_checkpoint` says whether an earlier attempt left a checkpoint, for a stop before training resumed.
        """
        self._close()
        resumes = bool(self.checkpoint_step) or (self.progress is None and earlier_checkpoint)
        lines = [f"stopped by {signal} {self._position(resumes=resumes)}"]
        if hint:
            again = f"{'resume' if resumes else 'start again'}: {same_command()}"
            pod = "the Job's next pod takes over; if the Job was deleted, submit it again with the same options"
            lines.append(for_reader(again, pod))
        self.note("stopped", ("; " if self.log is LogFormat.JSON else "\n  ").join(lines))

    def _position(self, *, resumes: bool) -> str:
        """Say where training was stopped, and what the checkpoint has."""
        if self.progress is None and resumes:
            return "before training resumed; the earlier checkpoint is kept"
        step, steps = (self.progress.step, self.progress.steps) if self.progress else (0, 0)
        position = f"at step {step:,} of {steps:,}" if step else "before the first step"
        if not resumes:
            return f"{position}; there is no checkpoint, so training starts again"
        kept = f"all {step:,} steps" if step == self.checkpoint_step else f"{self.checkpoint_step:,} steps"
        return f"{position}; the checkpoint has {kept}"

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
