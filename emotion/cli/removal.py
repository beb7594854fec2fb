"""`emotion runs rm`: removes runs that no process is training."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from typing import Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import InCluster, PodOptions, Yes
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.cli.transfer import open_store, run_in_pod
from emotion.errors import CannotWriteError, TryAgainError, UsageError
from emotion.reader import runs_command
from emotion.store.atomic import cannot_write
from emotion.store.layout import Run, Store

# Limit on waiting for a process on this machine that is about to end.
WAIT_SECONDS = 5.0


@with_option_groups
def rm(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="MODEL/RUN, or the run's name.")] = None,
    *,
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Remove every incomplete run.")] = False,
    yes: Yes = False,
    force: Annotated[bool, typer.Option("--force", help="Remove runs even if they may be in training.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
    in_cluster: InCluster = False,
    cluster: PodOptions,
) -> None:
    """Remove runs with all their files.

    Keeps runs that are in training: stop the training first.
    A run that stopped on another machine can be removed after a minute.
    --force removes the folder of a running training, which then fails.

    [bold]Examples[/]

      emotion runs rm ann/s1-0a1b2c3d

      emotion runs rm --incomplete --yes

      emotion runs rm bert/s1-0a1b2c3d --cluster
    """
    if not names and not incomplete:
        listing = f"emotion runs list --cluster{cluster.pod_flags}" if in_cluster else runs_command("list", store)
        raise UsageError("no run is named", f"name runs from `{listing}`, or give --incomplete")
    if not in_cluster:
        removed = _remove_here(Store(store), names or [], incomplete=incomplete, yes=yes, force=force)
        if as_json and removed is not None:
            console.data_json({"removed": removed})
        return
    if not _confirm([*(names or []), *(["all incomplete runs"] if incomplete else [])], yes=yes):
        console.say("nothing was removed")
        return
    flags = {"--incomplete": incomplete, "--force": force, "--json": as_json, "--yes": True}
    with open_store(cluster) as pod:
        code = run_in_pod(pod, "runs", "rm", *(flag for flag, given in flags.items() if given), "--", *(names or []))
    raise typer.Exit(code)


def _remove_here(store: Store, names: list[str], *, incomplete: bool, yes: bool, force: bool) -> list[str] | None:
    """Remove runs from a store on this machine; None if a person declines, or no run matches."""
    named = {str(run): run for run in map(store.find, names)}
    others = {str(run): run for run in store.runs() if incomplete and not run.complete}
    chosen = named | others
    for run in chosen.values():
        _check_inside(run, store)
    if not chosen or not _confirm(list(chosen), yes=yes):
        console.say("nothing was removed")
        return None
    return [name for name, run in chosen.items() if _remove_unless_held(run, named=name in named, force=force)]


def _confirm(names: list[str], *, yes: bool) -> bool:
    listed = ", ".join(names)
    return console.confirm(f"Remove {listed}?", yes=yes, refusal=f"not removing {listed}")


def _remove_unless_held(run: Run, *, named: bool, force: bool) -> bool:
    """Remove a run that no process trains, and report whether it was removed; only unnamed runs may be skipped.

    Raises:
        TryAgainError: the run is named, and a process trains it.
    """
    try:
        with contextlib.nullcontext() if force or run.complete else _hold_lease(run):
            if run.complete and not named:
                console.warn(f"{run} is complete now: not removed")
                return False
            _remove(run)
    except TryAgainError as error:
        if named:
            raise
        console.warn(f"{error.message}: not removed")
        return False
    console.say(f"removed {run}")
    return True


@contextlib.contextmanager
def _hold_lease(run: Run) -> Iterator[None]:
    """Hold a run's lease: no training can start or continue in the run."""
    from emotion.store.lease import EXPIRY, hold
    from emotion.store.lease_file import current_holder

    current = current_holder(run.folder)
    # Only an expired lease shows that a process on another machine is dead.
    wait = WAIT_SECONDS if current and current.here else EXPIRY + WAIT_SECONDS
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hold(run.folder, wait, console.say))
        except CannotWriteError as error:
            raise CannotWriteError(
                error.message, "make sure that no process trains the run, then add --force"
            ) from error
        yield


def _check_inside(run: Run, store: Store) -> None:
    """Refuse a run that is a symbolic link: its files are not in the store."""
    if run.folder.resolve() != store.folder.resolve() / "runs" / run.model / run.name:
        raise UsageError(f"{run} is a symbolic link to {run.folder.resolve()}", "remove the link by hand")


def _remove(run: Run) -> None:
    """Rename the run's folder before deletion: no other process sees a partial run."""
    hidden = run.folder.with_name(f".removed-{secrets.token_hex(4)}-{run.name}")
    try:
        run.folder.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise cannot_write(run.folder, error) from error
