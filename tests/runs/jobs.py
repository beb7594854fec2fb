"""What tests of training jobs share: a small data set, a small job, and a recording listener."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion.evaluation.metrics_file import Metrics
from emotion.models.registry import params_file
from emotion.params.toml import load_params
from emotion.runs.plan import TrainingJob, plan_job
from emotion.runs.train_job import train_job
from emotion.store.layout import Store
from emotion.training.progress import Epoch, TrainingProgress
from tests.builders import write_dataset

ROWS = [(f"i feel {word} again", label) for word, label in (("happy", "joy"), ("mad", "anger")) for _ in range(12)]


@dataclass
class RecordingListener:
    """A listener that records all events, and may send Ctrl-C's signal at the end of epoch `stop`."""

    stop: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    start: tuple[int, int] = (0, 0)
    rows: int = 0
    epochs: list[Epoch] = field(default_factory=list)

    def note(self, event: str, message: str) -> None:
        self.notes.append((event, message))

    def on_start(self, progress: TrainingProgress, rows: int, _: Sequence[Epoch]) -> None:
        self.start = progress.epochs, rows

    def on_step(self, _: TrainingProgress, rows: int) -> None:
        self.rows += rows

    def on_epoch(self, _: TrainingProgress, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        if epoch.epoch == self.stop:
            os.kill(os.getpid(), signal.SIGINT)

    def on_checkpoint(self, progress: TrainingProgress, seconds: float) -> None: ...

    def messages(self, event: str) -> str:
        return "\n".join(message for name, message in self.notes if name == event)


def wait_for(holds: Callable[[], Any], process: "subprocess.Popen[str]") -> None:
    """Wait until `holds` returns true, while the process runs."""
    end = time.monotonic() + 100
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


def write_data(folder: Path) -> Path:
    """Write `ROWS` as a data set; return its folder."""
    return write_dataset(folder, train=ROWS, validation=ROWS[::3], test=ROWS[::4])


def plan(store: Path, data: Path, *changes: str) -> TrainingJob:
    """Plan a small ANN."""
    small = ["training.epochs=2", "model.embedding_dim=4", "model.hidden=[4]"]
    return plan_job(load_params("ann", params_file("ann"), [*small, *changes]), data, Store(store), None)


def trained(job: TrainingJob, listener: RecordingListener) -> Metrics:
    """Run a job as the chief."""
    metrics = train_job(job, listener)
    assert metrics is not None
    return metrics


def left_behind(store: Path) -> list[Path]:
    """List temporary files."""
    return [path for path in store.rglob(".*") if path.is_file()]
