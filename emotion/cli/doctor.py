"""`emotion doctor`: reports what this machine offers and what is missing."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.errors import ExitCode
from emotion.store.layout import Store

# A store that cannot be written matters most, then data that cannot be read.
WORST_FIRST = (ExitCode.CANNOT_WRITE, ExitCode.INPUT_MISSING, ExitCode.BAD_DATA)


def doctor(
    store: StoreOption = DEFAULT_STORE,
    data: Annotated[Path | None, typer.Option("--data", help="A data set to look at as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at Python, cores, memory, GPUs, the store, data and weights, and say what to do.

    Exits 0 without a failure, 73 where the store cannot be written, 66 where the data is missing, 65 where it
    is bad, otherwise 69.

    [bold]Example[/]

      emotion doctor --store store --data data/emotion
    """
    # Not at the top: pydantic would slow down `emotion --help`.
    from emotion.doctor.checks import State, run_checks

    notice = "looking around; importing TensorFlow takes some seconds"
    if not console.err.is_terminal:
        console.say(notice)
    with console.err.status(notice) if console.err.is_terminal else nullcontext():
        found = list(run_checks(Store(store), data))
    if as_json:
        console.data_json([{key: vars(check)[key] for key in ("name", "state", "found", "todo")} for check in found])
    else:
        rows = [(check.name, check.state, check.found, check.todo) for check in found]
        console.table("", ["what", "state", "found", "to do"], rows, numbers=0)
    failures = {check.name: check.exit_code for check in found if check.state is State.FAILURE}
    if failures:
        console.fail(f"this does not work: {', '.join(failures)}", "")
        raise typer.Exit(next((code for code in WORST_FIRST if code in failures.values()), ExitCode.UNAVAILABLE))
