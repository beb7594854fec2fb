"""Finds the weights that a training starts from, and makes sure that they are the right ones."""

from dataclasses import dataclass
from pathlib import Path

from emotion.errors import UnavailableError
from emotion.hub import Tell
from emotion.store.layout import Store
from emotion.weights.digests import compare, require_right
from emotion.weights.fetch import fetch_weights
from emotion.weights.layout import lacking
from emotion.weights.manifest import Manifest, read_manifest
from emotion.weights.places import Place, Source, locate, package_hint
from emotion.weights.reference import Reference, is_folder, parse_reference


@dataclass(frozen=True)
class Weights:
    """A whole checkpoint on this machine: config.json, model.safetensors and a tokenizer in `folder`.

    `repository` and `revision` (a commit) are "" where nothing tells them. `digests` are SHA-256 by file of
    all that may be read of it. `verified` tells that its model.safetensors is the published one.
    """

    folder: Path
    source: Source
    repository: str
    revision: str
    digests: dict[str, str]
    verified: bool


def find_weights(checkpoint: str, revision: str, store: Store, tell: Tell) -> Weights:
    """Find a checkpoint: a folder that is named, the store, an installed package, the client's cache, the hub.

    Args:
        checkpoint: `org/name` on the hub, or a folder; what begins with /, ./, ../ or ~, or is a folder.
        revision: a branch, tag or commit; "" for the one that is known.
        store: where fetched weights are, and where they are fetched to.
        tell: hears what is done, a line each.

    Raises:
        UsageError: it is not a name, or the store has another revision.
        InputMissingError: the folder is not there, or is no checkpoint that can be read.
        BadDataError: a file is not the one that was published, or that was fetched.
        UnavailableError: it is nowhere on this machine, and the hub is out of reach or does not have it.
        CannotWriteError: it cannot be fetched into the store.
    """
    if is_folder(checkpoint):
        found = _named(Path(checkpoint).expanduser())
        tell(f"weights from {found.folder} (folder)")
        return found
    reference = parse_reference(checkpoint, revision)
    place = locate(reference, store)
    if place is None:
        return _fetched(reference, store, tell)
    manifest = read_manifest(place.folder) if place.source is Source.STORE else None
    tell(f"weights of {reference} from {place.folder} ({place.source})")
    return _checked(place, reference, manifest, _repair(reference, place, store))


def _named(folder: Path) -> Weights:
    lacks = lacking(folder)
    if lacks:
        raise lacks
    # It may be one that was fetched, or a copy of it.
    manifest = read_manifest(folder)
    reference = Reference(manifest.repository, manifest.revision) if manifest else Reference("")
    hint = "copy the file again, or name another folder"
    return _checked(Place(folder, Source.FOLDER), reference, manifest, hint)


def _fetched(reference: Reference, store: Store, tell: Tell) -> Weights:
    command = f"emotion weights fetch {reference} --store {store.folder}"
    hint = f"where the hub can be reached: `{command}`{package_hint(reference)}"
    try:
        fetched = fetch_weights(reference, store, force=False, tell=tell)
    except UnavailableError as error:
        raise UnavailableError(f"no weights of {reference} on this machine: {error.message}", hint) from error
    manifest = fetched.manifest
    return Weights(
        fetched.folder,
        Source.HUB,
        manifest.repository,
        manifest.revision,
        manifest.files,
        verified="model.safetensors" in manifest.verified,
    )


def _checked(place: Place, reference: Reference, manifest: Manifest | None, hint: str) -> Weights:
    compared = compare(place.folder, reference.published, manifest)
    require_right(place.folder, compared, hint)
    return Weights(
        place.folder,
        place.source,
        reference.repository,
        _commit(place, reference, manifest),
        {each.file: each.found for each in compared},
        verified="model.safetensors" in reference.published,
    )


def _commit(place: Place, reference: Reference, manifest: Manifest | None) -> str:
    if manifest:
        return manifest.revision
    # The client's cache has a folder for each commit.
    return place.folder.name if place.source is Source.CACHE else reference.wanted


def _repair(reference: Reference, place: Place, store: Store) -> str:
    fetch = f"fetch it again: `emotion weights fetch {reference} --force --store {store.folder}`"
    return fetch if place.source is not Source.PACKAGE else f"{fetch}, or reinstall the package"
