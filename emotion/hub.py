"""The Hugging Face hub through its own client: whether it can be reached, and what its errors mean for a person."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emotion.errors import UnavailableError
from emotion.store.atomic import cannot_write

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

SECONDS = 8.0
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Kind = Literal["model", "dataset"]
Tell = Callable[[str], None]


def prepare_client() -> None:
    """Set what the client reads when it is first imported: we show progress, and say what went wrong.

    Its second protocol, Xet, asks hosts of its own, which closed networks do not let through.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")


def ask(repository: str, file: str, revision: str, kind: Kind, tell: Tell) -> "HfFileMetadata | None":
    """Ask the hub once for a file; None where it is out of reach: its client's cache may still have the file.

    hf_hub_download itself would try six times, for half a minute and more, before it says so.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    url = hf_hub_url(repository, file, repo_type=kind, revision=revision)
    endpoint = url.partition("/datasets/" if kind == "dataset" else f"/{repository}/")[0]
    tell(f"asking {endpoint} for {repository} at {revision}")
    try:
        return get_hf_file_metadata(url, timeout=SECONDS)
    except HfHubHTTPError:
        raise
    except (HTTPError, ConnectionError) as error:
        tell(f"the hub is out of reach ({error}); looking in its client's cache")
        return None


@contextlib.contextmanager
def told_plainly(repository: str, hint: str) -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises:
        UnavailableError: the hub is out of reach, or does not have what was asked for.
        CannotWriteError: the client's cache cannot be written.
    """
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of httpx or, since 2.0, httpx2

    try:
        yield
    except (HTTPError, OSError) as error:
        raise _failure(error, repository, hint) from error


def _failure(error: Exception, repository: str, hint: str) -> Exception:
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return cannot_write(Path(error.filename or "the cache of the Hugging Face client (HF_HOME)"), error)
    absent = isinstance(error, LocalEntryNotFoundError)
    reason = "it is out of reach, and its client's cache has no copy" if absent else " ".join(str(error).split())
    return UnavailableError(f"cannot fetch {repository} from the Hugging Face hub: {reason}", hint)
