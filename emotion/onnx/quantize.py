"""Quantizes an exported transformer to int8; rejects the result if it changes labels or gains no speed."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import set_model_props

from emotion.onnx.compare import Comparison, Verdict, compare, keep_if_good
from emotion.onnx.graphs import INT8, INT8_KIND
from emotion.onnx.int8_graph import to_int8
from emotion.onnx.session import Classifier

MIN_AGREEMENT = 0.995
# A file that is not faster is useless.
MIN_SPEEDUP = 1.0
SPEED_ROWS = 512
SPEED_PASSES = 3


@dataclass(frozen=True)
class QuantizationResult(Verdict):
    """The verdict on int8; `speedup` is its rows per second divided by float32's."""

    speedup: float


def quantize(
    folder: Path, float32: Classifier, texts: Sequence[str], labels: NDArray[np.int32], threads: int | None
) -> QuantizationResult:
    """Write model.int8.onnx next to model.onnx, and delete it if `reasons_to_reject` finds a reason.

    `texts` and `labels`, int32 (rows,), are the validation split. `float32` is the model before quantization.

    Raises:
        CheckFailedError: a weight is NaN or infinite.
    """

    def judge() -> QuantizationResult:
        int8 = Classifier.load(folder, threads, precision="int8")
        return _judge(int8, compare(float32, int8, texts, labels), _speedup(float32, int8, texts))

    return keep_if_good(folder / INT8, lambda: _quantized(folder / "model.onnx"), judge)


def _quantized(path: Path) -> bytes:
    """Rewrite a graph for int8.

    Raises:
        CheckFailedError: a weight is NaN or infinite.
    """
    model = onnx.load(str(path))
    to_int8(model)
    set_model_props(model, dict([INT8_KIND]))
    return bytes(model.SerializeToString())


def _judge(int8: Classifier, found: Comparison, speedup: float) -> QuantizationResult:
    reasons = reasons_to_reject(found, speedup)
    return QuantizationResult(
        kept=not reasons,
        reason="; ".join(reasons),
        bytes=int8.graph.stat().st_size,
        label_agreement=found.label_agreement,
        accuracy_change=found.accuracy_change,
        speedup=speedup,
    )


def reasons_to_reject(found: Comparison, speedup: float) -> list[str]:
    """List reasons to reject int8: too few labels agree, too much accuracy is lost, or no time is saved."""
    reasons = found.reasons_to_reject(MIN_AGREEMENT)
    if speedup <= MIN_SPEEDUP:
        reasons.append(f"it is not faster here: {speedup:.2f} times float32's speed")
    return reasons


def _speedup(float32: Classifier, int8: Classifier, texts: Sequence[str]) -> float:
    """Measure float32's time divided by int8's time: median of SPEED_PASSES alternating passes."""
    sample = list(texts[:SPEED_ROWS])
    ratios = []
    for _ in range(SPEED_PASSES):
        seconds = []
        for classifier in (float32, int8):
            started = time.perf_counter()
            classifier.logits(sample)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)
