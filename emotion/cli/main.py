"""The `emotion` command: its groups, and how errors and signals become exit codes."""

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from emotion import __version__
from emotion.cli import aggregate, classify, data, doctor, models, params, runs, train, weights
from emotion.errors import EmotionError, Terminated, UnavailableError

app = typer.Typer(
    name="emotion",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 done, 2 usage, 65 bad data, 66 input missing, 69 unavailable, 70 failed its own check,"
        " 73 cannot write, 75 try again, 78 bad parameters, 130 Ctrl-C, 143 SIGTERM."
    ),
)
app.command()(train.train)
app.command()(aggregate.aggregate)
app.command()(classify.classify)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
app.command("models")(models.models)
app.add_typer(weights.app, name="weights")
app.add_typer(params.app, name="params")
app.command()(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train text classifiers, compare them, and classify CSV files with the winner."""


def main() -> None:
    """Run the command line; a person's mistake is a message and an exit code, never a traceback."""
    heard = _hear()
    try:
        app()
    except EmotionError as error:
        from emotion.cli import console

        console.fail(error.message, error.hint)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        from emotion.cli import console

        console.fail(
            f"this command needs a package that is not installed: {error.name}", "pip install 'emotion[train]'"
        )
        sys.exit(UnavailableError.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Terminated as signalled:
        sys.exit(signalled.exit_code)
    except Exception:
        # A library in which the signal was raised may have made an error of its own of it.
        if heard:
            sys.exit(Terminated.exit_code)
        raise
    finally:
        # The end has come as it is: a signal must not interrupt the interpreter's own last steps.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _hear() -> list[int]:
    """Turn SIGTERM into an exception; gives a list that has an entry once it came."""
    heard: list[int] = []

    def terminate(number: int, _: FrameType | None) -> None:
        heard.append(number)
        # Objects that were being made are no traceback that a person should see.
        sys.unraisablehook = lambda _: None
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    return heard
