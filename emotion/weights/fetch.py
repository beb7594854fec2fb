"""Fetches weights from the Hugging Face hub into the store, verified and pinned."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from emotion.errors import BadDataError, UnavailableError, UsageError
from emotion.hub import download_file, file_metadata, prepare_client, probe_file, translate_errors
from emotion.store.atomic import cannot_write, copy, sha256
from emotion.store.layout import Store
from emotion.weights.catalog import Reference
from emotion.weights.from_h5 import convert
from emotion.weights.hints import fetch_hint, unreachable_hint
from emotion.weights.locate import cache_folder
from emotion.weights.verify import (
    BAD,
    CONFIG,
    FILES,
    H5,
    MANIFEST,
    MODEL,
    FileCheck,
    Manifest,
    check_files,
    problem_beside_model,
    problem_of_model,
    read_manifest,
    require_good,
    write_manifest,
    wrong_digest,
)

SHA256_DIGITS = 64
Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class Fetched:
    """Weights in the store; `written` is True if this fetch changed them."""

    folder: Path
    manifest: Manifest
    written: bool


@dataclass(frozen=True)
class Snapshot:
    """A commit's files that a model needs, on the hub or in the folder `cached`.

    `asked` is the revision that led to the commit; `hint` is the advice if the hub fails. `sizes` are in bytes;
    `digests` has the SHA-256 that the hub publishes for files.
    """

    repository: str
    commit: str
    asked: str
    files: list[str]
    hint: str
    sizes: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    cached: Path | None = None

    def download(self, name: str, advance: Advance, *, force: bool) -> Path:
        """Download the file into the client's cache and return its path; the client resumes a broken download.

        Raises:
            UnavailableError: the hub does not send the file.
            CannotWriteError: the cache cannot be written.
        """
        if self.cached:
            return self.cached / name
        # One file by the branch's name: then the client's cache knows the branch's commit.
        revision = self.asked if name == CONFIG else self.commit
        with translate_errors(self.repository, self.hint):
            path = download_file(self.repository, name, revision, self.sizes[name], advance, force=force)
        if path.parent.name != self.commit:
            raise UnavailableError(f"{self.repository} changed while it was fetched", "try again")
        return path


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Advance]:
    """Show no progress."""
    yield lambda _count: None


def fetch_weights(
    reference: Reference, store: Store, *, force: bool, tell: Callable[[str], None], progress: Progress = silent
) -> Fetched:
    """Fetch every missing or damaged file into the store.

    `force` fetches all files again, and lets another revision replace the stored revision. `progress(what, bytes)`
    opens a meter for the download.

    Raises:
        UsageError: the store has another revision, and `force` is not given.
        UnavailableError: the hub is unreachable, or does not have the weights.
        BadDataError: a file differs from the published file or from the first download.
        CannotWriteError: the store, or the client's cache, cannot be written.
    """
    folder = store.pretrained(reference.repository)
    stored = _stored_manifest(store, reference, force=force)
    good = set() if force else _good_files(folder, reference, stored)
    if stored and stored.files.keys() <= good:
        return Fetched(folder, stored, written=False)
    # A forced fetch of a branch takes the branch's newest commit.
    pinned = "" if stored is None or (force and reference.revision) else stored.revision
    snapshot = _find_snapshot(reference, pinned or reference.wanted_revision or "main", folder, tell)
    _check_writable(folder)
    if stored and stored.revision != snapshot.commit:
        stored = None
    names = [name for name in snapshot.files if name not in good and not (name == H5 and MODEL in good)]
    expected = snapshot.digests | reference.published | (stored.pins if stored else {})
    again = f"fetch it again: {fetch_hint(reference, store.folder, force=True)}"
    paths = _download(snapshot, names, expected, progress, again, force=force)
    _replace_files(folder, paths, good)
    checks = check_files(folder, reference.published, None)
    require_good(folder, checks, again)
    manifest = _new_manifest(checks, reference, snapshot, stored, paths)
    write_manifest(folder, manifest)
    return Fetched(folder, manifest, written=True)


def _stored_manifest(store: Store, reference: Reference, *, force: bool) -> Manifest | None:
    """Read the manifest of the wanted revision."""
    folder = store.pretrained(reference.repository)
    try:
        manifest = read_manifest(folder)
    except BadDataError:
        if force:
            return None
        raise
    if manifest is None or manifest.serves(reference.wanted_revision):
        return manifest
    if force:
        return None
    raise UsageError(
        f"{folder} has revision {manifest.revision} of {reference.repository}, not {reference.wanted_revision}",
        f"replace it: {fetch_hint(reference, store.folder, force=True)}, or use another store",
    )


def _good_files(folder: Path, reference: Reference, stored: Manifest | None) -> set[str]:
    checks = check_files(folder, reference.published, stored)
    return {check.file for check in checks if check.expected and check.verdict not in BAD}


def _check_writable(folder: Path) -> None:
    """Try to write before a large download, and leave no trace."""
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def _find_snapshot(reference: Reference, asked: str, folder: Path, tell: Callable[[str], None]) -> Snapshot:
    prepare_client()
    repository = reference.repository
    hint = unreachable_hint(reference, folder)
    with translate_errors(repository, hint):
        config = probe_file(repository, CONFIG, asked, "model", tell)
        if config is None:
            return _cached_snapshot(repository, asked, hint)
        if config.commit_hash is None:
            raise UnavailableError(f"{config.location} does not answer like a hub: the answer names no commit", hint)
        return _hub_snapshot(repository, config.commit_hash, asked, hint, tell)


def _cached_snapshot(repository: str, asked: str, hint: str) -> Snapshot:
    folder = cache_folder(repository, asked)
    if folder is None:
        raise UnavailableError(
            f"cannot fetch {repository}: the hub is unreachable, and the client's cache has no copy", hint
        )
    files = _needed_files(lambda name: (folder / name).is_file(), f"the cache's copy of {repository}", hint)
    return Snapshot(repository, folder.name, asked, files, hint, cached=folder)


def _hub_snapshot(repository: str, commit: str, asked: str, hint: str, tell: Callable[[str], None]) -> Snapshot:
    metadata = cache(partial(file_metadata, repository, revision=commit))
    files = _needed_files(lambda name: metadata(name) is not None, repository, hint)
    found = {name: answer for name in files if (answer := metadata(name))}
    sizes = {name: answer.size or 0 for name, answer in found.items()}
    tell(f"{repository} at {commit}: {len(files)} files, {sum(sizes.values()) / 1e6:,.1f} MB")
    # A large file's tag is its SHA-256; a small file's tag is a git digest.
    digests = {name: tag for name, answer in found.items() if (tag := answer.etag) and len(tag) == SHA256_DIGITS}
    return Snapshot(repository, commit, asked, files, hint, sizes, digests)


def _needed_files(has: Callable[[str], bool], origin: str, hint: str) -> list[str]:
    """List the files to download, with tf_model.h5 if there is no model.safetensors.

    Raises:
        UnavailableError: no model can start from these files.
    """
    files = [name for name in FILES if has(name)]
    problem = problem_beside_model(files.__contains__)
    if problem:
        raise UnavailableError(f"{origin} {problem[0]}", hint)
    if MODEL in files:
        return files
    if not has(f"{MODEL}.index.json") and has(H5):
        return [*files, H5]
    reason, todo = problem_of_model(has)
    raise UnavailableError(f"{origin} {reason}", todo)


def _download(
    snapshot: Snapshot, names: list[str], expected: dict[str, str], progress: Progress, again: str, *, force: bool
) -> dict[str, Path]:
    """Download and verify all files before the store changes; return their paths by name."""
    paths = {}
    total = sum(snapshot.sizes.get(name, 0) for name in names)
    with progress(f"fetching {snapshot.repository}", total) as advance:
        for name in names:
            path = paths[name] = snapshot.download(name, advance, force=force)
            if name in expected and (found := sha256(path)) != expected[name]:
                hint = f"{again}; if the result is the same, the hub's file has changed: do not use it"
                raise wrong_digest(path, found, expected[name], hint)
    return paths


def _replace_files(folder: Path, paths: dict[str, Path], good: set[str]) -> None:
    """Replace bad stored files by the new files, the model last."""
    # Remove the manifest and the model first: half-replaced weights must not look complete.
    for name in [MANIFEST, *reversed([name for name in FILES if name not in good])]:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(folder / name, error) from error
    for name in sorted(paths, key=lambda name: name in {MODEL, H5}):
        if name == H5:
            convert(paths[name], folder / MODEL)
        else:
            copy(paths[name], folder / name)


def _new_manifest(
    checks: list[FileCheck], reference: Reference, snapshot: Snapshot, stored: Manifest | None, paths: dict[str, Path]
) -> Manifest:
    files = {check.file: check.found for check in checks}
    verified = [name for name in files if name in reference.published]
    converted = {H5: sha256(paths[H5])} if H5 in paths else {}
    return Manifest(
        repository=reference.repository,
        revision=snapshot.commit,
        asked=stored.asked if stored else snapshot.asked,
        files=files,
        verified=verified,
        unverified=[name for name in files if name not in verified],
        # Without a new conversion, the stored model is still the earlier conversion.
        converted=converted or (stored.converted if stored else {}),
    )
