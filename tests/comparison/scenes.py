"""Stores full of runs, with every part that a report reads, made from a seed instead of by training."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.comparison.analysis import Analysis
from emotion.evaluation.calibration import expected_calibration_error, reliability_bins
from emotion.evaluation.metrics import split_scores, test_scores
from emotion.evaluation.mistakes import most_confident
from emotion.evaluation.predictions import write_predictions
from emotion.onnx.temperature import fit_temperature
from emotion.store.atomic import write_json, write_text
from emotion.store.layout import Run, Store
from tests.builders import digest, make_metrics

SIX = ("anger", "fear", "joy", "love", "sadness", "surprise")
# Name, share of the test rows that it gets right, rows a second, bytes, seconds of training.
MODELS: dict[str, tuple[float, float, int, float]] = {
    "ann": (0.88, 30_000, 5_320_000, 10),
    "lstm": (0.915, 6_700, 5_290_000, 85),
    "bert": (0.93, 60, 438_000_000, 15_000),
    "distilbert": (0.929, 120, 268_000_000, 7_400),
    "albert": (0.915, 65, 47_000_000, 14_000),
    "mobilebert": (0.922, 180, 99_000_000, 9_000),
    "minilm": (0.93, 420, 91_000_000, 860),
}


def stand_in(analysis: Analysis) -> dict[str, bytes]:
    """List the runs instead of drawing their report, which takes seconds."""
    names = "".join(f"{run.name}\n" for run in analysis.runs)
    return {"comparison.html": names.encode(), "figures/accuracy.svg": names.encode()}


def texts_of(labels: Sequence[str], rows: int) -> tuple[list[str], NDArray[np.int32]]:
    """Make the same texts and labels for every run that is judged on them; some labels are rare."""
    random = np.random.default_rng(7)
    shares = 1 / np.arange(1, len(labels) + 1)
    drawn = random.choice(len(labels), rows, p=shares / shares.sum()).astype(np.int32)
    return [f"text {row} of the test split" for row in range(rows)], drawn


def write_full_run(
    store: Store,
    model: str,
    *,
    seed: int = 1,
    labels: Sequence[str] = SIX,
    rows: int = 2000,
    texts: Sequence[str] | None = None,
    variant: str = "",
    **changes: Any,
) -> Run:
    """Write a run as training does, as far as a report reads it. `variant` makes it one of another recipe."""
    accuracy, speed, size, seconds = MODELS.get(model, (0.9, 1000, 1_000_000, 60))
    random = np.random.default_rng([seed, *f"{model}{variant}".encode()])
    drawn, truth = texts_of(labels, rows)
    texts = texts or drawn
    logits = _logits(random, truth, len(labels), accuracy + random.normal(0, 0.003))
    validation = _logits(random, truth, len(labels), accuracy + random.normal(0, 0.003))
    temperature = fit_temperature(validation, truth)
    scores = test_scores(logits, truth, labels, temperature)
    name = f"s{seed}-{digest(f'{model}{seed}{variant}')[:8]}"
    metrics = make_metrics(
        model,
        name,
        seed=seed,
        data__labels=list(labels),
        test=scores.model_dump(),
        validation=split_scores(validation, truth, labels).model_dump(),
        temperature=temperature,
        onnx__rows_per_second=speed * random.uniform(0.9, 1.1),
        onnx__bytes=size,
        training_seconds=seconds * random.uniform(0.9, 1.1),
        **changes,
    )
    run = store.run(model, name)
    assert abs(expected_calibration_error(reliability_bins(logits, truth)) - scores.ece) < 1e-9
    write_predictions(run.predictions / "validation.npz", texts, truth, validation)
    write_predictions(run.predictions / "test.npz", texts, truth, logits)
    mistakes = most_confident(logits, truth, texts, labels, temperature)
    write_json(run.mistakes, {split: [asdict(mistake) for mistake in mistakes] for split in ("validation", "test")})
    write_text(run.history, _history(random, metrics.validation.accuracy))
    write_json(run.params, _params(model, seed, variant))
    write_json(run.metrics, metrics.model_dump(mode="json"))
    return run


def _logits(random: np.random.Generator, truth: NDArray[np.int32], classes: int, share: float) -> NDArray[np.float32]:
    """Make logits of which about `share` are right, a little surer than they should be."""
    logits = random.normal(0, 1, (len(truth), classes))
    chosen = np.where(random.random(len(truth)) < share, truth, random.integers(0, classes, len(truth)))
    logits[np.arange(len(truth)), chosen] += random.gamma(4, 2, len(truth))
    return logits.astype(np.float32)


def _history(random: np.random.Generator, last: float) -> str:
    lines = ["epoch,loss,accuracy,validation_loss,validation_accuracy,samples_per_second,seconds,seconds_left,best"]
    for epoch in range(1, 9):
        value = last - 0.3 * np.exp(-epoch / 1.5) + random.normal(0, 0.003)
        lines.append(f"{epoch},{1 / epoch},{value + 0.02},{0.9 / epoch},{value},1000,1,0,{epoch < 7}")
    return "\n".join(lines) + "\n"


def _params(model: str, seed: int, variant: str) -> dict[str, Any]:
    return {
        "digest": digest(f"{model}{seed}"),
        "params": {"model": {"name": model, "variant": variant}, "training": {"seed": seed, "epochs": 8}},
        "versions": {"emotion": "0.1.0", "tensorflow-cpu": "2.21.0"},
        "revision": "0123456789abcdef",
        "image": None,
        "hardware": {"machine": "x86_64", "processor": "a processor", "cores": 2},
    }
