"""Dynamic int8 quantisation of an exported transformer, kept only where it costs next to no accuracy."""

import contextlib
import logging
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.hardware import cpu_flags
from emotion.onnx.session import INT8, Classifier
from emotion.store.atomic import write_bytes
from emotion.store.scratch import scratch_folder

# The matrix products; the embeddings' rows are looked up, not multiplied.
OPS = ["MatMul", "Gemm"]
LEAST_AGREEMENT = 0.99
MOST_LOST = 0.003
ROUNDING = 1e-9
# Instructions that multiply signed by unsigned bytes without saturating their 16-bit sums.
EXACT_BYTES = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")
SPEED_ROWS = 512
SPEED_PASSES = 3


@dataclass(frozen=True)
class Quantised:
    """The quantised file against the float32 one on validation; `reason` says why it was not kept.

    `label_agreement` is a share, `accuracy_change` a difference of shares, `speedup` a ratio of rows a second.
    """

    kept: bool
    reason: str
    bytes: int
    label_agreement: float
    accuracy_change: float
    speedup: float


def quantise(
    folder: Path, exact: Classifier, texts: Sequence[str], labels: NDArray[np.int32], threads: int | None
) -> Quantised:
    """Write model.int8.onnx beside model.onnx, unless it changes too much on validation.

    `texts` and `labels` int32 (rows,) are those of validation.
    """
    target = folder / INT8
    target.unlink(missing_ok=True)
    write_bytes(target, _quantised(folder / "model.onnx"))
    try:
        scores = _compare(target, exact, Classifier.load(folder, threads, precision="int8"), texts, labels)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if not scores.kept:
        target.unlink()
    return scores


def _quantised(path: Path) -> bytes:
    """Weights to int8 by output channel, activations at run time; 7 bits where the CPU's sums would saturate."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = any(flag in cpu_flags() for flag in EXACT_BYTES)
    # Some weights stay float32: no more is written than was read.
    with scratch_folder(path.stat().st_size) as drafts, _quiet():
        draft = drafts / INT8
        quantize_dynamic(
            path, draft, per_channel=True, reduce_range=not exact, weight_type=QuantType.QInt8, op_types_to_quantize=OPS
        )
        return draft.read_bytes()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice, which is for those who call it by hand, from the terminal."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _compare(
    path: Path, exact: Classifier, small: Classifier, texts: Sequence[str], labels: NDArray[np.int32]
) -> Quantised:
    before, after = (each.logits(texts).argmax(axis=1) for each in (exact, small))
    agreement = float((before == after).mean())
    change = float((after == labels).mean() - (before == labels).mean())
    reasons = _reasons(agreement, change)
    return Quantised(
        kept=not reasons,
        reason="; ".join(reasons),
        bytes=path.stat().st_size,
        label_agreement=agreement,
        accuracy_change=change,
        speedup=_speedup(exact, small, texts),
    )


def _reasons(agreement: float, change: float) -> list[str]:
    """What speaks against keeping it. The limits themselves are allowed, and a difference of shares is not exact."""
    reasons = []
    if agreement < LEAST_AGREEMENT - ROUNDING:
        reasons.append(f"{agreement:.2%} of validation's labels agree, {LEAST_AGREEMENT:.0%} are needed")
    if change < -MOST_LOST - ROUNDING:
        reasons.append(f"accuracy falls by {-change:.2%}, allowed is {MOST_LOST:.1%}")
    return reasons


def _speedup(exact: Classifier, small: Classifier, texts: Sequence[str]) -> float:
    """Time of float32 over that of int8, by turns, median of three passes."""
    some = list(texts[:SPEED_ROWS])
    ratios = []
    for _ in range(SPEED_PASSES):
        seconds = []
        for each in (exact, small):
            started = time.perf_counter()
            each.logits(some)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)
