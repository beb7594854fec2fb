"""Chooses the model to classify with: a folder, a run of the store, or the winner of its comparison."""

from pathlib import Path

from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.reader import for_reader, runs_command
from emotion.store.layout import Run, Store, read_json


def choose_model(name: str | None, store: Store) -> Path:
    """Find the model folder that `name` means: a folder, `MODEL/RUN` or RUN. None means the store's best run.

    Raises:
        InputMissingError: the folder, run or comparison does not exist, or the run is not complete.
        BadDataError: best.json is damaged.
        UsageError: several models have a run of that name.
    """
    if name is not None and Path(name).is_dir():
        return Path(name)
    run = _best_run(store) if name is None else _named_run(name, store)
    if not run.complete:
        raise InputMissingError(f"run {run} in {store.folder} is not complete", "train it to its end, or name another")
    return run.exported


def _named_run(name: str, store: Store) -> Run:
    try:
        return store.find(name)
    except InputMissingError as error:
        raise InputMissingError(
            f"no model folder {name}, and no such run in {store.folder}", runs_command("list", store.folder)
        ) from error


def _best_run(store: Store) -> Run:
    if not store.best.is_file():
        raise InputMissingError(
            f"no {store.best}, which names the best run",
            f"compare the runs with `{_aggregate(store)}`, or name a model with --model",
        )
    best = read_json(store.best).get("run")
    model, _, name = best.partition("/") if isinstance(best, str) else ("", "", "")
    try:
        return store.run(model, name)
    except UsageError as error:
        raise BadDataError(
            f"{store.best} names no run: {best!r}", f"write it again with `{_aggregate(store)}`"
        ) from error


def _aggregate(store: Store) -> str:
    return for_reader(f"emotion aggregate --store {store.folder}", "emotion submit aggregate{flags}")
