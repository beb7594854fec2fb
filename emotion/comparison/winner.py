"""Chooses the winner among runs that were evaluated on the same rows."""

from collections.abc import Iterable

from emotion.evaluation.metrics_file import Metrics


def choose_winner(runs: Iterable[Metrics]) -> Metrics:
    """Return the run with the highest accuracy on validation; among equals, the run that classifies faster.

    Speed is rows per second of the exported model, on the machine that trained it.

    Test does not decide. The best of several scores on test is partly luck and overestimates the accuracy on new texts.
    Because nothing is chosen on test, the winner's test score stays an honest estimate.
    """
    return max(runs, key=lambda run: (run.validation.accuracy, run.onnx.rows_per_second))
