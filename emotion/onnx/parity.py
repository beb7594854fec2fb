"""Whether the exported model gives what the trained model gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion.errors import CheckFailedError


@dataclass(frozen=True)
class Parity:
    """The largest difference of any logit, and the share of rows with the same label."""

    max_abs_logit_diff: float
    label_agreement: float


def check_parity(trained: NDArray[np.float32], exported: NDArray[np.float32], tolerance: float) -> Parity:
    """Compare logits (rows, labels) of the same rows.

    Labels have to be equal wherever the two largest logits differ by more than `tolerance`: nearer to each
    other, the last digits of a sum decide.

    Raises:
        CheckFailedError: a logit differs by more than `tolerance`, is not a number, or a clear label changes.
    """
    if trained.shape != exported.shape:
        raise CheckFailedError(f"the exported model gives {exported.shape} logits, the trained one {trained.shape}")
    difference = float(np.abs(trained - exported).max())
    equal = trained.argmax(axis=1) == exported.argmax(axis=1)
    best = np.sort(trained, axis=1)
    clear = best[:, -1] - best[:, -2] > tolerance
    # Negated, so that a NaN fails too.
    if not (difference <= tolerance and equal[clear].all()):
        raise CheckFailedError(
            f"the exported model differs from the trained one: logits by {difference:.2e} (allowed {tolerance:.0e}),"
            f" {1 - equal.mean():.2%} of labels",
            "the run is not complete; report this with its params.json",
        )
    return Parity(difference, float(equal.mean()))
