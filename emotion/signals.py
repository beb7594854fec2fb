"""Signals put off until what is being done can be left: SIGTERM, as an evicted pod gets it, and Ctrl-C."""

import signal
from types import FrameType, TracebackType
from typing import Self

from emotion.errors import Terminated

SIGNALS = {signal.SIGTERM: Terminated, signal.SIGINT: KeyboardInterrupt}


class DeferredSignals:
    """Within its block a first signal is remembered, to be asked for by calling; on leaving it is raised.

    A second Ctrl-C does not wait.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __call__(self) -> bool:
        """Whether this process is asked to stop."""
        return self.signal is not None

    def __enter__(self) -> Self:
        self.before = {each: signal.signal(each, self._remember) for each in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for each, handler in self.before.items():
            signal.signal(each, handler)
        if self.signal is not None and error is None:
            raise SIGNALS[self.signal]

    def _remember(self, number: int, _: FrameType | None) -> None:
        if self.signal is signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or signal.Signals(number)
