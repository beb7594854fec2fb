"""`weights.json`: what a fetched checkpoint consists of. Written last, and from then on the pin of its files."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion.errors import BadDataError
from emotion.store.atomic import write_json
from emotion.store.layout import read_json
from emotion.weights.layout import FILES, MODEL

NAME = "weights.json"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """A checkpoint of the store.

    `revision` is the commit, `asked` the branch or tag that led to it. `files` has each file's SHA-256:
    those in `verified` equal published ones, those in `unverified` are as they were first fetched.
    `converted` has the SHA-256 of the file that model.safetensors was made from, where the hub had none.
    """

    # Later versions may add keys; what is here must be right.
    model_config = ConfigDict(extra="ignore", frozen=True)

    repository: str
    revision: str
    asked: str
    files: dict[str, Digest]
    verified: list[str]
    unverified: list[str]
    converted: dict[str, Digest] = {}

    @property
    def pins(self) -> dict[str, str]:
        """SHA-256 of what the hub sent; what was made here depends on the version that made it."""
        sent = {name: digest for name, digest in self.files.items() if not (self.converted and name == MODEL)}
        return sent | self.converted

    def is_of(self, revision: str) -> bool:
        """Tell whether it serves where `revision` is wanted."""
        return revision in {"", self.revision, self.asked}


def read_manifest(folder: Path) -> Manifest | None:
    """Read the folder's manifest; None where there is none.

    Raises:
        BadDataError: it is damaged, or names files that no checkpoint has.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    hint = f"fetch it again with `emotion weights fetch MODEL --force`, or remove {folder}"
    try:
        manifest = Manifest.model_validate(read_json(path))
    except BadDataError as error:
        raise BadDataError(error.message, hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadDataError(f"{path} is not a manifest of weights: {place}: {first['msg']}", hint) from error
    strange = sorted(set(manifest.files) - set(FILES))
    if strange:
        raise BadDataError(f"{path} names a file that no checkpoint has: {strange[0]!r}", hint)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the folder's manifest.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    write_json(folder / NAME, manifest.model_dump())
