"""Compares a graph in another precision with float32 on validation, and keeps its file only if it is good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from emotion.onnx.session import Classifier
from emotion.store.atomic import write_bytes

MAX_ACCURACY_LOSS = 0.003
ROUNDING = 1e-9


@dataclass(frozen=True)
class Verdict:
    """Whether a file is kept, or the `reason` to reject it. `bytes` is its size; the figures are a `Comparison`."""

    kept: bool
    reason: str
    bytes: int
    label_agreement: float
    accuracy_change: float


Result = TypeVar("Result", bound=Verdict)


@dataclass(frozen=True)
class Comparison:
    """The share of equal labels (0 to 1), and the accuracy minus float32's accuracy."""

    label_agreement: float
    accuracy_change: float

    def reasons_to_reject(self, least: float) -> list[str]:
        """List reasons to reject the graph: too few labels agree (`least` is a share), or too much accuracy is lost.

        Values at the limits are allowed; ROUNDING covers the inexact difference of two shares. Empty without a reason.
        """
        reasons = []
        if self.label_agreement < least - ROUNDING:
            reasons.append(f"{self.label_agreement:.2%} of validation's labels agree, {least:.1%} are needed")
        if self.accuracy_change < -MAX_ACCURACY_LOSS - ROUNDING:
            reasons.append(f"accuracy falls by {-self.accuracy_change:.2%}, allowed is {MAX_ACCURACY_LOSS:.1%}")
        return reasons


def compare(float32: Classifier, other: Classifier, texts: Sequence[str], labels: NDArray[np.int32]) -> Comparison:
    """Compare two graphs of one model. `texts` and `labels`, int32 (rows,), are the validation split."""
    before, after = (_labels(classifier.logits(texts)) for classifier in (float32, other))
    return Comparison(
        label_agreement=float((before == after).mean()),
        accuracy_change=float((after == labels).mean() - (before == labels).mean()),
    )


def _labels(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the label of every row, int64 (rows,); -1 for a row with a NaN or infinite logit."""
    return np.where(np.isfinite(logits).all(axis=1), logits.argmax(axis=1), -1)


def keep_if_good(target: Path, make: Callable[[], bytes], judge: Callable[[], Result]) -> Result:
    """Write the result of `make` to `target`; delete it if `judge` rejects it or anything fails."""
    target.unlink(missing_ok=True)
    write_bytes(target, make())
    try:
        result = judge()
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if not result.kept:
        target.unlink()
    return result
