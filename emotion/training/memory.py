"""What memory a training takes, and how small a micro-batch has to be to fit."""

import math
from dataclasses import dataclass

# Of what is free, what a plan may take: estimates are estimates, and allocators keep some for themselves.
SHARE = 0.9
# Graphs and threads that TensorFlow makes with the first step.
RESERVE = 300_000_000


@dataclass(frozen=True)
class Memory:
    """Bytes that a training takes on a device: of the weights, their gradients, the optimiser, and each row.

    The optimiser has its two moments, the running average and the weights of the best epoch. A row's are the
    activations of its longest form.
    """

    weights: int
    gradients: int
    optimiser: int
    row: int

    def needed(self, rows: int, *, split: bool) -> int:
        """Bytes at the step's peak, with so many rows at once; gradients of a `split` batch are added up."""
        held = self.weights + self.optimiser + self.gradients * (2 if split else 1)
        # The forward and backward pass, or the update, which clips a copy of the gradients.
        return held + max(self.row * rows, 2 * self.gradients)

    def micro_batch(self, rows: int, free: float) -> int:
        """Rows at once, of batches of `rows`, that fit into `free` bytes: at least one, in equal parts."""
        if self.needed(rows, split=False) <= free:
            return rows
        most = int((free - self.needed(0, split=True) + 2 * self.gradients) // max(self.row, 1))
        return math.ceil(rows / math.ceil(rows / min(max(most, 1), rows)))

    def describe(self, rows: int, batch: int) -> str:
        """Tell the estimate to a person."""
        split = rows < batch
        parts = (
            ("weights", self.weights),
            ("gradients", self.gradients * (2 if split else 1)),
            ("optimiser", self.optimiser),
            (f"activations of {rows} rows", self.row * rows),
        )
        shown = " + ".join(f"{name} {size / 1e9:.2f}" for name, size in parts)
        return f"{shown} = {self.needed(rows, split=split) / 1e9:.2f} GB"


def estimate(parameters: int, row: int, *, average: bool) -> Memory:
    """Estimate for so many trained float32 `parameters`, and `row` bytes of activations a row."""
    weights = 4 * parameters
    return Memory(weights, weights, weights * (4 if average else 3), row)
