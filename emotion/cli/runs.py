"""`emotion runs`: list, show and remove training runs."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion.cli import console, removal
from emotion.cli.cluster_options import InCluster, PodOptions
from emotion.cli.option_groups import with_option_groups
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.cli.transfer import open_store, run_in_pod
from emotion.errors import BadDataError, InputMissingError
from emotion.formatting import flatten
from emotion.reader import runs_command
from emotion.store.layout import Run, Store, read_json

if TYPE_CHECKING:
    from emotion.evaluation.metrics_file import Metrics

app = typer.Typer(no_args_is_help=True, help="List, show and remove training runs.")
app.command()(removal.rm)
# The state of a run whose process was killed, or lost its machine.
KILLED = "ended unexpectedly"
RunName = Annotated[str, typer.Argument(metavar="RUN", help="MODEL/RUN, or the run's name.")]


@app.command("list")
@with_option_groups
def list_runs(
    *,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
    in_cluster: InCluster = False,
    cluster: PodOptions,
) -> None:
    """List every run: its state, accuracies and size on disk.

    [bold]Examples[/]

      emotion runs list --store store

      emotion runs list --cluster
    """
    if in_cluster:
        with open_store(cluster) as pod:
            raise typer.Exit(run_in_pod(pod, "runs", "list", *(["--json"] if as_json else [])))
    from emotion.comparison.compare import collect

    found = collect(Store(store))
    metrics = {f"{complete.model}/{complete.run}": complete for complete in found.complete}
    records = [_record(run, metrics.get(str(run)), found.unreadable.get(str(run))) for run in Store(store).runs()]
    if as_json:
        console.data_json(records)
        return
    if not records:
        console.say(f"no runs in {store}")
        return
    columns = ["run", "state", "finished", "sample", "val. accuracy", "test accuracy", "size"]
    console.table("", columns, [_row(record) for record in records], numbers=3)


def _record(run: Run, metrics: "Metrics | None", unreadable: str | None) -> dict[str, Any]:
    """Collect a run's facts for the list; `unreadable` is the reason why its metrics cannot be read."""
    record = {"run": str(run), "model": run.model, "name": run.name, "bytes": _bytes(run.folder)}
    if unreadable is not None:
        return {**record, "state": "unreadable", "why": unreadable}
    if metrics is None:
        return {**record, **_incomplete(run)}
    return {
        **record,
        "state": "complete",
        "finished_at": metrics.finished_at,
        "training_seconds": metrics.training_seconds,
        "validation_accuracy": metrics.validation.accuracy,
        "validation_loss": metrics.validation.loss,
        "test_accuracy": metrics.test.accuracy,
        "sample": metrics.data.sample,
    }


def _incomplete(run: Run) -> dict[str, Any]:
    """Collect the progress of an incomplete run."""
    try:
        progress = read_json(run.progress)
    except InputMissingError:
        return {"state": "incomplete", "why": "no epoch yet"}
    except BadDataError as error:
        return {"state": "incomplete", "why": error.message}
    position = f", epoch {progress.get('epoch', 0)} of {progress.get('epochs', '?')}"
    if "step" in progress:
        position += f", step {progress['step']} of {progress.get('steps', '?')}"
    lease = _lease_record(run) or {"state": "unknown"}
    state = KILLED if lease["state"] == KILLED else progress.get("state", "unknown")
    holder = f", held by {lease['host']}" if lease["state"] == "held" else ""
    return {"state": "incomplete", "why": f"{state}{position}{holder}", "progress": progress}


def _lease_record(run: Run) -> dict[str, Any] | None:
    """Read which process trains the run, or trained it last; None if no process ever did."""
    from emotion.store.lease_file import newest_holder

    record = newest_holder(run.folder)
    if record is None:
        return None
    state = record.ended or (KILLED if record.dead else "held")
    content = record.model_dump(include={"host", "pid", "started_at", "pressure", "facts"})
    return {"state": state, **content, "seconds_since_beat": round(record.seconds_since_beat, 1)}


def _row(record: dict[str, Any]) -> list[str]:
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
    """Give the bytes of every file below `folder`, without following links; a training may delete files meanwhile."""
    sizes: dict[str, int] = {}
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for path in (Path(parent, name) for name in names + links):
            with contextlib.suppress(OSError):
                sizes[str(path.relative_to(folder))] = path.lstat().st_size
    return dict(sorted(sizes.items()))


def _bytes(folder: Path) -> int:
    return sum(_files(folder).values())


@app.command()
def show(run: RunName, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Show one run: parameters, data, progress, the process that holds it, metrics and files.

    Exits 65 if a file of the run is damaged, after printing the readable files.

    [bold]Example[/]

      emotion runs show lstm/s1-0a1b2c3d
    """
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
    content["lease"] = _lease_record(found)
    content["files"] = _files(found.folder)
    _print_run(content, as_json=as_json)
    if damaged:
        raise BadDataError(
            "; ".join(damaged), f"remove the run and train it again: {runs_command(f'rm {found}', store)}"
        )


def _print_run(content: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.data_json(content)
        return
    for name in ("params", "progress", "lease", "metrics"):
        rows = flatten(content[name])
        console.table(f"{content['run']}: {name}", ["", ""], rows or [("none", "")], numbers=0)
    files = [(name, f"{size:,}") for name, size in content["files"].items()]
    console.table(content["folder"], ["file", "bytes"], files)
