"""Stops a training that diverged: a loss or weight is not finite, or logits are in the thousands."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.errors import CheckFailedError
from emotion.params.schema import TrainingTable

# Trained classifiers have logits in the tens. With logits in the thousands, float32 is too imprecise for the loss and
# for a comparison with the exported model.
MOST_LOGIT = 1000.0
# float16 skips steps that overflow. After fewer skipped steps in a row, the loss scale has fallen to 1.
MOST_SKIPPED = 20


class DivergenceCheck:
    """Checks losses, logits and weights of a training.

    `label_weights` float32 (labels,) are the weights of the loss; `skips` is True if training skips steps with an
    overflow.
    """

    def __init__(self, params: TrainingTable, label_weights: NDArray[np.float32], *, skips: bool) -> None:
        self.params, self.allowed = params, MOST_SKIPPED if skips else 0
        # The cross-entropy of a row is at most the difference of two logits plus the logarithm of their number.
        self.most_loss = MOST_LOGIT * float(np.max(label_weights))
        self.skipped = 0

    def check_loss(self, loss: float, step: int) -> None:
        """Check the mean loss of a batch, in step `step` from 1.

        Raises:
            CheckFailedError: the loss is in the thousands or not finite; or too many steps in a row were skipped.
        """
        self.skipped = 0 if math.isfinite(loss) else self.skipped + 1
        if self.skipped > self.allowed or (not self.skipped and loss >= self.most_loss):
            raise self._error(f"the training diverged: the loss of step {step:,} is {loss:,.0f}")

    def check_logits(self, logits: NDArray[np.float32], step: int) -> None:
        """Check the logits of validation float32 (rows, labels), computed after `step` steps.

        Raises:
            CheckFailedError: a logit is not finite, or in the thousands.
        """
        largest = float(np.abs(logits).max(initial=0.0))
        # The comparison is negated: NaN must fail, too.
        if not largest < MOST_LOGIT:
            raise self._error(f"the training diverged: after step {step:,} a logit of validation is {largest:,.0f}")

    def check_weights(self, weights: Sequence[NDArray[Any]], step: int) -> None:
        """Check the weights after `step` steps: some ReLU kernels turn NaN into 0, and logits stay finite.

        Raises:
            CheckFailedError: a weight is not finite.
        """
        if not all(np.isfinite(weight).all() for weight in weights):
            raise self._error(f"the training diverged: after step {step:,} a weight is not finite")

    def _error(self, message: str) -> CheckFailedError:
        rate, clip_norm = self.params.learning_rate, self.params.clip_norm
        return CheckFailedError(
            message,
            f"lower [training] learning_rate ({rate:g} now), or limit the gradients with [training] clip_norm"
            f" ({f'{clip_norm:g} now' if clip_norm else 'now 0, which means no limit'})",
        )
