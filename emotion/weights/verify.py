"""Verifies the files of pretrained weights: required files, fetched files, and digests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion.errors import BadDataError, InputMissingError
from emotion.reader import for_reader
from emotion.store.atomic import sha256, write_json
from emotion.store.layout import read_json

MANIFEST = "weights.json"
CONFIG = "config.json"
MODEL = "model.safetensors"
H5 = "tf_model.h5"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
# All files that may be read. The model comes last, because it completes a folder.
FILES = (
    CONFIG,
    *TOKENIZERS,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    MODEL,
)
SAVE = "if you trust it, open it with transformers; save_pretrained(FOLDER, {}) then writes one model.safetensors"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """The content of `weights.json`, which completes a fetch and pins the fetched files.

    `revision` is the commit, and `asked` is the branch or tag that led to it. `files` has the SHA-256 by file: files in
    `verified` equal the published files, and files in `unverified` equal the first download. `converted` has the
    SHA-256 of the tf_model.h5 that became model.safetensors, if any.
    """

    # Later versions may add keys.
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
        """SHA-256 of the files from the hub. A converted model is not pinned: its bytes depend on our version."""
        sent = {name: digest for name, digest in self.files.items() if not (self.converted and name == MODEL)}
        return sent | self.converted

    def serves(self, revision: str) -> bool:
        """Whether these weights have the wanted `revision`."""
        return revision in {"", self.revision, self.asked}


def read_manifest(folder: Path) -> Manifest | None:
    """Read the folder's manifest; None if the folder has no manifest.

    Raises:
        BadDataError: the manifest is damaged, or names unknown files.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    name = f"{folder.parent.name}/{folder.name}"
    hint = for_reader(
        f"fetch it again with `emotion weights fetch {name} --force`, or remove {folder}",
        f"put it again from another machine: `emotion put FOLDER weights/{name}{{flags}}`",
    )
    try:
        manifest = Manifest.model_validate(read_json(path))
    except BadDataError as error:
        raise BadDataError(error.message, hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadDataError(f"{path} is not a manifest of weights: {key}: {first['msg']}", hint) from error
    unknown = sorted(set(manifest.files) - set(FILES))
    if unknown:
        raise BadDataError(f"{path} names an unknown file: {unknown[0]!r}", hint)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the folder's manifest.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    write_json(folder / MANIFEST, manifest.model_dump())


class Verdict(StrEnum):
    """How a file compares: `verified` with a published digest, `as fetched` with the manifest's digest."""

    VERIFIED = "verified"
    AS_FETCHED = "as fetched"
    UNVERIFIED = "unverified"
    WRONG = "wrong"
    MISSING = "missing"


BAD = (Verdict.WRONG, Verdict.MISSING)


@dataclass(frozen=True)
class FileCheck:
    """The found and the expected SHA-256 (64 hex digits; "" for none), and the verdict."""

    file: str
    found: str
    expected: str
    verdict: Verdict


def check_files(folder: Path, published: dict[str, str], manifest: Manifest | None) -> list[FileCheck]:
    """Read every file of the folder and compare its digest; published digests come before the manifest's digests.

    A file with a published digest may be absent, because other files can hold the same tokenizer. A file of the
    manifest must exist.
    """
    fetched = manifest.files if manifest else {}
    return [
        _check_file(folder / name, published.get(name, ""), fetched.get(name, ""))
        for name in FILES
        if name in fetched or (folder / name).is_file()
    ]


def _check_file(path: Path, published: str, fetched: str) -> FileCheck:
    expected = published or fetched
    if not path.is_file():
        return FileCheck(path.name, "", expected, Verdict.MISSING)
    found = sha256(path)
    if not expected:
        return FileCheck(path.name, found, "", Verdict.UNVERIFIED)
    good = Verdict.VERIFIED if published else Verdict.AS_FETCHED
    return FileCheck(path.name, found, expected, good if found == expected else Verdict.WRONG)


def require_good(folder: Path, checks: Sequence[FileCheck], hint: str) -> None:
    """Raise BadDataError for the first wrong or missing file; `hint` is the advice."""
    for check in checks:
        if check.verdict is Verdict.WRONG:
            raise wrong_digest(folder / check.file, check.found, check.expected, hint)
        if check.verdict is Verdict.MISSING:
            raise BadDataError(f"{folder / check.file} is missing, although it was fetched", hint)


def wrong_digest(path: Path, found: str, expected: str, hint: str) -> BadDataError:
    """Make an error for a file with a SHA-256 that differs from the expected one."""
    return BadDataError(f"{path} is wrong: its SHA-256 is {found}, expected {expected}", hint)


def incomplete(folder: Path) -> InputMissingError | None:
    """Make an error that names missing files in the folder; None if the folder is complete."""
    if not folder.is_dir():
        return InputMissingError(f"no such folder: {folder}", "name a folder with config.json and model.safetensors")

    def has(name: str) -> bool:
        return (folder / name).is_file()

    problem = problem_beside_model(has) or (problem_of_model(has) if not has(MODEL) else None)
    return InputMissingError(f"{folder} {problem[0]}", problem[1]) if problem else None


def problem_beside_model(has: Callable[[str], bool]) -> tuple[str, str] | None:
    """Describe a missing configuration or tokenizer, and what to do; None if both exist."""
    if not has(CONFIG):
        return f"has no {CONFIG}", "name a folder or repository with a saved checkpoint"
    if not any(map(has, TOKENIZERS)):
        return f"has no tokenizer, none of {', '.join(TOKENIZERS)}", "put the tokenizer's files next to the model"
    return None


def problem_of_model(has: Callable[[str], bool]) -> tuple[str, str]:
    """Describe what a folder or repository has instead of model.safetensors, and what to do."""
    if has(f"{MODEL}.index.json"):
        return (
            f"splits its weights into several files ({MODEL}.index.json), but only a single {MODEL} is supported",
            SAVE.format('max_shard_size="100GB"'),
        )
    if has("pytorch_model.bin"):
        return (
            f"has no {MODEL}, only pytorch_model.bin: pickles can run any code and are never read",
            SAVE.format("safe_serialization=True"),
        )
    if has(H5):
        conversion = "`emotion weights fetch ORG/NAME` converts it after the download"
        hint = for_reader(
            conversion, f"{conversion}, and `emotion put FOLDER weights/ORG/NAME{{flags}}` brings it here"
        )
        return f"has no {MODEL}, only {H5}", hint
    return f"has no {MODEL}", "only safetensors are read"
