"""int8 quantization of an exported transformer, and its rejection if it changes labels or gains no speed."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import set_model_props

from emotion.onnx.int8_graph import to_int8
from emotion.onnx.session import INT8, INT8_KIND, Classifier
from emotion.store.atomic import write_bytes

MIN_AGREEMENT = 0.995
MAX_ACCURACY_LOSS = 0.003
ROUNDING = 1e-9
# A file that is not faster has no use.
MIN_SPEEDUP = 1.0
SPEED_ROWS = 512
SPEED_PASSES = 3


@dataclass(frozen=True)
class QuantizationResult:
    """Comparison of the int8 with the float32 model on validation. `reason` says why int8 was rejected.

    `label_agreement` is a share (0 to 1), `accuracy_change` a difference of shares, `speedup` a ratio of rows per
    second, and `bytes` the size of the file.
    """

    kept: bool
    reason: str
    bytes: int
    label_agreement: float
    accuracy_change: float
    speedup: float


def quantize(
    folder: Path, float32: Classifier, texts: Sequence[str], labels: NDArray[np.int32], threads: int | None
) -> QuantizationResult:
    """Write model.int8.onnx beside model.onnx, and delete it if `reasons_to_reject` finds a reason.

    `texts` and `labels`, int32 (rows,), are the validation split. `float32` is the model before quantization.

    Raises:
        CheckFailedError: a weight is NaN or infinite.
    """
    target = folder / INT8
    target.unlink(missing_ok=True)
    write_bytes(target, _quantized(folder / "model.onnx"))
    try:
        result = _compare(target, float32, Classifier.load(folder, threads, precision="int8"), texts, labels)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if not result.kept:
        target.unlink()
    return result


def _quantized(path: Path) -> bytes:
    """Rewrite a graph for int8.

    Raises:
        CheckFailedError: a weight is NaN or infinite.
    """
    model = onnx.load(str(path))
    to_int8(model)
    set_model_props(model, dict([INT8_KIND]))
    return bytes(model.SerializeToString())


def _compare(
    path: Path, float32: Classifier, int8: Classifier, texts: Sequence[str], labels: NDArray[np.int32]
) -> QuantizationResult:
    before, after = (classifier.logits(texts).argmax(axis=1) for classifier in (float32, int8))
    agreement = float((before == after).mean())
    change = float((after == labels).mean() - (before == labels).mean())
    speedup = _speedup(float32, int8, texts)
    reasons = reasons_to_reject(agreement, change, speedup)
    return QuantizationResult(
        kept=not reasons,
        reason="; ".join(reasons),
        bytes=path.stat().st_size,
        label_agreement=agreement,
        accuracy_change=change,
        speedup=speedup,
    )


def reasons_to_reject(agreement: float, change: float, speedup: float) -> list[str]:
    """Reasons to reject int8: too few labels agree, too much accuracy is lost, or no time is saved. Empty if kept.

    The limits of shares are allowed values; ROUNDING covers the inexact difference of two shares.
    """
    reasons = []
    if agreement < MIN_AGREEMENT - ROUNDING:
        reasons.append(f"{agreement:.2%} of validation's labels agree, {MIN_AGREEMENT:.1%} are needed")
    if change < -MAX_ACCURACY_LOSS - ROUNDING:
        reasons.append(f"accuracy falls by {-change:.2%}, allowed is {MAX_ACCURACY_LOSS:.1%}")
    if speedup <= MIN_SPEEDUP:
        reasons.append(f"it is not faster here: {speedup:.2f} times float32's speed")
    return reasons


def _speedup(float32: Classifier, int8: Classifier, texts: Sequence[str]) -> float:
    """Time of float32 divided by the time of int8: median of SPEED_PASSES passes, in turns."""
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
