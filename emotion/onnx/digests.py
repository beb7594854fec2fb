"""SHA-256 of a model's files from their export: in the run's metrics.json, and in SHA256SUMS next to the files."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.errors import BadDataError
from emotion.records.text_io import unreadable
from emotion.store.atomic import sha256, write_text
from emotion.store.layout import Run, parse_json

# The format of `sha256sum` and `sha256sum --check` of coreutils.
SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9A-Fa-f]{64}) [ *](.+)")
DIGEST = re.compile(r"[0-9a-f]{64}")
# Limit on metrics.json or SHA256SUMS, which have some kilobytes.
MOST_BYTES = 1 << 24


@dataclass(frozen=True)
class Digests:
    """SHA-256 of files by name, as 64 hex digits; `source` is the file with the digests."""

    source: Path
    of_files: Mapping[str, str]

    def check(self, path: Path, found: str) -> None:
        """Compare the digest of `path` with the digest from its export.

        Raises:
            BadDataError: the file changed, or has no digest.
        """
        expected = self.of_files.get(path.name)
        if expected is None:
            raise BadDataError(f"{self.source} has no SHA-256 of {path.name}", self._hint)
        if found != expected:
            raise BadDataError(
                f"{path} changed since its export: its SHA-256 starts with {found[:8]},"
                f" but with {expected[:8]} in {self.source}",
                self._hint,
            )

    @property
    def _hint(self) -> str:
        if self.source.name == SUMS:
            change = f"if the change is intended, remove {SUMS} or write it again with sha256sum"
        else:
            # The metrics belong to the original files.
            change = f"to change a model, copy its folder, change the copy, and remove {SUMS} there"
        return f"copy the folder again from its origin, or export the model again; {change}"


def write_digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Write SHA256SUMS of the existing files with these names in `folder`, and return the digests.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    found = {name: sha256(folder / name) for name in names if (folder / name).is_file()}
    write_text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in found.items()))
    return found


def read_digests(folder: Path) -> Digests | None:
    """Read the digests of a model folder from the run's metrics.json, or else from SHA256SUMS.

    Other tools and earlier versions write neither; then there are no digests.

    Raises:
        InputMissingError: the file with the digests cannot be read.
        BadDataError: the file is damaged.
    """
    folder = folder.resolve()
    run = Run(folder.parent.parent.name, folder.parent.name, folder.parent)
    if folder == run.exported and os.path.lexists(run.metrics):
        content = parse_json(_read(run.metrics), run.metrics).get("onnx")
        digests = content.get("digests") if isinstance(content, dict) else None
        if digests is not None:
            return Digests(run.metrics, _of_run(digests, run.metrics))
    sums = folder / SUMS
    return Digests(sums, _of_lines(_read(sums), sums)) if os.path.lexists(sums) else None


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise BadDataError(f"{path} is not a file", "copy it again from its origin")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > MOST_BYTES:
        raise BadDataError(f"{path} has more than {MOST_BYTES:,} bytes", "copy it again from its origin")
    return content


def _of_run(content: Any, path: Path) -> dict[str, str]:
    valid = isinstance(content, dict) and all(
        isinstance(digest, str) and DIGEST.fullmatch(digest) for digest in content.values()
    )
    if not valid:
        raise BadDataError(f"{path}: onnx.digests does not map files to SHA-256", "copy it again from its origin")
    return dict(content)


def _of_lines(content: bytes, path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").removesuffix("\n").split("\n"), 1):
        match = LINE.fullmatch(line)
        name = match[2] if match else ""
        if match is None or "/" in name or name in found:
            wrong = "has a second SHA-256 for a file" if name in found else "is not a SHA-256 with a file name"
            raise BadDataError(
                f"{path}: line {number} {wrong}", f"write it again with sha256sum in {path.parent}, or remove it"
            )
        found[name] = match[1].lower()
    return found
