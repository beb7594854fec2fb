"""Where the process begins and ends: signals are heard before anything is imported, and errors become exit codes."""

import io
import signal
import sys
from types import FrameType
from typing import NoReturn

from emotion.errors import EmotionError, ExitCode, Terminated, UnavailableError

SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


def main() -> None:
    """Run the command line; a person's mistake is a message and an exit code, never a traceback."""
    heard: list[int] = []
    try:
        _hear(heard)
        _escape()
        from emotion.cli.app import app

        app()
    except (KeyboardInterrupt, Terminated) as signalled:
        sys.exit(ExitCode.INTERRUPTED if isinstance(signalled, KeyboardInterrupt) else ExitCode.TERMINATED)
    except Exception as error:
        # A library in which the signal was raised may have made an error of its own of it, and we one of that.
        if heard:
            sys.exit(128 + heard[0])
        if isinstance(error, EmotionError):
            _fail(error)
        if not isinstance(error, ModuleNotFoundError):
            raise
        _fail(
            UnavailableError(
                f"this command needs a package that is not installed: {error.name}", "pip install 'emotion[train]'"
            )
        )
    finally:
        # The end has come as it is: a signal must not interrupt the interpreter's own last steps.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _fail(error: EmotionError) -> NoReturn:
    from emotion.cli import console

    console.fail(error.message, error.hint)
    sys.exit(error.exit_code)


def _escape() -> None:
    """Let characters that the locale's encoding lacks be printed as escapes: no label or file name ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _hear(heard: list[int]) -> None:
    """Turn SIGTERM and Ctrl-C into exceptions; `heard` has an entry once one came."""

    def stop(number: int, _: FrameType | None) -> None:
        heard.append(number)
        # Objects that were being made are no traceback that a person should see.
        sys.unraisablehook = lambda _: None
        raise SIGNALS[signal.Signals(number)]

    for each in SIGNALS:
        # A job that a shell started with & ignores Ctrl-C, which is meant for another.
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, stop)
