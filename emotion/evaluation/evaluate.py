"""Evaluates a run's exported model on every split: scores, predictions, report, speed."""

import hashlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import Dataset
from emotion.evaluation.metrics import split_scores, test_scores, text_report
from emotion.evaluation.record import SplitScores, TestScores
from emotion.files import replacing, write_text
from emotion.onnx.session import Classifier
from emotion.store import Run

SPEED_ROWS = 2048
SPEED_PASSES = 5


@dataclass(frozen=True)
class RunScores:
    """Scores of the exported model on each split, and its speed from text to logits."""

    train: SplitScores
    validation: SplitScores
    test: TestScores
    rows_per_second: float


def evaluate_run(run: Run, data: Dataset, classifier: Classifier) -> RunScores:
    """Score `classifier` on every split; write predictions/ and report.txt into the run's folder."""
    names = data.labels
    logits = {name: classifier.logits(split.texts) for name, split in data.splits.items()}
    labels = {name: data.encoded(name) for name in data.splits}
    for name in ("validation", "test"):
        _write_predictions(run, name, data.splits[name].texts, labels[name], logits[name])
    reports = (f"{name}\n{text_report(logits[name], labels[name], names)}" for name in ("validation", "test"))
    write_text(run.report, "\n".join(reports))
    return RunScores(
        split_scores(logits["train"], labels["train"]),
        split_scores(logits["validation"], labels["validation"]),
        test_scores(logits["test"], labels["test"], names),
        rows_per_second(classifier, data.splits["validation"].texts),
    )


def _write_predictions(
    run: Run, split: str, texts: Sequence[str], labels: NDArray[np.int32], logits: NDArray[np.float32]
) -> None:
    """Row digests (first 16 hex digits of the text's SHA-256), labels and logits, without pickled objects."""
    digests = np.asarray([hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts], dtype="S16")
    with replacing(run.predictions / f"{split}.npz") as temporary:
        np.savez_compressed(temporary, row=digests, label=labels, logits=logits)


def rows_per_second(classifier: Classifier, texts: Sequence[str]) -> float:
    """Rows a second from text to logits on this machine: median of five passes over 2,048 rows."""
    sample = list(texts[:SPEED_ROWS]) or [""]
    rows = (sample * (SPEED_ROWS // len(sample) + 1))[:SPEED_ROWS]
    seconds = []
    for _ in range(SPEED_PASSES):
        started = time.perf_counter()
        classifier.logits(rows)
        seconds.append(time.perf_counter() - started)
    return SPEED_ROWS / statistics.median(seconds)
