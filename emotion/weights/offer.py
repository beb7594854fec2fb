"""What a repository has of what a checkpoint needs, at one commit: on the hub, or else in its client's cache."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from emotion.errors import UnavailableError
from emotion.hub import Tell, ask, prepare_client, told_plainly
from emotion.weights.layout import CONFIG, FILES, H5, MODEL, missing, without_model
from emotion.weights.places import cache_folder, package_hint
from emotion.weights.reference import Reference

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

Advance = Callable[[int], None]
SHA256_DIGITS = 64


@dataclass(frozen=True)
class Offer:
    """The files to be had of a commit, which the revision `asked` led to.

    `digests` are SHA-256 that the hub itself announces, `sizes` are bytes. `local` is the folder of the client's
    cache where the hub is out of reach.
    """

    repository: str
    commit: str
    asked: str
    files: list[str]
    sizes: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    local: Path | None = None
    hint: str = ""

    def bring(self, name: str, advance: Advance, *, force: bool) -> Path:
        """Give the file's path in the client's cache, downloaded if need be; a broken connection is taken up again.

        Raises:
            UnavailableError: the hub does not give it.
            CannotWriteError: the cache cannot be written.
        """
        if self.local:
            return self.local / name
        from huggingface_hub import hf_hub_download

        counted = 0

        def count(more: int) -> None:
            nonlocal counted
            counted += more
            advance(more)

        # By the branch's name once, so that the client remembers for later where it was.
        revision = self.asked if name == CONFIG else self.commit
        with told_plainly(self.repository, self.hint):
            path = Path(
                hf_hub_download(self.repository, name, revision=revision, force_download=force, tqdm_class=_bar(count))
            )
        if path.parent.name != self.commit:
            raise UnavailableError(f"{self.repository} changed while it was fetched", "try again")
        advance(self.sizes.get(name, 0) - counted)
        return path


def find_offer(reference: Reference, pinned: str, folder: Path, tell: Tell) -> Offer:
    """Ask what there is of the checkpoint; `pinned` is the commit that the store has, `folder` where it goes.

    Raises:
        UnavailableError: the hub is out of reach and its client's cache lacks it, or it cannot be used.
    """
    prepare_client()
    asked = pinned or reference.wanted or "main"
    hint = (
        f"try again where the hub can be reached (HF_ENDPOINT names a mirror), or copy the folder that"
        f" `emotion weights fetch {reference}` fills on another machine to {folder}{package_hint(reference)}"
    )
    with told_plainly(reference.repository, hint):
        first = ask(reference.repository, CONFIG, asked, "model", tell)
        if first is None:
            return _cached(reference.repository, asked, hint)
        if first.commit_hash is None:
            raise UnavailableError(f"{first.location} does not answer like a hub: it names no commit", hint)
        return _offered(reference.repository, first.commit_hash, asked, hint, tell)


def _cached(repository: str, asked: str, hint: str) -> Offer:
    folder = cache_folder(repository, asked)
    if folder is None:
        raise UnavailableError(
            f"cannot fetch {repository}: the hub is out of reach, and its client's cache lacks it", hint
        )
    files = _usable(lambda name: (folder / name).is_file(), f"the cache's copy of {repository}", hint)
    return Offer(repository, folder.name, asked, files, local=folder)


def _offered(repository: str, commit: str, asked: str, hint: str, tell: Tell) -> Offer:
    found: dict[str, HfFileMetadata | None] = {}

    def has(name: str) -> bool:
        if name not in found:
            found[name] = _metadata(repository, name, commit)
        return found[name] is not None

    files = _usable(has, repository, hint)
    known = {name: each for name in files if (each := found[name]) is not None}
    sizes = {name: each.size or 0 for name, each in known.items()}
    tell(f"{repository} at {commit}: {len(files)} files, {sum(sizes.values()) / 1e6:,.1f} MB")
    # Of a large file the tag is its SHA-256, of a small one git's digest.
    digests = {name: each.etag for name, each in known.items() if each.etag and len(each.etag) == SHA256_DIGITS}
    return Offer(repository, commit, asked, files, sizes, digests, hint=hint)


def _usable(has: Callable[[str], bool], where: str, hint: str) -> list[str]:
    """Tell which files to bring: those that are needed, and tf_model.h5 where there is no model.safetensors.

    Raises:
        UnavailableError: it is no checkpoint that can be used.
    """
    files = [name for name in FILES if has(name)]
    wrong = missing(files.__contains__)
    if wrong:
        raise UnavailableError(f"{where} {wrong[0]}", hint)
    if MODEL in files:
        return files
    if not has(f"{MODEL}.index.json") and has(H5):
        return [*files, H5]
    text, todo = without_model(has)
    raise UnavailableError(f"{where} {text}", todo)


def _metadata(repository: str, name: str, commit: str) -> "HfFileMetadata | None":
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return get_hf_file_metadata(hf_hub_url(repository, name, revision=commit))
    except EntryNotFoundError:
        return None


def _bar(advance: Advance) -> type:
    """A bar of the client's kind that shows nothing and counts the bytes."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Bar(tqdm):
        def update(self, n: float | None = 1) -> None:
            advance(int(n or 0))

    return Bar
