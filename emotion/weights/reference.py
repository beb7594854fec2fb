"""What a person calls a checkpoint: a folder, or a repository on the hub, `org/name` or `org/name@revision`."""

import re
from dataclasses import dataclass
from pathlib import Path

from emotion.errors import UsageError
from emotion.weights.known import PRETRAINED, PretrainedModel

# The hub's own rule, with an organisation always; these names become folders.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./-]{0,126}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Reference:
    """A repository and the branch, tag or commit that was asked for; "" where none was."""

    repository: str
    revision: str = ""

    @property
    def known(self) -> PretrainedModel | None:
        """What is known of it; None as well where another revision is asked for."""
        known = PRETRAINED.get(self.repository)
        return known if known and self.revision in {"", known.revision} else None

    @property
    def wanted(self) -> str:
        """The revision that it must have: the one asked for, or else the one it is pinned to; "" for any."""
        return self.revision or (self.known.revision if self.known else "")

    @property
    def published(self) -> dict[str, str]:
        """Published SHA-256 by file; empty where none are known."""
        return self.known.digests if self.known else {}

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository


def is_folder(text: str) -> bool:
    """Tell whether `text` means a local folder and not a repository."""
    return text.startswith(("/", "./", "../", "~")) or Path(text).is_dir()


def parse_reference(text: str, revision: str = "") -> Reference:
    """Read `org/name` or `org/name@revision`; `revision` counts where the text has none.

    Raises:
        UsageError: it is not a repository's name, or not a revision.
    """
    repository, _, own = text.partition("@")
    if not _REPOSITORY.fullmatch(repository) or _climbs(repository) or repository.endswith(".git"):
        raise UsageError(
            f"{text!r} is neither a model, nor a repository on the hub",
            "write org/name, such as google-bert/bert-base-uncased, or a folder that begins with ./ or /;"
            " `emotion models` lists the models",
        )
    if (own or revision) and (not _REVISION.fullmatch(own or revision) or ".." in (own or revision)):
        raise UsageError(f"{own or revision!r} is not a revision", "name a branch, a tag or a commit")
    return Reference(repository, own or revision)


def _climbs(repository: str) -> bool:
    return ".." in repository or "--" in repository
