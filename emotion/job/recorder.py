"""What a training tells, written into its run's folder."""

from emotion.files import write_json, write_text
from emotion.job.plan import Job
from emotion.training.progress import Epoch, Listener, history_csv, progress_json


class Recorder:
    """Writes what a listener is told into the run's folder, and passes it on."""

    def __init__(self, job: Job, listener: Listener) -> None:
        self.job, self.listener = job, listener
        self.epochs: list[Epoch] = []
        self.note, self.on_start, self.on_rows = listener.note, listener.on_start, listener.on_rows

    def on_epoch(self, epoch: Epoch) -> None:
        """Write history.csv and progress.json."""
        self.epochs.append(epoch)
        write_text(self.job.run.history, history_csv(self.epochs))
        total = self.job.params.training.epochs
        write_json(self.job.run.progress, progress_json("training", self.epochs, total))
        self.listener.on_epoch(epoch)
