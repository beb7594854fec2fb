"""Deferred signals: the first is remembered and raised at the end; a second Ctrl-C does not wait."""

import os
import signal
from collections.abc import Iterator

import pytest

from emotion.errors import Terminated
from emotion.signals import DeferredSignals


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Check that a test restores the signal handlers."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def block(stop: DeferredSignals, done: list[signal.Signals], *signals: signal.Signals) -> None:
    """Send signals in the block; note the signals that did not interrupt it."""
    with stop:
        assert not stop()
        for number in signals:
            send(number)
            done.append(number)
            assert stop()


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals, error: type[BaseException]) -> None:
    stop, done = DeferredSignals(), list[signal.Signals]()
    with pytest.raises(error):
        block(stop, done, number)
    assert done == [number]
    assert stop.signal is number


def test_without_a_signal_nothing_is_raised() -> None:
    stop = DeferredSignals()
    block(stop, [])
    assert not stop()


def test_an_error_goes_before_a_signal() -> None:
    def fail() -> None:
        with DeferredSignals():
            send(signal.SIGTERM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_a_second_ctrl_c_does_not_wait() -> None:
    done: list[signal.Signals] = []
    with pytest.raises(KeyboardInterrupt):
        block(DeferredSignals(), done, signal.SIGINT, signal.SIGINT)
    assert done == [signal.SIGINT]


@pytest.mark.parametrize(
    ("signals", "error"),
    [
        ((signal.SIGTERM, signal.SIGTERM), Terminated),
        ((signal.SIGTERM, signal.SIGINT), Terminated),
        ((signal.SIGINT, signal.SIGTERM), KeyboardInterrupt),
    ],
)
def test_of_other_signals_the_first_counts(signals: tuple[signal.Signals, ...], error: type[BaseException]) -> None:
    done: list[signal.Signals] = []
    with pytest.raises(error):
        block(DeferredSignals(), done, *signals)
    assert done == [*signals]
