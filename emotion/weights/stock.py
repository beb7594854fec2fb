"""What there is of each checkpoint on this machine, told without reading a large file."""

from dataclasses import dataclass, replace
from pathlib import Path

from emotion.errors import BadDataError, UsageError
from emotion.store.layout import Store
from emotion.weights.layout import FILES
from emotion.weights.manifest import NAME, read_manifest
from emotion.weights.places import Place, Source, locate
from emotion.weights.reference import Reference, parse_reference


@dataclass(frozen=True)
class Stock:
    """A checkpoint, where it is (None: nowhere), its commit as far as it is known, and its size."""

    reference: Reference
    place: Place | None
    revision: str
    bytes: int


def take_stock(reference: Reference, store: Store) -> Stock:
    """Look for one checkpoint; digests are not compared."""
    place = locate(reference, store)
    if place is None:
        return Stock(reference, None, reference.wanted, 0)
    files = [place.folder / name for name in FILES if (place.folder / name).is_file()]
    return Stock(reference, place, _revision(reference, place), sum(file.stat().st_size for file in files))


def _revision(reference: Reference, place: Place) -> str:
    if place.source is Source.CACHE:
        return place.folder.name
    return (_fetched(place.folder) if place.source is Source.STORE else "") or reference.wanted


def _fetched(folder: Path) -> str:
    """The commit that the folder was fetched at; "" where that cannot be told."""
    try:
        manifest = read_manifest(folder)
    except BadDataError:
        return ""
    return manifest.revision if manifest else ""


def in_store(store: Store) -> list[Reference]:
    """All checkpoints that the store has something of, by name."""
    folders = sorted(store.weights.glob("*/*/"))
    found = [_reference(folder) for folder in folders if any((folder / name).is_file() for name in (*FILES, NAME))]
    return [reference for reference in found if reference]


def _reference(folder: Path) -> Reference | None:
    """Name what is in a folder of the store; a revision other than the known one is part of the name."""
    try:
        reference = parse_reference(f"{folder.parent.name}/{folder.name}")
    except UsageError:
        return None
    commit = _fetched(folder)
    return replace(reference, revision=commit) if commit and reference.wanted not in {"", commit} else reference
