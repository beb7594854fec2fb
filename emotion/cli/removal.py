"""`emotion runs rm`: removes runs that no process trains."""

import contextlib
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cli import console
from emotion.cli.cluster_options import NAMESPACE, Context, Image, InCluster, Namespace, Overlay, StoreClaim
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.cli.transfer import opened, run_inside

if TYPE_CHECKING:
    from emotion.store.layout import Run

# How long a process of this machine that is about to end is waited for.
SECONDS = 5.0


def rm(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="MODEL/RUN, or names alone.")] = None,
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Remove every run that is not complete.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove even what may be in training.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
    cluster: InCluster = False,
    namespace: Namespace = NAMESPACE,
    context: Context = None,
    store_claim: StoreClaim = None,
    overlay: Overlay = None,
    image: Image = None,
) -> None:
    """Remove runs with all their files.

    A run in training is not removed: stop it first. That another machine no longer trains one takes a minute to tell.
    A training that loses its folder to --force fails.

    [bold]Examples[/]

      emotion runs rm ann/s1-0a1b2c3d

      emotion runs rm --incomplete --yes

      emotion runs rm bert/s1-0a1b2c3d --cluster
    """
    from emotion.errors import UsageError

    if not names and not incomplete:
        raise UsageError("no run is named", "name runs of `emotion runs list`, or give --incomplete")
    if not cluster:
        removed = _remove_here(store, names or [], incomplete=incomplete, yes=yes, force=force)
        if as_json and removed is not None:
            console.data_json({"removed": removed})
        return
    if not (yes or _agreed([*(names or []), *(["all that are incomplete"] if incomplete else [])])):
        console.say("nothing was removed")
        return
    flags = {"--incomplete": incomplete, "--force": force, "--json": as_json, "--yes": True}
    with opened(namespace, context, overlay, store_claim, image) as pod:
        code = run_inside(pod, "runs", "rm", *(flag for flag, given in flags.items() if given), "--", *(names or []))
    raise typer.Exit(code)


def _remove_here(store: Path, names: list[str], *, incomplete: bool, yes: bool, force: bool) -> list[str] | None:
    """Remove runs of a store on this machine; None where a person says no, or there are none."""
    from emotion.store.layout import Store

    place = Store(store)
    named = {str(run): run for run in map(place.find, names)}
    left = {str(run): run for run in place.runs() if incomplete and not run.complete}
    chosen = named | left
    for run in chosen.values():
        _check_inside(run, store)
    if not chosen or not (yes or _agreed(chosen)):
        console.say("nothing was removed")
        return None
    return [name for name, run in chosen.items() if _remove_free(run, named=name in named, force=force)]


def _remove_free(run: "Run", *, named: bool, force: bool) -> bool:
    """Remove a run that no process trains; tell whether it was. One that is not named may be passed over.

    Raises:
        TryAgainError: it is named, and in training.
    """
    from emotion.errors import TryAgainError

    try:
        with contextlib.nullcontext() if force or run.complete else _lease(run):
            if run.complete and not named:
                console.warn(f"{run} has been completed meanwhile: not removed")
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
def _lease(run: "Run") -> Iterator[None]:
    """Hold a run, so that no training can begin or go on in it."""
    from emotion.errors import CannotWriteError
    from emotion.store.lease import EXPIRY, hold
    from emotion.store.lease_file import current_holder

    found = current_holder(run.folder)
    # A process of this machine is seen to live; of any other it shows within the time that a lease lasts.
    wait = SECONDS if found and found.here else EXPIRY + SECONDS
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hold(run.folder, wait, console.say))
        except CannotWriteError as error:
            raise CannotWriteError(
                error.message, "make sure that no process trains the run, then add --force"
            ) from error
        yield


def _check_inside(run: "Run", store: Path) -> None:
    """Refuse a run that a symbolic link brings into the store: its files belong elsewhere."""
    from emotion.errors import UsageError

    if run.folder.resolve() != store.resolve() / "runs" / run.model / run.name:
        raise UsageError(f"{run} is a symbolic link to {run.folder.resolve()}", "remove the link by hand")


def _agreed(chosen: Iterable[str]) -> bool:
    """Ask on a terminal.

    Raises:
        UsageError: there is nobody to ask.
    """
    from emotion.errors import UsageError

    listed = ", ".join(chosen)
    if not console.interactive():
        raise UsageError(f"not removing {listed} without asking, and there is no terminal", "add --yes")
    return typer.confirm(f"Remove {listed}?", err=True)


def _remove(run: "Run") -> None:
    """Rename first, so that half a run is never seen, then delete."""
    from emotion.store.atomic import cannot_write

    hidden = run.folder.with_name(f".removed-{secrets.token_hex(4)}-{run.name}")
    try:
        run.folder.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise cannot_write(run.folder, error) from error
