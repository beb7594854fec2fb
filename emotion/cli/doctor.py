"""`emotion doctor`: checks a machine or a cluster, and says what to do."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import PodOptions
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.errors import ExitCode, UsageError
from emotion.store.layout import Store

if TYPE_CHECKING:
    from emotion.doctor.checks import Check

# A read-only store matters most, then unreadable data.
WORST_FIRST = (ExitCode.CANNOT_WRITE, ExitCode.INPUT_MISSING, ExitCode.BAD_DATA)


@with_option_groups
def doctor(
    store: StoreOption = DEFAULT_STORE,
    data: Annotated[Path | None, typer.Option("--data", help="Also check this data set.")] = None,
    *,
    in_cluster: Annotated[
        bool, typer.Option("--cluster", help="Check a cluster, and create the folders of its store.")
    ] = False,
    cluster: PodOptions,
    as_json: JsonOption = False,
) -> None:
    """Check Python, cores, memory, GPUs, the store, data and weights, and say what to do.

    With --cluster, check a cluster instead: versions, the setup, and whether jobs can write its store.
    Exits 0 without a failure, 73 if the store is not writable, 66 if the data is missing, 65 if the data is bad,
    otherwise 69.

    [bold]Examples[/]

      emotion doctor --store store --data data/emotion

      emotion doctor --cluster
    """
    if in_cluster and data is not None:
        raise UsageError(
            "--data is a folder on this machine, and --cluster checks a cluster", "leave out --data or --cluster"
        )
    _report(_look_at_cluster(cluster) if in_cluster else _look_here(Store(store), data), as_json=as_json)


def _look_here(store: Store, data: Path | None) -> "list[Check]":
    # Imported late: pydantic would slow down `emotion --help`.
    from emotion.doctor.checks import run_checks

    notice = "checking; importing TensorFlow takes some seconds"
    if not console.err.is_terminal:
        console.say(notice)
    with console.err.status(notice) if console.err.is_terminal else nullcontext():
        return list(run_checks(store, data))


def _look_at_cluster(cluster: PodOptions) -> "list[Check]":
    from emotion.doctor.cluster import run_cluster_checks

    return list(run_cluster_checks(cluster.kubectl, cluster.job_spec("transfer"), console.say))


def _report(found: "list[Check]", *, as_json: bool) -> None:
    from emotion.doctor.checks import State

    if as_json:
        console.data_json([{key: vars(check)[key] for key in ("name", "state", "found", "todo")} for check in found])
    else:
        rows = [(check.name, check.state, check.found, check.todo) for check in found]
        console.table("", ["what", "state", "found", "to do"], rows, numbers=0)
    failures = {check.name: check.exit_code for check in found if check.state is State.FAILURE}
    if failures:
        console.fail(f"failed checks: {', '.join(failures)}", "")
        raise typer.Exit(next((code for code in WORST_FIRST if code in failures.values()), ExitCode.UNAVAILABLE))
