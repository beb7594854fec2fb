"""Writes progress.json and history.csv into the run's folder while training runs."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from emotion.errors import EmotionError
from emotion.formatting import finite
from emotion.store.atomic import write_json, write_text
from emotion.store.layout import Run, read_json
from emotion.training.progress import Epoch, TrainingListener, TrainingProgress, history_csv

# Seconds between two writes of progress.json within an epoch.
PAUSE_SECONDS = 1.0


class Recorder:
    """A listener that writes training's events into the run's folder, and passes them on to another listener.

    `check` raises an error if this process no longer holds the run.
    """

    def __init__(self, run: Run, listener: TrainingListener, check: Callable[[], None]) -> None:
        self.check = check
        self.run, self.listener, self.note = run, listener, listener.note
        self.epochs: list[Epoch] = []
        self.facts: dict[str, Any] = {"checkpoints": 0, "checkpoint_step": None, "lost_steps": 0}
        self.written = 0.0

    def on_start(self, progress: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        """Note the position where training resumes, and write history.csv up to it."""
        self.epochs = list(epochs)
        if progress.resumes:
            self._note_resume(progress)
        if epochs or progress.resumes:
            write_text(self.run.history, history_csv(self.epochs))
        self._write("training", progress)
        self.listener.on_start(progress, rows, epochs)

    def _note_resume(self, progress: TrainingProgress) -> None:
        try:
            previous = read_json(self.run.progress)
        except EmotionError:
            previous = {}
        known = {key: value for key in self.facts if isinstance(value := previous.get(key), int)}
        reached = previous.get("step")
        lost = max(0, reached - progress.step) if isinstance(reached, int) else 0
        self.facts |= known | {"checkpoint_step": progress.step, "lost_steps": known.get("lost_steps", 0) + lost}
        loss = f"{lost:,} later steps were lost" if lost else "no steps were lost"
        self.note(
            "resume",
            f"resuming from the checkpoint after step {progress.step:,} of {progress.steps:,} (epoch"
            f" {progress.epoch} of {progress.epochs}); {loss}",
        )

    def on_step(self, progress: TrainingProgress, rows: int) -> None:
        """Write progress.json, at most once per `PAUSE_SECONDS`."""
        self.check()
        if time.monotonic() - self.written >= PAUSE_SECONDS:
            self._write("training", progress)
        self.listener.on_step(progress, rows)

    def on_epoch(self, progress: TrainingProgress, epoch: Epoch) -> None:
        """Write history.csv and progress.json."""
        self.check()
        self.epochs.append(epoch)
        write_text(self.run.history, history_csv(self.epochs))
        self._write("training", progress)
        self.listener.on_epoch(progress, epoch)

    def on_checkpoint(self, progress: TrainingProgress, seconds: float) -> None:
        """Count the checkpoint in progress.json."""
        self.facts |= {"checkpoints": self.facts["checkpoints"] + 1, "checkpoint_step": progress.step}
        self._write("training", progress)
        self.listener.on_checkpoint(progress, seconds)

    def state(self, state: str) -> None:
        """Write progress.json with a new `state` and the same figures."""
        self.check()
        self._write(state, self.progress)

    def mark(self, state: str) -> None:
        """Change only the state in progress.json, if an attempt has written one and this process holds the run."""
        with suppress(EmotionError):
            self.check()
            write_json(self.run.progress, read_json(self.run.progress) | {"state": state})

    def _write(self, state: str, progress: TrainingProgress) -> None:
        self.progress, self.written = progress, time.monotonic()
        last = finite(asdict(self.epochs[-1])) if self.epochs else None
        write_json(self.run.progress, {"state": state, **finite(asdict(progress)), **self.facts, "last_epoch": last})
