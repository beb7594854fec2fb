"""Finds the models for a name: a folder, a run in the store, the winner of the comparison, or a composite."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emotion.composites.spec import Composite, parse_composite
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.reader import for_reader, runs_command
from emotion.store.layout import Run, Store, read_json


@dataclass(frozen=True)
class Chosen:
    """The models for a name: folders by model name, and the composite that joins them, if any."""

    name: str
    folders: Mapping[str, Path]
    composite: Composite | None = None


def choose_model(name: str | None, store: Store) -> Chosen:
    """Find the models for `name`: a folder, `MODEL/RUN`, RUN, or a composite of them; None means the best run.

    An existing folder with this name comes before other meanings.

    Raises:
        InputMissingError: a folder, run or comparison does not exist, or a run is not complete.
        BadDataError: best.json is damaged.
        UsageError: several models have a run with this name, or a composite is malformed or repeats a model.
    """
    if name is None:
        run = _best_run(store)
        return Chosen(str(run), {str(run): _exported(run, store)})
    composite = None if _is_folder(name) else parse_composite(name)
    if composite is None:
        return Chosen(name, {name: _folder(name, store)})
    folders = {member: _folder(member, store) for member in composite.members}
    if len({folder.resolve() for folder in folders.values()}) < len(folders):
        raise UsageError(f"{name!r} has the same model under two names", "name different models")
    return Chosen(name, folders, composite)


def _folder(name: str, store: Store) -> Path:
    return Path(name) if _is_folder(name) else _exported(_named_run(name, store), store)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # a composite of many runs is too long for a file name
        return False


def _exported(run: Run, store: Store) -> Path:
    if not run.complete:
        raise InputMissingError(
            f"run {run} in {store.folder} is not complete", "finish its training, or name another run"
        )
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
            f"there is no {store.best} to name the best run",
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
