"""The comparison of complete runs: which are read, which share a table, who wins."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from emotion.errors import EmotionError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.store.layout import Run, Store


@dataclass
class Collected:
    """The runs of a store: those that can be compared, and why the others cannot."""

    complete: list[Metrics] = field(default_factory=list)
    incomplete: list[Run] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs judged on the same validation and test rows, newest group first in a list of them."""

    key: str
    runs: list[Metrics]

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.runs[0].data.name

    @property
    def sample(self) -> bool:
        """Whether these are figures on the built-in sample."""
        return any(run.data.sample for run in self.runs)

    @property
    def best(self) -> Metrics:
        """The winner: highest validation accuracy; a tie goes to the one with more rows a second."""
        return max(self.runs, key=lambda run: (run.validation.accuracy, run.onnx.rows_per_second))


def collect(store: Store) -> Collected:
    """Read every run of `store`; a bad one is named and does not stop the others, one that is removed is none."""
    found = Collected()
    for run in store.runs():
        try:
            metrics = read_metrics(run.metrics) if run.complete else None
        except EmotionError as error:
            if run.folder.is_dir():
                found.unreadable[str(run)] = error.message
            continue
        if metrics is None:
            if run.folder.is_dir():
                found.incomplete.append(run)
            continue
        if (metrics.model, metrics.run) != (run.model, run.name):
            found.unreadable[str(run)] = f"its metrics are those of {metrics.model}/{metrics.run}"
        else:
            found.complete.append(metrics)
    return found


def compare(runs: Iterable[Metrics], *, every: bool = False) -> list[Comparison]:
    """Group runs by what they were judged on; within a group keep the newest of each model, or `every` run."""
    groups: dict[str, list[Metrics]] = {}
    for run in sorted(runs, key=lambda run: run.finished_at, reverse=True):
        group = groups.setdefault(run.data.judged_on, [])
        if every or all(run.model != other.model for other in group):
            group.append(run)
    ordered = [Comparison(key, sorted(group, key=lambda run: (run.model, run.run))) for key, group in groups.items()]
    return sorted(ordered, key=lambda group: max(run.finished_at for run in group.runs), reverse=True)
