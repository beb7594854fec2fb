"""The Hugging Face hub through its own client: whether the hub answers, and what the client's errors mean."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emotion.errors import EmotionError, UnavailableError
from emotion.store.atomic import cannot_write

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

PROBE_SECONDS = 8.0
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def prepare_client() -> None:
    """Set variables that the client reads at its first import: the suite shows progress and reports errors itself.

    The client's second protocol, Xet, needs other hosts, which closed networks block.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")


def probe_file(
    repository: str, file: str, revision: str, repo_type: Literal["model", "dataset"], tell: Callable[[str], None]
) -> "HfFileMetadata | None":
    """Ask the hub once for a file's metadata; None if the hub is unreachable, although the cache may have the file.

    Without this probe, hf_hub_download tries six times, for over half a minute, before it fails.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    url = hf_hub_url(repository, file, repo_type=repo_type, revision=revision)
    endpoint = url.partition("/datasets/" if repo_type == "dataset" else f"/{repository}/")[0]
    tell(f"asking {endpoint} for {repository} at revision {revision}")
    try:
        return get_hf_file_metadata(url, timeout=PROBE_SECONDS)
    except HfHubHTTPError:
        raise
    except (HTTPError, ConnectionError) as error:
        tell(f"the hub is unreachable ({error}); looking in the client's cache")
        return None


def file_metadata(repository: str, file: str, revision: str) -> "HfFileMetadata | None":
    """Ask the hub for the metadata of a model's file; None if the repository has no such file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return get_hf_file_metadata(hf_hub_url(repository, file, revision=revision))
    except EntryNotFoundError:
        return None


def download_file(
    repository: str, file: str, revision: str, size: int, advance: Callable[[int], None], *, force: bool
) -> Path:
    """Download a model's file of `size` bytes into the client's cache; the client resumes a broken download.

    `advance` counts the bytes, including bytes that the cache already had.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    counted = 0

    class Counter(tqdm):
        """A progress bar that shows nothing."""

        def update(self, n: float | None = 1) -> None:
            nonlocal counted
            counted += int(n or 0)
            advance(int(n or 0))

    path = hf_hub_download(repository, file, revision=revision, force_download=force, tqdm_class=Counter)
    advance(size - counted)
    return Path(path)


@contextlib.contextmanager
def translate_errors(repository: str, hint: str) -> Iterator[None]:
    """Turn the client's errors into the suite's own.

    Raises:
        UnavailableError: the hub is unreachable, or has no such file, revision or repository.
        CannotWriteError: the client's cache cannot be written.
    """
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of httpx or, since 2.0, httpx2

    try:
        yield
    except (HTTPError, OSError) as error:
        raise _translate(error, repository, hint) from error


def _translate(error: Exception, repository: str, hint: str) -> EmotionError:
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return cannot_write(Path(error.filename or "the cache of the Hugging Face client (HF_HOME)"), error)
    absent = isinstance(error, LocalEntryNotFoundError)
    reason = "it is unreachable, and the client's cache has no copy" if absent else " ".join(str(error).split())
    return UnavailableError(f"cannot fetch {repository} from the Hugging Face hub: {reason}", hint)
