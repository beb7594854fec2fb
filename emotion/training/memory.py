"""Estimates the memory of training, and the micro-batch size that fits."""

import math
from dataclasses import dataclass

# Share of free memory that a plan may take: estimates are not exact, and allocators keep some memory.
SHARE = 0.9
# TensorFlow allocates these bytes for graphs and threads in the first step.
RESERVE = 300_000_000


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes on a device: for weights, gradients, the optimizer, and one row.

    `optimizer` counts two moments, the running average and the best epoch's weights. `row` counts the activations of a
    full-length row.
    """

    weights: int
    gradients: int
    optimizer: int
    row: int

    def needed(self, rows: int, *, split: bool) -> int:
        """Give the peak bytes of a step with `rows` rows at once; a `split` batch also holds summed gradients."""
        held = self.weights + self.optimizer + self.gradients * (2 if split else 1)
        # The maximum of two peaks: the forward and backward pass; and the update, which clips a copy of the gradients.
        return held + max(self.row * rows, 2 * self.gradients)

    def micro_batch(self, rows: int, free: float) -> int:
        """Choose the rows that fit into `free` bytes, for batches of `rows`: equal parts of at least one row."""
        if self.needed(rows, split=False) <= free:
            return rows
        most = int((free - self.needed(0, split=True) + 2 * self.gradients) // max(self.row, 1))
        return math.ceil(rows / math.ceil(rows / min(max(most, 1), rows)))

    def describe(self, rows: int, batch: int) -> str:
        """Describe the estimate for `rows` rows at once of a batch of `batch`."""
        split = rows < batch
        parts = (
            ("weights", self.weights),
            ("gradients", self.gradients * (2 if split else 1)),
            ("optimizer", self.optimizer),
            (f"activations of {rows} rows", self.row * rows),
        )
        shown = " + ".join(f"{name} {size / 1e9:.2f}" for name, size in parts)
        return f"{shown} = {self.needed(rows, split=split) / 1e9:.2f} GB"


def estimate(parameters: int, row: int, *, average: bool) -> Memory:
    """Estimate the memory of float32 `parameters`, with `row` bytes of activations per row."""
    weights = 4 * parameters
    return Memory(weights, weights, weights * (4 if average else 3), row)
