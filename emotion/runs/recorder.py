"""What a training tells, written into its run's folder."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from emotion.errors import EmotionError
from emotion.store.atomic import write_json, write_text
from emotion.store.layout import Run, read_json
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress, history_csv

# Between two writings of progress.json within an epoch.
PAUSE_SECONDS = 1.0


class Recorder:
    """Writes what a listener is told into the run's folder, and passes it on.

    `check` raises an error where the folder is no longer this process' to write.
    """

    def __init__(self, run: Run, listener: TrainingListener, check: Callable[[], None]) -> None:
        self.check = check
        self.run, self.listener, self.note = run, listener, listener.note
        self.epochs: list[Epoch] = []
        self.facts: dict[str, Any] = {"checkpoints": 0, "checkpoint_step": None, "lost_steps": 0}
        self.written = 0.0

    def on_start(self, standing: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        """Say what is gone on from, and write history.csv as far as that goes."""
        self.epochs = list(epochs)
        if standing.resumes:
            self._tell_resumed(standing)
        if epochs or standing.resumes:
            write_text(self.run.history, history_csv(self.epochs))
        self._write("training", standing)
        self.listener.on_start(standing, rows, epochs)

    def _tell_resumed(self, standing: TrainingProgress) -> None:
        try:
            before = read_json(self.run.progress)
        except EmotionError:
            before = {}
        known = {key: value for key in self.facts if isinstance(value := before.get(key), int)}
        reached = before.get("step")
        lost = max(0, reached - standing.step) if isinstance(reached, int) else 0
        self.facts |= known | {"checkpoint_step": standing.step, "lost_steps": known.get("lost_steps", 0) + lost}
        what = f"{lost:,} steps after it were lost" if lost else "nothing known of was lost"
        self.note(
            "resume",
            f"going on from the checkpoint after step {standing.step:,} of {standing.steps:,} (epoch"
            f" {min(standing.epoch, standing.epochs)} of {standing.epochs}); {what}",
        )

    def on_step(self, standing: TrainingProgress, rows: int) -> None:
        """Write progress.json every few seconds."""
        self.check()
        if time.monotonic() - self.written >= PAUSE_SECONDS:
            self._write("training", standing)
        self.listener.on_step(standing, rows)

    def on_epoch(self, standing: TrainingProgress, epoch: Epoch) -> None:
        """Write history.csv and progress.json."""
        self.check()
        self.epochs.append(epoch)
        write_text(self.run.history, history_csv(self.epochs))
        self._write("training", standing)
        self.listener.on_epoch(standing, epoch)

    def on_checkpoint(self, standing: TrainingProgress, seconds: float) -> None:
        """Count it."""
        self.facts |= {"checkpoints": self.facts["checkpoints"] + 1, "checkpoint_step": standing.step}
        self._write("training", standing)
        self.listener.on_checkpoint(standing, seconds)

    def state(self, state: str) -> None:
        """Write another state than training: the figures stay."""
        self.check()
        self._write(state, self.standing)

    def _write(self, state: str, standing: TrainingProgress) -> None:
        self.standing, self.written = standing, time.monotonic()
        last = _finite(asdict(self.epochs[-1])) if self.epochs else None
        write_json(self.run.progress, {"state": state, **_finite(asdict(standing)), **self.facts, "last_epoch": last})


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in figures.items()
    }
