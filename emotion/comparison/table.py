"""The comparison table as text, CSV and Markdown: the study's columns, then ours."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import duration, escape_markdown

SAMPLE_NOTE = "Figures on the built-in sample corpus, not on real data."


@dataclass(frozen=True)
class Column:
    """A column: title for people, key for programs, value, and the value's text for people."""

    title: str
    key: str
    value: Callable[[Metrics], str | float | int]
    show: Callable[[Metrics], str]


def _share(title: str, key: str, value: Callable[[Metrics], float]) -> Column:
    return Column(title, key, value, lambda run: f"{value(run):.4f}")


def _count(title: str, key: str, value: Callable[[Metrics], float]) -> Column:
    return Column(title, key, value, lambda run: f"{value(run):,.0f}")


def _interval(run: Metrics) -> str:
    low, high = run.test.accuracy_ci95
    return f"{low:.3f}-{high:.3f}"


COLUMNS: tuple[Column, ...] = (
    Column("model", "model", lambda run: run.model, lambda run: run.title),
    Column(
        "training time",
        "training_seconds",
        lambda run: run.training_seconds,
        lambda run: duration(run.training_seconds),
    ),
    _share("accuracy", "train_accuracy", lambda run: run.train.accuracy),
    _share("loss", "train_loss", lambda run: run.train.loss),
    _share("val. accuracy", "validation_accuracy", lambda run: run.validation.accuracy),
    _share("val. loss", "validation_loss", lambda run: run.validation.loss),
    _count("parameters (trainable)", "parameters_trainable", lambda run: run.parameters.trainable),
    _share("test accuracy", "test_accuracy", lambda run: run.test.accuracy),
    Column("95 % interval", "test_accuracy_low", lambda run: run.test.accuracy_ci95[0], _interval),
    _share("macro-F1", "test_macro_f1", lambda run: run.test.macro_f1),
    _count("parameters (all)", "parameters_total", lambda run: run.parameters.total),
    Column("ONNX", "onnx_bytes", lambda run: run.onnx.bytes, lambda run: f"{run.onnx.bytes / 1e6:.1f} MB"),
    _count("rows/s", "rows_per_second", lambda run: run.onnx.rows_per_second),
    Column("run", "run", lambda run: run.run, lambda run: run.run),
)
# Columns only for programs, by key.
PROGRAM_COLUMNS: tuple[tuple[str, Callable[[Metrics], str | float | int]], ...] = (
    ("test_accuracy_high", lambda run: run.test.accuracy_ci95[1]),
    ("test_loss", lambda run: run.test.loss),
    ("test_ece", lambda run: run.test.ece),
    ("epochs", lambda run: run.epochs),
    ("seed", lambda run: run.seed),
    ("teacher", lambda run: run.teacher.run if run.teacher else ""),
    ("data", lambda run: run.data.name),
    ("sample", lambda run: run.data.sample),
    ("finished_at", lambda run: run.finished_at),
)


def records(runs: Sequence[Metrics]) -> list[dict[str, str | float | int]]:
    """Return a flat record per run, in the order of the columns."""
    values = [(column.key, column.value) for column in COLUMNS] + list(PROGRAM_COLUMNS)
    return [{key: value(run) for key, value in values} for run in runs]


def shown(runs: Sequence[Metrics]) -> list[list[str]]:
    """Return the cells of the table for people."""
    return [[column.show(run) for column in COLUMNS] for run in runs]


def as_csv(runs: Sequence[Metrics]) -> str:
    """Format the records as CSV."""
    rows = records(runs)
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def as_markdown(runs: Sequence[Metrics], name: str, observations: Sequence[str]) -> str:
    """Format the table as Markdown, with the observations below it."""
    heading = f"# Comparison on {escape_markdown(name)}\n"
    note = f"\n**{SAMPLE_NOTE}**\n" if any(run.data.sample for run in runs) else ""
    lines = [
        _row([column.title for column in COLUMNS]),
        _row(["---"] + ["---:"] * (len(COLUMNS) - 1)),
        *(_row(cells) for cells in shown(runs)),
    ]
    points = "".join(f"* {sentence}\n" for sentence in observations)
    return f"{heading}{note}\n" + "\n".join(lines) + f"\n\n{points}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"
