"""Starts and ends the process: installs signal handlers before slow imports, and converts errors into exit codes."""

import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from emotion.errors import EmotionError, ExitCode, Terminated, UnavailableError
from emotion.reader import for_reader
from emotion.signals import SIGNALS, received

RAISE_AGAIN_SECONDS = 0.1


def main() -> None:
    """Run the command line; a user's error becomes a message and an exit code, never a traceback."""
    try:
        try:
            _run()
        finally:
            # The exit code is decided, so a signal must not interrupt the interpreter's shutdown.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except (KeyboardInterrupt, Terminated) as signalled:
        # The signal may have arrived just before the process began to ignore it.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(ExitCode.INTERRUPTED if isinstance(signalled, KeyboardInterrupt) else ExitCode.TERMINATED)


def _run() -> None:
    try:
        _install_handlers()
        _escape_unprintable()
        from emotion.cli.app import app

        app()
    except Exception as error:
        # A library may have converted the signal's exception into its own error.
        if received:
            sys.exit(128 + received[0])
        if isinstance(error, EmotionError):
            _fail(error)
        if not isinstance(error, ModuleNotFoundError):
            raise
        _fail(
            UnavailableError(
                f"this command needs a package that is not installed: {error.name}",
                for_reader("pip install 'emotion[train]'", "use the training image: --image"),
            )
        )


def _fail(error: EmotionError) -> NoReturn:
    from emotion.cli import console

    console.fail(error.message, error.hint)
    sys.exit(error.exit_code)


def _escape_unprintable() -> None:
    """Escape characters that the locale's encoding cannot print, so no label or file name stops a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _install_handlers() -> None:
    """Convert SIGTERM and Ctrl-C into exceptions; `received` collects the signals."""

    def stop(number: int, _: FrameType | None) -> None:
        received.append(signal.Signals(number))
        sys.unraisablehook = raise_again
        raise SIGNALS[signal.Signals(number)]

    def raise_again(swallowed: "sys.UnraisableHookArgs") -> None:
        """Send the signal again if a finalizer swallowed its exception; print nothing."""
        if isinstance(swallowed.exc_value, tuple(SIGNALS.values())):
            timer = threading.Timer(RAISE_AGAIN_SECONDS, os.kill, (os.getpid(), received[0]))
            timer.daemon = True
            timer.start()

    for number in SIGNALS:
        # A shell makes its background jobs ignore Ctrl-C, which is meant for the foreground job.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
