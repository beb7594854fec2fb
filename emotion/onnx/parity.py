"""Checks that the exported model gives the same logits as the trained model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.errors import CheckFailedError

# Up to this value, float32 keeps four digits after the point.
LARGE_LOGIT = 100.0


@dataclass(frozen=True)
class Parity:
    """The largest difference of a logit, and the share (0 to 1) of rows with the same label."""

    max_abs_logit_diff: float
    label_agreement: float


def check_parity(trained: NDArray[np.float32], exported: NDArray[np.float32], tolerance: float) -> Parity:
    """Compare float32 logits (rows, labels) of the same rows.

    Labels must be equal in rows with two largest logits that differ by more than `tolerance`. In other rows, the last
    digits of a sum decide.

    Raises:
        CheckFailedError: a logit differs by more than `tolerance` or is NaN, or a clear label changes.
    """
    if trained.shape != exported.shape:
        raise CheckFailedError(f"the exported model gives {exported.shape} logits, the trained model {trained.shape}")
    difference = float(np.abs(trained - exported).max())
    equal = trained.argmax(axis=1) == exported.argmax(axis=1)
    best = np.sort(trained, axis=1)
    clear = best[:, -1] - best[:, -2] > tolerance
    largest = float(np.abs(trained).max())
    # The comparison is negated: NaN must fail, too.
    if not (difference <= tolerance and equal[clear].all()):
        raise CheckFailedError(
            f"the exported model differs from the trained model: logits by {difference:.2e} (allowed {tolerance:.0e}),"
            f" {1 - equal.mean():.2%} of labels",
            "the run is not complete; report this with its params.json"
            if largest < LARGE_LOGIT
            else f"logits up to {largest:,.0f} are too large for float32: lower [training] learning_rate",
        )
    return Parity(difference, float(equal.mean()))
