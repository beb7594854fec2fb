"""Finds the models that a name means: a folder, a run of the store, the winner of its comparison, or a composite."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emotion.composites.spec import Composite, parse_composite
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.reader import for_reader, runs_command
from emotion.store.layout import Run, Store, read_json


@dataclass(frozen=True)
class Chosen:
    """What a name means: the folders of its models by their names, and how a composite joins them."""

    name: str
    folders: Mapping[str, Path]
    composite: Composite | None = None


def choose_model(name: str | None, store: Store) -> Chosen:
    """Find the models that `name` means: a folder, `MODEL/RUN`, RUN, or a composite of these; None is the best run.

    A folder of that very name comes first, whatever else the name means.

    Raises:
        InputMissingError: a folder, run or comparison does not exist, or a run is not complete.
        BadDataError: best.json is damaged.
        UsageError: several models have a run of that name, or a composite is malformed or has a model twice.
    """
    if name is None:
        run = _best_run(store)
        return Chosen(str(run), {str(run): _exported(run, store)})
    composite = None if _is_folder(name) else parse_composite(name)
    if composite is None:
        return Chosen(name, {name: _folder(name, store)})
    folders = {member: _folder(member, store) for member in composite.members}
    if len({folder.resolve() for folder in folders.values()}) < len(folders):
        raise UsageError(f"{name!r} has a model twice, by two names", "name different models")
    return Chosen(name, folders, composite)


def _folder(name: str, store: Store) -> Path:
    return Path(name) if _is_folder(name) else _exported(_named_run(name, store), store)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # a composite of many runs is too long for a file's name
        return False


def _exported(run: Run, store: Store) -> Path:
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
