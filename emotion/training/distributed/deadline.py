"""A deadline that holds while a library keeps Python's lock, when no thread or signal handler of Python runs."""

import contextlib
import ctypes
from collections.abc import Iterator

CLOCK_MONOTONIC, SIGEV_THREAD = 1, 2


class _Event(ctypes.Structure):
    """`struct sigevent` of glibc: what a timer does."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


@contextlib.contextmanager
def deadline(seconds: int, exit_code: int) -> Iterator[None]:
    """End the process with `exit_code`, at once and without a word, if the block takes longer than `seconds`."""
    libc = ctypes.CDLL(None, use_errno=True)
    end = ctypes.cast(libc._exit, ctypes.c_void_p).value
    event = _Event(value=exit_code, notify=SIGEV_THREAD, function=end)
    timer = ctypes.c_void_p()
    # A first interval of none, then the time until it fires: `struct itimerspec`.
    when = (ctypes.c_long * 4)(0, 0, seconds, 0)
    if libc.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    try:
        libc.timer_settime(timer, 0, when, None)
        yield
    finally:
        libc.timer_delete(timer)
