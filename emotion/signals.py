"""Defers SIGTERM and Ctrl-C until training has written its checkpoint; Kubernetes sends SIGTERM to an evicted pod.

The first signal does not interrupt training: this module remembers it. `training/fit.py` looks for the signal after
every step, every part of a batch and every part of validation. Then `training/checkpoint_policy.py` writes a checkpoint
into the run's `checkpoints/` folder, and the process ends: SIGTERM exits with 143, Ctrl-C with 130. The next attempt
resumes from the checkpoint. Before and after fitting, `cli/main.py` raises signals at once.
"""

import signal
from types import FrameType, TracebackType
from typing import Self

from emotion.errors import Terminated

SIGNALS = {signal.SIGTERM: Terminated, signal.SIGINT: KeyboardInterrupt}
NAMES = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C"}
# The signals that interrupted this process, outside of a block that defers them.
received: list[signal.Signals] = []


def stopped_by(error: BaseException) -> str:
    """Name the signal behind an error: "SIGTERM", "Ctrl-C", or "" without a signal.

    A library may have converted the signal's exception into an error of its own.
    """
    names = [NAMES[number] for number, kind in SIGNALS.items() if isinstance(error, kind)]
    return (names or [NAMES[number] for number in received] or [""])[0]


class DeferredSignals:
    """A block that remembers the first signal and raises it at the end; a call returns whether a signal arrived.

    A second Ctrl-C is raised at once.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __call__(self) -> bool:
        """Whether a signal has asked this process to stop."""
        return self.signal is not None

    def __enter__(self) -> Self:
        self.handlers_before = {number: signal.signal(number, self._remember) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self.handlers_before.items():
            signal.signal(number, handler)
        if self.signal is not None and error is None:
            raise SIGNALS[self.signal]

    def _remember(self, number: int, _: FrameType | None) -> None:
        if self.signal is signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or signal.Signals(number)
