"""Reads and writes checkpoints on disk: tensors as npz, and a manifest as JSON; the last two checkpoints are kept.

The manifest is written last and holds the digest of the tensors. So a killed process leaves a complete checkpoint or
none. A damaged checkpoint is recognized and skipped; the previous checkpoint replaces it.
"""

import contextlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion.errors import BadParametersError
from emotion.formatting import differences
from emotion.store.atomic import cannot_write, replacing, sha256, write_text
from emotion.training.progress_state import ProgressState

VERSION = 1
KEPT = 2
# Largest header of an npy array, in bytes.
MAX_HEADER = 1024

Shapes = Mapping[str, tuple[int, ...]]


class _Manifest(BaseModel):
    """The JSON file of a checkpoint."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    version: int
    identity: dict[str, Any]
    # The alias is the key in the JSON of checkpoints.
    state: ProgressState = Field(alias="position")
    bytes: int
    sha256: str


class Damaged(Exception):  # noqa: N818  no failure: the checkpoint before is taken
    """A checkpoint does not match its manifest or the model."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with a correct digest."""

    state: ProgressState
    file: Path

    def tensors(self, shapes: Shapes) -> Iterator[tuple[str, NDArray[Any]]]:
        """Read the tensors one at a time, in the order of `shapes`.

        Raises:
            Damaged: names or shapes differ from `shapes`; raised before the first tensor.
        """
        try:
            archive = zipfile.ZipFile(self.file)
        except zipfile.BadZipFile as error:
            raise Damaged(f"{self.file.name} is no archive") from error
        with archive:
            found = {info.filename: _shape(archive, info) for info in archive.infolist()}
            if found != dict(shapes):
                foreign = [name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name)]
                raise Damaged(f"{len(foreign)} tensors belong to another model, such as {min(foreign)}")
            for name in shapes:
                with archive.open(name) as file:
                    yield name, np.lib.format.read_array(file, allow_pickle=False)


class Checkpoints:
    """The checkpoints of one run, in `folder`; `identity` distinguishes its training from others."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder, self.identity = folder, dict(identity)
        self.damaged: set[int] = set()

    def save(self, state: ProgressState, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
        """Write a checkpoint, and keep only the last two; damaged checkpoints do not count.

        Raises:
            CannotWriteError: the store is full or read-only; earlier checkpoints are unchanged.
        """
        number = max([0, *self._numbers(".npz"), *self._numbers(".json")]) + 1
        with replacing(self._path(number, ".npz")) as temporary:
            _write(temporary, tensors)
            digest, size = sha256(temporary), temporary.stat().st_size
        manifest = _Manifest(version=VERSION, identity=self.identity, position=state, bytes=size, sha256=digest)
        write_text(self._path(number, ".json"), manifest.model_dump_json(indent=2, by_alias=True) + "\n")
        self._prune()

    def newest(self, warn: Callable[[str], None]) -> Iterator[Checkpoint]:
        """Yield the intact checkpoints, newest first; `warn` receives a message about every damaged checkpoint.

        Raises:
            BadParametersError: a checkpoint belongs to another training.
        """
        for number in sorted(self._numbers(".json"), reverse=True):
            try:
                yield self._read(number)
            except Damaged as error:
                self.damaged.add(number)
                warn(f"checkpoint {self._path(number, '.json')} is damaged and is skipped: {error}")

    def _read(self, number: int) -> Checkpoint:
        path, file = self._path(number, ".json"), self._path(number, ".npz")
        try:
            manifest = _Manifest.model_validate_json(path.read_bytes())
            if manifest.version != VERSION:
                raise Damaged(f"it has version {manifest.version}")
            self._check_same(path, manifest.identity)
            if file.stat().st_size != manifest.bytes or sha256(file) != manifest.sha256:
                raise Damaged(f"{file.name} has other bytes than were written")
        except OSError as error:
            raise Damaged(f"{error.filename}: {error.strerror}") from error
        except ValidationError as error:
            raise Damaged(f"it is not a checkpoint: {error.errors()[0]['msg'].lower()}") from error
        return Checkpoint(manifest.state, file)

    def _check_same(self, path: Path, identity: dict[str, Any]) -> None:
        different = differences(identity, self.identity, "params.resources")
        if different:
            raise BadParametersError(
                f"{path} belongs to another training:\n" + "\n".join(different),
                f"choose another --run name, or remove {self.folder}",
            )

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:08d}{suffix}"

    def _numbers(self, suffix: str) -> list[int]:
        return [int(path.stem) for path in self.folder.glob(f"[0-9]*{suffix}") if path.stem.isdecimal()]

    def _prune(self) -> None:
        """Remove old checkpoints, manifests first: tensors without a manifest are ignored."""
        kept = sorted(set(self._numbers(".json")) - self.damaged)[-KEPT:]
        try:
            for suffix in (".json", ".npz"):
                for number in self._numbers(suffix):
                    if number not in kept:
                        self._path(number, suffix).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error


def _write(path: Path, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write an npz file with one tensor in memory at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in tensors:
            with archive.open(name, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def _shape(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...]:
    """Read the shape of an array from its header.

    Raises:
        Damaged: the content is not an array of numbers, or its size does not match its header.
    """
    with contextlib.suppress(ValueError, EOFError, SyntaxError, TokenError), archive.open(info) as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        size = int(np.prod(shape)) * dtype.itemsize
        stored = info.compress_type == zipfile.ZIP_STORED and size <= info.file_size <= size + MAX_HEADER
        if stored and dtype.kind in "fi":
            return tuple(shape)
    raise Damaged(f"{info.filename} is no array")
