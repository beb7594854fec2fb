"""Evaluates a run's exported model on every split: scores, predictions, report, speed."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import Dataset
from emotion.data.overlap import measure_overlap
from emotion.evaluation.metrics import split_scores, test_scores, text_report
from emotion.evaluation.metrics_file import SharedTexts, SplitScores, TestScores
from emotion.evaluation.mistakes import as_text, most_confident
from emotion.evaluation.predictions import write_predictions
from emotion.onnx.session import Classifier
from emotion.onnx.temperature import fit_temperature
from emotion.store.atomic import write_json, write_text
from emotion.store.layout import Run

SPEED_ROWS = 2048
SPEED_PASSES = 5
# A large model on a CPU takes half a minute per pass: fewer passes are enough to measure its speed.
SPEED_SECONDS = 10.0


@dataclass(frozen=True)
class RunScores:
    """Scores of the exported model by split, its temperature, and its speed from text to logits."""

    train: SplitScores
    validation: SplitScores
    test: TestScores
    temperature: float
    rows_per_second: float


def evaluate_run(run: Run, data: Dataset, classifier: Classifier) -> RunScores:
    """Score `classifier` on every split; write predictions/ and report.txt into the run's folder."""
    logits = {name: classifier.logits(split.texts) for name, split in data.splits.items()}
    labels = {name: data.encoded(name) for name in data.splits}
    temperature = fit_temperature(logits["validation"], labels["validation"])
    for name in ("validation", "test"):
        write_predictions(run.predictions / f"{name}.npz", data.splits[name].texts, labels[name], logits[name])
    _report(run, data, logits, labels, temperature)
    validation = split_scores(logits["validation"], labels["validation"], data.labels)
    test = test_scores(logits["test"], labels["test"], data.labels, temperature)
    return RunScores(
        split_scores(logits["train"], labels["train"], data.labels),
        validation.model_copy(update={"in_train": _shared_texts(data, "validation")}),
        test.model_copy(update={"in_train": _shared_texts(data, "test")}),
        temperature,
        rows_per_second(classifier, data.splits["validation"].texts),
    )


def _shared_texts(data: Dataset, split: str) -> SharedTexts:
    return SharedTexts(**asdict(measure_overlap(data.splits[split], data.splits["train"])))


def _report(
    run: Run,
    data: Dataset,
    logits: dict[str, NDArray[np.float32]],
    labels: dict[str, NDArray[np.int32]],
    temperature: float,
) -> None:
    """Write report.txt, and mistakes.json with the same mistakes for programs."""
    parts, mistakes = [], {}
    for name in ("validation", "test"):
        surest = most_confident(logits[name], labels[name], data.splits[name].texts, data.labels, temperature)
        parts.append(f"{name}\n{text_report(logits[name], labels[name], data.labels)}\n{as_text(surest)}")
        mistakes[name] = [asdict(mistake) for mistake in surest]
    write_text(run.report, "\n".join(parts))
    write_json(run.mistakes, mistakes)


def rows_per_second(classifier: Classifier, texts: Sequence[str]) -> float:
    """Measure rows per second from text to logits on this machine: the median over passes with 2,048 rows.

    There are five passes, or as many as start within ten seconds.
    """
    sample = list(texts[:SPEED_ROWS]) or [""]
    rows = (sample * (SPEED_ROWS // len(sample) + 1))[:SPEED_ROWS]
    seconds: list[float] = []
    while len(seconds) < SPEED_PASSES and sum(seconds) < SPEED_SECONDS:
        started = time.perf_counter()
        classifier.logits(rows)
        seconds.append(time.perf_counter() - started)
    return SPEED_ROWS / statistics.median(seconds)
