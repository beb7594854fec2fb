"""Checkpoints on disk: tensors as npz, then a manifest that makes them count; the last two are kept.

A manifest is written last and tells the digest of its tensors, so that a killed process leaves a whole checkpoint
or none, and a damaged one is found and passed over for the one before.
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
from pydantic import BaseModel, ConfigDict, ValidationError

from emotion.errors import BadParametersError
from emotion.formatting import differences
from emotion.store.atomic import cannot_write, replacing, sha256, write_text
from emotion.training.progress_state import ProgressState

VERSION = 1
KEPT = 2
# What an array has before its values in a file, at most.
MOST_HEADER = 1024

Shapes = Mapping[str, tuple[int, ...]]


class _Manifest(BaseModel):
    """What a checkpoint's JSON file tells of its tensors."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    version: int
    identity: dict[str, Any]
    position: ProgressState
    bytes: int
    sha256: str


class Damaged(Exception):  # noqa: N818  not ours to fail for: the checkpoint before is taken
    """A checkpoint that is not what it says."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose bytes are those that were written."""

    position: ProgressState
    file: Path

    def tensors(self, shapes: Shapes) -> Iterator[tuple[str, NDArray[Any]]]:
        """Read the tensors, one at a time.

        Raises:
            Damaged: they are not of these names and shapes; before the first is given.
        """
        try:
            archive = zipfile.ZipFile(self.file)
        except zipfile.BadZipFile as error:
            raise Damaged(f"{self.file.name} is no archive") from error
        with archive:
            found = {info.filename: _shape(archive, info) for info in archive.infolist()}
            if found != dict(shapes):
                strange = [name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name)]
                raise Damaged(f"{len(strange)} tensors are another model's, such as {min(strange)}")
            for name in shapes:
                with archive.open(name) as file:
                    yield name, np.lib.format.read_array(file, allow_pickle=False)


class Checkpoints:
    """The checkpoints of one run, in `folder`; `identity` is what makes it this training and no other."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder, self.identity = folder, dict(identity)
        self.damaged: set[int] = set()

    def save(self, position: ProgressState, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
        """Write a checkpoint, and remove all but the last two; those that were found damaged do not count.

        Raises:
            CannotWriteError: the store is full or read-only; those before are as they were.
        """
        number = max([0, *self._numbers(".npz"), *self._numbers(".json")]) + 1
        with replacing(self._path(number, ".npz")) as temporary:
            _write(temporary, tensors)
            digest, size = sha256(temporary), temporary.stat().st_size
        manifest = _Manifest(version=VERSION, identity=self.identity, position=position, bytes=size, sha256=digest)
        write_text(self._path(number, ".json"), manifest.model_dump_json(indent=2) + "\n")
        self._prune()

    def newest(self, passed_over: Callable[[str], None]) -> Iterator[Checkpoint]:
        """Give whole checkpoints, the newest first; `passed_over` is told of each that is not whole.

        Raises:
            BadParametersError: one is of another training.
        """
        for number in sorted(self._numbers(".json"), reverse=True):
            try:
                yield self._read(number)
            except Damaged as error:
                self.damaged.add(number)
                passed_over(f"checkpoint {self._path(number, '.json')} is damaged and passed over: {error}")

    def _read(self, number: int) -> Checkpoint:
        path, file = self._path(number, ".json"), self._path(number, ".npz")
        try:
            manifest = _Manifest.model_validate_json(path.read_bytes())
            if manifest.version != VERSION:
                raise Damaged(f"it is of version {manifest.version}")
            self._check_same(path, manifest.identity)
            if file.stat().st_size != manifest.bytes or sha256(file) != manifest.sha256:
                raise Damaged(f"{file.name} has not the bytes that were written")
        except OSError as error:
            raise Damaged(f"{error.filename}: {error.strerror}") from error
        except ValidationError as error:
            raise Damaged(f"it is no checkpoint: {error.errors()[0]['msg'].lower()}") from error
        return Checkpoint(manifest.position, file)

    def _check_same(self, path: Path, identity: dict[str, Any]) -> None:
        different = differences(identity, self.identity, "params.resources")
        if different:
            raise BadParametersError(
                f"{path} is a checkpoint of another training:\n" + "\n".join(different),
                f"choose another --run name, or remove {self.folder}",
            )

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:08d}{suffix}"

    def _numbers(self, suffix: str) -> list[int]:
        return [int(path.stem) for path in self.folder.glob(f"[0-9]*{suffix}") if path.stem.isdecimal()]

    def _prune(self) -> None:
        """Remove manifests before tensors: what is left without one counts nothing."""
        kept = sorted(set(self._numbers(".json")) - self.damaged)[-KEPT:]
        try:
            for suffix in (".json", ".npz"):
                for number in self._numbers(suffix):
                    if number not in kept:
                        self._path(number, suffix).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error


def _write(path: Path, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write an npz, one tensor in memory at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in tensors:
            with archive.open(name, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def _shape(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...]:
    """The shape of an array that is as large as it says, and holds plain numbers."""
    with contextlib.suppress(ValueError, EOFError, SyntaxError, TokenError), archive.open(info) as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        size = int(np.prod(shape)) * dtype.itemsize
        stored = info.compress_type == zipfile.ZIP_STORED and size <= info.file_size <= size + MOST_HEADER
        if stored and dtype.kind in "fi":
            return tuple(shape)
    raise Damaged(f"{info.filename} is no array")
