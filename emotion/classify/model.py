"""Which model classifies: a folder, a run of the store, or the winner of its comparison."""

from pathlib import Path

from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.store.layout import Run, Store, read_json


def choose_model(name: str | None, store: Store) -> Path:
    """Find the folder that `name` means: a folder, `MODEL/RUN` or RUN; None is the store's best run.

    Raises:
        InputMissingError: there is no such folder or run, no comparison yet, or the run is not complete.
        BadDataError: best.json is damaged.
        UsageError: several models have a run of that name.
    """
    if name is not None and Path(name).is_dir():
        return Path(name)
    run = _best(store) if name is None else _find(name, store)
    if not run.complete:
        raise InputMissingError(f"run {run} in {store.folder} is not complete", "train it to its end, or name another")
    return run.exported


def _find(name: str, store: Store) -> Run:
    try:
        return store.find(name)
    except InputMissingError as error:
        raise InputMissingError(
            f"no model folder {name}, and no such run in {store.folder}", "see `emotion runs list`"
        ) from error


def _best(store: Store) -> Run:
    if not store.best.is_file():
        raise InputMissingError(
            f"no {store.best}, which names the best run",
            "compare the runs with `emotion aggregate`, or name a model with --model",
        )
    named = read_json(store.best).get("run")
    model, _, run = named.partition("/") if isinstance(named, str) else ("", "", "")
    try:
        return store.run(model, run)
    except UsageError as error:
        raise BadDataError(
            f"{store.best} names no run: {named!r}", "write it again with `emotion aggregate`"
        ) from error
