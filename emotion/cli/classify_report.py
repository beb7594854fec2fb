"""Reports a classification: how files are read, unusual findings, bad files, and a summary."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.classify.shard import Share
from emotion.classify.statistics import Statistics
from emotion.classify.tasks import RowListener, Task, TaskList
from emotion.cli import console
from emotion.cli.console import LogFormat
from emotion.cli.model_report import model_json, model_name, model_sentences
from emotion.errors import BadDataError, EmotionError, InputMissingError
from emotion.formatting import count, escape_invisible, first_items
from emotion.records.reading import doubt, sentence

if TYPE_CHECKING:
    # Imported late: usage errors must not wait for onnxruntime.
    from emotion.classify.part_files import PartResult
    from emotion.composites.predictor import Predictor

# Most files, labels and reasons to name; others are counted.
MAX_NAMED = 10
# Most characters of a record on the terminal.
LONGEST_RECORD = 500


class ClassifyReport:
    """Collects the outputs and the bad files of one command; `listener` serves the classification."""

    def __init__(self, advance: Callable[[int], None], found: TaskList, log: LogFormat) -> None:
        self.listener = RowListener(self._report_dialect, advance, self._report_error)
        self._started = time.monotonic()
        self._found = found
        self._log = log
        self._several = len(found.tasks) + len(found.unreadable) > 1
        self._source: Path | None = None
        self._dialect: dict[str, Any] = {}
        self._counts = Statistics()
        self._outputs: list[dict[str, Any]] = []
        self._failures: list[tuple[Path, EmotionError]] = []
        if found.passed_over:
            files = [f"{path} ({reason})" for path, reason in found.passed_over]
            console.warn(f"skipping {count(len(files), 'file')}: {_named(files)}")
        for path in found.unreadable:
            self.add_failure(path, InputMissingError(f"cannot read {path}"))

    def add(self, task: Task, counts: Statistics, *, prefixed: bool) -> None:
        """Report what is unusual about an output."""
        if not counts.rows:
            console.say(f"no rows in {task.source}")
        self._add(task, counts, prefixed=prefixed)

    def add_part(self, share: Share, result: "PartResult", *, joined: bool) -> None:
        """Report whether a part is new, and whether the whole output is complete."""
        part, shard = share.part_task, share.part
        if not result.counts.rows:
            console.say(f"no rows for {part.output}")
        more = {
            "skipped": result.skipped,
            "missing": result.missing,
            "whole": result.whole.as_json() if result.whole is not None else None,
        }
        self._add(part, result.counts, prefixed=result.prefixed, **more)
        if shard.count == 1:
            if result.skipped:
                console.say(f"{part.output} exists already")
            return
        if result.skipped:
            console.say(f"part {shard.index} of {shard.count} exists already: {result.part}")
        output = share.task.output
        if result.whole is None:
            console.say(
                f"missing: {len(result.missing)} of {count(shard.count, 'part')} of {output} from this model, precision"
                " and options"
            )
            return
        if joined:
            console.say(f"joined {count(shard.count, 'part')} in {output}; {result.part.parent} may be deleted")
        else:
            console.say(f"all {count(shard.count, 'part')} of {output} are in {result.part.parent}")
        console.say(f"all parts: {count(result.whole.rows, 'row')}, {result.whole.errors:,} without a label")

    def add_failure(self, source: Path, error: EmotionError) -> None:
        """Keep a file's error; raise it at once if there is nothing else to report.

        Raises:
            EmotionError: the only file has no output.
        """
        self._failures.append((source, error))
        if self._several:
            console.warn(f"{error.message} ({error.hint})" if error.hint else error.message)
        elif not self._outputs:
            raise error

    def raise_failure(self) -> None:
        """Raise the error of the only file, or one error that names all bad files.

        Raises:
            EmotionError: at least one file is bad.
        """
        if not self._failures:
            return
        if not self._several:
            raise self._failures[0][1]
        messages = [error.message for _, error in self._failures]
        raise BadDataError(
            f"bad files, {len(messages):,} of {len(self._found.tasks) + len(self._found.unreadable):,}:"
            f" {_named(messages, '; ')}",
            "fix these files, and start again",
        )

    def summarize(self, predictor: "Predictor", *, as_json: bool) -> None:
        """Print the counts of all outputs together; JSON also has the counts per file."""
        seconds = time.monotonic() - self._started
        if as_json:
            console.data_json(self._summary(predictor, seconds))
            return
        rows = self._counts.rows
        made = f"with {model_name(predictor)}"
        if self._outputs and all(output.get("skipped") for output in self._outputs):
            console.say(f"nothing to do: all parts exist, {count(rows, 'row')} {made}")
        else:
            console.say(f"{count(rows, 'row')} in {seconds:.1f} s ({rows / seconds:,.0f} rows/s) {made}")
        for line in [*model_sentences(predictor, self._counts), *_sentences(self._counts)]:
            console.say(line)

    def _summary(self, predictor: "Predictor", seconds: float) -> dict[str, Any]:
        passed_over = [{"file": str(path), "reason": reason} for path, reason in self._found.passed_over[:MAX_NAMED]]
        return {
            **self._counts.as_json(),
            "seconds": round(seconds, 3),
            "rows_per_second": round(self._counts.rows / seconds, 1),
            "device": predictor.device,
            "model": model_json(predictor, self._counts),
            "outputs": self._outputs,
            "failed": [{"input": str(path), "error": error.message} for path, error in self._failures],
            "passed_over": {"count": len(self._found.passed_over), "files": passed_over},
        }

    def _add(self, task: Task, counts: Statistics, *, prefixed: bool, **more: Any) -> None:
        self._counts.merge(counts)
        if prefixed:
            console.say(f"{task.source} has columns with these names: the new columns are called predicted_...")
        if counts.errors:
            where = f"see {task.errors}" if task.errors else "see the lines above"
            reasons = _named([f"{reason} ({frequency:,})" for reason, frequency in counts.reasons.most_common()])
            console.warn(
                f"{counts.errors:,} of {count(counts.rows, 'row')} of {task.source} could not be classified: {reasons};"
                f" {where}"
            )
        files = {"input": str(task.source), "output": str(task.output)}
        errors_file = str(task.errors) if counts.errors and task.errors else None
        self._outputs.append(
            {**files, **counts.as_json(), "errors_file": errors_file, "dialect": self._dialect, **more}
        )

    def _report_dialect(self, source: Path, dialect: dict[str, Any]) -> None:
        """Report once how a file is read; people see no sentence if the previous file was read the same way."""
        again, alike = source == self._source, dialect == self._dialect
        self._source, self._dialect = source, dialect
        if (again and alike) or not dialect.get("columns", 1):
            return
        if self._log is LogFormat.JSON:
            console.log_json({"event": "open", "input": str(source), **dialect})
        elif not alike:
            console.say(f"{source}: {sentence(dialect)}")
        if warning := doubt(dialect):
            console.warn(f"{source}: {warning}")

    def _report_error(self, line: int, reason: str, record: str) -> None:
        if self._log is LogFormat.JSON:
            console.log_json({"event": "error", "line": line, "reason": reason, "record": record})
        else:
            shown = escape_invisible(record[:LONGEST_RECORD]) + ("..." if len(record) > LONGEST_RECORD else "")
            console.say(f"line {line}: {reason}: {shown}")


def _sentences(counts: Statistics) -> list[str]:
    """Labels, scores and cut texts as lines for people."""
    if not counts.labels:
        return []
    total = counts.labels.total()
    labels = _named([f"{label} {rows / total:.1%}" for label, rows in counts.labels.most_common()])
    quantiles = counts.quantiles()
    low, median, high = (f"{quantiles[name]:.3f}" for name in ("p5", "p50", "p95"))
    scores = f"scores: median {median}, 5 % are at most {low}, 95 % are at most {high}"
    cut = [f"cut to the model's longest input: {count(counts.cut, 'text')}"] if counts.cut else []
    return [f"labels: {labels}", scores, *cut]


def _named(items: list[str], separator: str = ", ") -> str:
    """List the first items, and count the others."""
    return separator.join(first_items(items, MAX_NAMED))
