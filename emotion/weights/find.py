"""Finds and verifies the weights that a training starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emotion.errors import UnavailableError
from emotion.store.layout import Store
from emotion.weights.catalog import Reference, is_folder, parse_reference
from emotion.weights.fetch import fetch_weights
from emotion.weights.hints import fetch_hint, missing_hint
from emotion.weights.locate import Location, Source, locate_weights
from emotion.weights.verify import MODEL, Manifest, check_files, incomplete, read_manifest, require_good


@dataclass(frozen=True)
class Weights:
    """Complete pretrained weights on this machine: config.json, model.safetensors and a tokenizer in `folder`.

    `repository` and `revision` (a commit) are "" if unknown. `digests` has the SHA-256 of all files that may be read.
    `verified` is True if model.safetensors equals the published file.
    """

    folder: Path
    source: Source
    repository: str
    revision: str
    digests: dict[str, str]
    verified: bool


def find_weights(name: str, revision: str, store: Store, tell: Callable[[str], None]) -> Weights:
    """Find weights in a named folder; or in the store, an installed package, the client's cache, or the hub.

    Args:
        name: `org/name` on the hub, or a folder; a folder exists or begins with /, ./, ../ or ~.
        revision: a branch, tag or commit; "" for the pinned commit.
        store: the store with fetched weights, which gets new weights.
        tell: receives progress messages, a line at a time.

    Raises:
        UsageError: `name` is not a name, or the store has another revision.
        InputMissingError: the folder does not exist, or files are missing.
        BadDataError: a file differs from the published or the fetched file.
        UnavailableError: this machine does not have the weights, and the hub has none or is unreachable.
        CannotWriteError: the store cannot be written.
    """
    if is_folder(name):
        found = _in_folder(Path(name).expanduser())
        tell(f"weights from {found.folder} (folder)")
        return found
    reference = parse_reference(name, revision)
    location = locate_weights(reference, store)
    if location is None:
        return _fetch(reference, store, tell)
    manifest = read_manifest(location.folder) if location.source is Source.STORE else None
    tell(f"weights of {reference} from {location.folder} ({location.source})")
    hint = f"fetch it again: {fetch_hint(reference, store.folder, force=True)}"
    if location.source is Source.PACKAGE:
        hint += ", or reinstall the package"
    return _verify(location, reference, manifest, hint)


def _in_folder(folder: Path) -> Weights:
    problem = incomplete(folder)
    if problem:
        raise problem
    # Fetched folders and their copies have a manifest.
    manifest = read_manifest(folder)
    reference = Reference(manifest.repository, manifest.revision) if manifest else Reference("")
    location = Location(folder, Source.FOLDER, reference.revision)
    return _verify(location, reference, manifest, "copy the file again, or name another folder")


def _fetch(reference: Reference, store: Store, tell: Callable[[str], None]) -> Weights:
    try:
        fetched = fetch_weights(reference, store, force=False, tell=tell)
    except UnavailableError as error:
        reason = f"{reference} has no weights on this machine: {error.message}"
        raise UnavailableError(reason, missing_hint(reference, store.folder)) from error
    manifest = fetched.manifest
    return Weights(
        fetched.folder,
        Source.HUB,
        manifest.repository,
        manifest.revision,
        manifest.files,
        verified=MODEL in manifest.verified,
    )


def _verify(location: Location, reference: Reference, manifest: Manifest | None, hint: str) -> Weights:
    checks = check_files(location.folder, reference.published, manifest)
    require_good(location.folder, checks, hint)
    return Weights(
        location.folder,
        location.source,
        reference.repository,
        location.revision,
        {check.file: check.found for check in checks},
        verified=MODEL in reference.published,
    )
