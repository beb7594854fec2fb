"""`emotion runs`: list, show and remove training runs."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from emotion.evaluation.record import Metrics
    from emotion.store import Run

app = typer.Typer(no_args_is_help=True, help="List, show and remove training runs.")
# How long a process of this machine that is about to end is waited for.
SECONDS = 5.0
RunName = Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, or the run's name alone.")]


@app.command("list")
def list_runs(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List every run: its state, accuracies and size on disk.

    [bold]Example[/]

      emotion runs list --store store
    """
    from emotion.evaluation.comparison import collect
    from emotion.store import Store

    found = collect(Store(store))
    metrics = {f"{each.model}/{each.run}": each for each in found.complete}
    records = [_record(run, metrics.get(str(run)), found.unreadable.get(str(run))) for run in Store(store).runs()]
    if as_json:
        console.data_json(records)
        return
    if not records:
        console.say(f"no runs in {store}")
        return
    columns = ["run", "state", "finished", "sample", "val. accuracy", "test accuracy", "size"]
    console.table("", columns, [_cells(record) for record in records], numbers=3)


def _record(run: "Run", metrics: "Metrics | None", unreadable: str | None) -> dict[str, Any]:
    """Tell everything that the list says of a run."""
    record = {"run": str(run), "model": run.model, "name": run.name, "bytes": _bytes(run.folder)}
    if unreadable is not None:
        return {**record, "state": "unreadable", "why": unreadable}
    if metrics is None:
        return {**record, **_standing(run)}
    return {
        **record,
        "state": "complete",
        "finished_at": metrics.finished_at,
        "validation_accuracy": metrics.validation.accuracy,
        "test_accuracy": metrics.test.accuracy,
        "sample": metrics.data.sample,
    }


def _standing(run: "Run") -> dict[str, Any]:
    """How far an incomplete run has come."""
    from emotion.errors import BadDataError, InputMissingError
    from emotion.store import read_json

    try:
        progress = read_json(run.progress)
    except InputMissingError:
        return {"state": "incomplete", "why": "no epoch yet"}
    except BadDataError as error:
        return {"state": "incomplete", "why": error.message}
    where = f", epoch {progress.get('epoch', 0)} of {progress.get('epochs', '?')}"
    if "step" in progress:
        where += f", step {progress['step']} of {progress.get('steps', '?')}"
    held = _standing_lease(run)
    who = "" if held is None or held["state"] != "held" else f", held by {held['host']}"
    return {"state": "incomplete", "why": f"{progress.get('state', 'unknown')}{where}{who}", "progress": progress}


def _standing_lease(run: "Run") -> dict[str, Any] | None:
    """Who trains the run, or did last: `held`, or how it ended; `ended without a word` by a process that is gone."""
    from emotion.job.lease_file import newest

    record = newest(run.folder)
    if record is None:
        return None
    state = record.ended or ("ended without a word" if record.dead else "held")
    told = record.model_dump(include={"host", "pid", "started_at", "pressure", "facts"})
    return {"state": state, **told, "seconds_since_beat": round(record.seconds_since_beat, 1)}


def _cells(record: dict[str, Any]) -> list[str]:
    accuracies = [record.get(key) for key in ("validation_accuracy", "test_accuracy")]
    return [
        record["run"],
        f"{record['state']}: {record['why']}" if "why" in record else record["state"],
        record.get("finished_at", "")[:16].replace("T", " "),
        "sample" if record.get("sample") else "",
        *("" if accuracy is None else f"{accuracy:.4f}" for accuracy in accuracies),
        f"{record['bytes'] / 1e6:.1f} MB",
    ]


def _files(folder: Path) -> dict[str, int]:
    """Bytes of each file below `folder`, links not followed. Files may go meanwhile, as a training writes its own."""
    found: dict[str, int] = {}
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for path in (Path(parent, name) for name in names + links):
            with contextlib.suppress(OSError):
                found[str(path.relative_to(folder))] = path.lstat().st_size
    return dict(sorted(found.items()))


def _bytes(folder: Path) -> int:
    return sum(_files(folder).values())


@app.command()
def show(run: RunName, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Show one run: its parameters and data, where it stands and who holds it, its metrics and files.

    Exits 65 where one of its files is damaged, after all that can be read.

    [bold]Example[/]

      emotion runs show lstm/s1-0a1b2c3d
    """
    from emotion.errors import BadDataError, InputMissingError
    from emotion.store import Store, read_json

    found = Store(store).find(run)
    content: dict[str, Any] = {"run": str(found), "folder": str(found.folder)}
    damaged = []
    for name, path in (("params", found.params), ("progress", found.progress), ("metrics", found.metrics)):
        try:
            content[name] = read_json(path)
        except InputMissingError:
            content[name] = None
        except BadDataError as error:
            content[name] = None
            damaged.append(error.message)
    content["lease"] = _standing_lease(found)
    content["files"] = _files(found.folder)
    _print_run(content, as_json=as_json)
    if damaged:
        raise BadDataError("; ".join(damaged), f"remove the run and train it again: emotion runs rm {found}")


def _print_run(content: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.data_json(content)
        return
    for name in ("params", "progress", "lease", "metrics"):
        rows = _flat(content[name] or {})
        console.table(f"{content['run']}: {name}", ["", ""], rows or [("none", "")], numbers=0)
    files = [(name, f"{size:,}") for name, size in content["files"].items()]
    console.table(content["folder"], ["file", "bytes"], files)


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested objects as rows of dotted names and values."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        rows += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, str(value))]
    return rows


@app.command()
def rm(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="MODEL/RUN, or names alone.")] = None,
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Remove every run that is not complete.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove even what may be in training.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Remove runs with all their files.

    A run in training is not removed: stop it first. That another machine no longer trains one takes a minute to tell.
    A training that loses its folder to --force fails.

    [bold]Examples[/]

      emotion runs rm ann/s1-0a1b2c3d

      emotion runs rm --incomplete --yes
    """
    from emotion.errors import UsageError
    from emotion.store import Store

    if not names and not incomplete:
        raise UsageError("no run is named", "name runs of `emotion runs list`, or give --incomplete")
    place = Store(store)
    named = {str(run): run for run in map(place.find, names or [])}
    left = {str(run): run for run in place.runs() if incomplete and not run.complete}
    chosen = named | left
    for run in chosen.values():
        _check_inside(run, store)
    if not chosen or not (yes or _agreed(chosen)):
        console.say("nothing was removed")
        return
    removed = [name for name, run in chosen.items() if _remove_free(run, named=name in named, force=force)]
    if as_json:
        console.data_json({"removed": removed})


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
    from emotion.job.lease import EXPIRY, hold
    from emotion.job.lease_file import holder

    found = holder(run.folder)
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


def _agreed(chosen: "dict[str, Run]") -> bool:
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
    from emotion.files import cannot_write

    hidden = run.folder.with_name(f".removed-{secrets.token_hex(4)}-{run.name}")
    try:
        run.folder.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise cannot_write(run.folder, error) from error
