"""Collects a store's runs, and groups complete runs into comparisons: runs evaluated on the same rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from emotion.comparison.winner import choose_winner
from emotion.errors import EmotionError
from emotion.evaluation.metrics_file import Metrics, read_metrics
from emotion.store.layout import Run, Store


@dataclass
class Collected:
    """The runs of a store: complete, incomplete and unreadable runs (with reasons by run)."""

    complete: list[Metrics] = field(default_factory=list)
    incomplete: list[Run] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs evaluated on the same validation and test rows; `key` identifies these rows."""

    key: str
    runs: list[Metrics]

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.runs[0].data.name

    @property
    def sample(self) -> bool:
        """Whether the data is the built-in sample."""
        return any(run.data.sample for run in self.runs)

    @property
    def winner(self) -> Metrics:
        """The winner among the runs."""
        return choose_winner(self.runs)


def collect(store: Store) -> Collected:
    """Read every run of `store`; bad runs stop nothing, and runs that disappear meanwhile are ignored."""
    collected = Collected()
    for run in store.runs():
        try:
            metrics = read_metrics(run.metrics) if run.complete else None
        except EmotionError as error:
            if run.folder.is_dir():
                collected.unreadable[str(run)] = error.message
            continue
        if metrics is None:
            if run.folder.is_dir():
                collected.incomplete.append(run)
            continue
        if (metrics.model, metrics.run) != (run.model, run.name):
            collected.unreadable[str(run)] = f"its metrics belong to {metrics.model}/{metrics.run}"
        else:
            collected.complete.append(metrics)
    return collected


def compare(runs: Iterable[Metrics], *, every: bool = False) -> list[Comparison]:
    """Group runs by their validation and test rows, the newest group first.

    A group keeps the newest run of every model, or `every` run.
    """
    groups: dict[str, list[Metrics]] = {}
    for run in sorted(runs, key=lambda run: run.finished_at, reverse=True):
        group = groups.setdefault(run.data.judged_on, [])
        if every or all(run.model != other.model for other in group):
            group.append(run)
    ordered = [Comparison(key, sorted(group, key=lambda run: (run.title, run.run))) for key, group in groups.items()]
    return sorted(ordered, key=lambda group: max(run.finished_at for run in group.runs), reverse=True)
