"""Makes the float16 file of an exported transformer, for GPUs; rejects it if it changes labels or overflows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.transformers.float16 import convert_float_to_float16

from emotion.errors import UnavailableError
from emotion.onnx.compare import Comparison, Verdict, compare, keep_if_good
from emotion.onnx.devices import Device
from emotion.onnx.float16_range import RANGE, Largest, find_largest
from emotion.onnx.graphs import FLOAT16
from emotion.onnx.session import Classifier

MIN_AGREEMENT = 0.999


@dataclass(frozen=True)
class Float16Result(Verdict):
    """The verdict on float16, and the device on which it was compared with float32 on the CPU.

    A CPU shows less than a GPU: there onnxruntime computes in float32 and rounds to float16 only between some
    operators.
    """

    device: Device


def write_float16(
    folder: Path, float32: Classifier, texts: Sequence[str], labels: NDArray[np.int32], threads: int | None
) -> Float16Result:
    """Write model.float16.onnx next to model.onnx, and delete it if there is a reason to reject it.

    `texts` and `labels`, int32 (rows,), are the validation split. `float32` is the model on the CPU.
    """

    def judge() -> Float16Result:
        float16, found = _compare(folder, float32, texts, labels, threads)
        reasons = [*_overflow(find_largest(float32, texts, threads)), *found.reasons_to_reject(MIN_AGREEMENT)]
        return Float16Result(
            kept=not reasons,
            reason="; ".join(reasons),
            bytes=float16.graph.stat().st_size,
            label_agreement=found.label_agreement,
            accuracy_change=found.accuracy_change,
            device=float16.device,
        )

    return keep_if_good(folder / FLOAT16, lambda: _converted(folder / "model.onnx"), judge)


def _converted(path: Path) -> bytes:
    """Convert a graph to float16; its logits stay float32. Weights beyond float16's range become its largest value."""
    model = convert_float_to_float16(onnx.load(str(path)), keep_io_types=True)
    return bytes(model.SerializeToString())


def _compare(
    folder: Path, float32: Classifier, texts: Sequence[str], labels: NDArray[np.int32], threads: int | None
) -> tuple[Classifier, Comparison]:
    """Compare on a usable GPU, or else on the CPU: training may leave too little GPU memory."""
    try:
        float16 = Classifier.load(folder, threads, "float16", "auto")
        return float16, compare(float32, float16, texts, labels)
    except UnavailableError:
        float16 = Classifier.load(folder, threads, "float16", "cpu")
        return float16, compare(float32, float16, texts, labels)


def _overflow(largest: Largest) -> list[str]:
    """Give a reason to reject float16 if its range is too small. A CPU rounds to float16 too rarely to show that."""
    # The comparison is negated: NaN must fail, too.
    if not largest.value <= RANGE:
        return [f"{largest.name} reaches {largest.value:.3g}, and float16 ends at {RANGE:,.0f}"]
    return []
