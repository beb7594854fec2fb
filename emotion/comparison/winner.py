"""How the winner is chosen among runs that were judged on the same rows."""

from collections.abc import Iterable

from emotion.evaluation.metrics_file import Metrics


def choose_winner(runs: Iterable[Metrics]) -> Metrics:
    """Return the run with the highest accuracy on validation; of equally accurate runs, the one that classifies faster.

    Speed is rows per second of the exported model, on the machine that trained it.

    Test has no say. The best of several scores on test is partly luck, so it is too high an estimate for new texts.
    Nothing is chosen on test: the winner's score there stays an honest estimate.
    """
    return max(runs, key=lambda run: (run.validation.accuracy, run.onnx.rows_per_second))
