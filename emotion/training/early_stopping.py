"""Early stopping: chooses the best epoch, and ends training without improvement.

The best epoch has the highest validation accuracy; among equal accuracies, the lowest validation loss.
`[training] patience` counts the epochs since the best epoch. The model ends with the best epoch's weights:
`training/fit.py` keeps them in memory, and checkpoints hold them.
"""

from collections.abc import Sequence

from emotion.training.progress import Epoch


def is_better(accuracy: float, loss: float, best: Epoch | None) -> bool:
    """Whether an epoch with this validation `accuracy` and `loss` is better than the `best` earlier epoch."""
    return best is None or (accuracy, -loss) > (best.validation_accuracy, -best.validation_loss)


def best_epoch(epochs: Sequence[Epoch]) -> Epoch | None:
    """Give the best of the ordered `epochs`: the last epoch that was better than all earlier epochs."""
    return next((epoch for epoch in reversed(epochs) if epoch.best), None)


def out_of_patience(epochs: Sequence[Epoch], patience: int) -> bool:
    """Whether `patience` epochs have passed since the best epoch."""
    best = best_epoch(epochs)
    return best is not None and len(epochs) - best.epoch >= patience
