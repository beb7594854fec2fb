"""Fetches a checkpoint from the Hugging Face hub into the store, verified and pinned."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from emotion.errors import BadDataError, UsageError
from emotion.hub import Tell
from emotion.store.atomic import cannot_write, copy, sha256
from emotion.store.layout import Store
from emotion.weights.digests import BAD, compare, require_right, wrong
from emotion.weights.from_h5 import convert
from emotion.weights.layout import FILES, H5, MODEL
from emotion.weights.manifest import NAME, Manifest, read_manifest, write_manifest
from emotion.weights.offer import Advance, Offer, find_offer
from emotion.weights.reference import Reference

Progress = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class Fetched:
    """A checkpoint of the store, and whether anything had to be written."""

    folder: Path
    manifest: Manifest
    written: bool


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Advance]:
    """Show no progress."""
    yield lambda _count: None


def fetch_weights(
    reference: Reference, store: Store, *, force: bool, tell: Tell, progress: Progress = silent
) -> Fetched:
    """Bring a checkpoint into the store; what is there already, and right, is not fetched again.

    `force` fetches all of it again, and lets another revision take the place of the one in the store.
    `progress(what, bytes)` opens a meter for the download.

    Raises:
        UsageError: the store has another revision, and `force` is not given.
        UnavailableError: the hub is out of reach, or does not have it.
        BadDataError: a file is not the one that was published, or that was fetched first.
        CannotWriteError: the store, or the client's cache, cannot be written.
    """
    folder = store.checkpoint(reference.repository)
    before = _before(folder, reference, force=force)
    kept = {} if force else _kept(folder, reference, before)
    if before and before.files.keys() <= kept.keys():
        return Fetched(folder, before, written=False)
    # Who names a branch and forces wants where it is now.
    pinned = "" if before is None or (force and reference.revision) else before.revision
    offer = find_offer(reference, pinned, folder, tell)
    _check_writable(folder)
    if before and before.revision != offer.commit:
        before = None
    pins = reference.published | (before.pins if before else {})
    paths = _download(offer, _needed(offer, kept), pins, progress, force=force)
    converted = _place(folder, paths, kept)
    manifest = _manifest(folder, reference, offer, before, converted)
    write_manifest(folder, manifest)
    return Fetched(folder, manifest, written=True)


def _before(folder: Path, reference: Reference, *, force: bool) -> Manifest | None:
    """Read what the store has of that revision."""
    try:
        manifest = read_manifest(folder)
    except BadDataError:
        if force:
            return None
        raise
    if manifest is None or manifest.is_of(reference.wanted):
        return manifest
    if force:
        return None
    raise UsageError(
        f"{folder} has revision {manifest.revision} of {reference.repository}, not {reference.wanted}",
        f"replace it: `emotion weights fetch {reference} --force`, or use another store",
    )


def _kept(folder: Path, reference: Reference, before: Manifest | None) -> dict[str, str]:
    """Tell which files of the store are known to be right, with their SHA-256."""
    compared = compare(folder, reference.published, before)
    return {each.file: each.found for each in compared if each.expected and each.verdict not in BAD}


def _check_writable(folder: Path) -> None:
    """Find out before hundreds of megabytes are fetched, and leave no trace."""
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def _needed(offer: Offer, kept: dict[str, str]) -> list[str]:
    return [name for name in offer.files if name not in kept and not (name == H5 and MODEL in kept)]


def _download(
    offer: Offer, names: list[str], pins: dict[str, str], progress: Progress, *, force: bool
) -> dict[str, Path]:
    """Give the files, all of them right, before the store is touched."""
    paths = {}
    with progress(f"fetching {offer.repository}", sum(offer.sizes.get(name, 0) for name in names)) as advance:
        for name in names:
            paths[name] = offer.bring(name, advance, force=force)
            expected = pins.get(name) or offer.digests.get(name, "")
            found = sha256(paths[name]) if expected else ""
            if found != expected:
                raise wrong(
                    paths[name],
                    found,
                    expected,
                    f"fetch it again: `emotion weights fetch {offer.repository} --force`; where it is the same"
                    " again, the hub's file has changed: do not use it",
                )
    return paths


def _place(folder: Path, paths: dict[str, Path], kept: dict[str, str]) -> dict[str, str]:
    """Put the files into the store; return the digest of the file that was converted, if any."""
    _clear(folder, [name for name in FILES if name not in kept])
    converted = {}
    for name in sorted(paths, key=lambda name: name in {MODEL, H5}):
        if name == H5:
            converted[H5] = sha256(paths[H5])
            convert(paths[H5], folder / MODEL)
        else:
            copy(paths[name], folder / name)
    return converted


def _clear(folder: Path, names: list[str]) -> None:
    """Remove what is replaced, manifest and model first: a half replaced checkpoint must not look whole."""
    for name in [NAME, *reversed(names)]:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(folder / name, error) from error


def _manifest(
    folder: Path, reference: Reference, offer: Offer, before: Manifest | None, converted: dict[str, str]
) -> Manifest:
    compared = compare(folder, reference.published, None)
    require_right(folder, compared, f"fetch it again: `emotion weights fetch {reference} --force`")
    files = {each.file: each.found for each in compared}
    verified = [name for name in files if name in reference.published]
    return Manifest(
        repository=reference.repository,
        revision=offer.commit,
        asked=before.asked if before else offer.asked,
        files=files,
        verified=verified,
        unverified=[name for name in files if name not in verified],
        # Without a new one, the model is still the one that was converted then.
        converted=converted or (before.converted if before else {}),
    )
