"""Compares a checkpoint's files with published digests, and with those of when it was fetched."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emotion.errors import BadDataError
from emotion.store.atomic import sha256
from emotion.weights.layout import FILES
from emotion.weights.manifest import Manifest


class Verdict(StrEnum):
    """How a file compares: `verified` with a published digest, `as fetched` with the manifest's."""

    VERIFIED = "verified"
    AS_FETCHED = "as fetched"
    UNVERIFIED = "unverified"
    WRONG = "wrong"
    MISSING = "missing"


BAD = (Verdict.WRONG, Verdict.MISSING)


@dataclass(frozen=True)
class Compared:
    """One file: its SHA-256, the one that it should have ("" where none is known), and the verdict."""

    file: str
    found: str
    expected: str
    verdict: Verdict


def compare(folder: Path, published: dict[str, str], manifest: Manifest | None) -> list[Compared]:
    """Read every file of the checkpoint in `folder` and compare it. Published digests count before fetched ones.

    A file with a published digest may be absent, since a tokenizer can be told in other files as well; one
    that the manifest has may not.
    """
    fetched = manifest.files if manifest else {}
    return [
        _compared(folder / name, published.get(name, ""), fetched.get(name, ""))
        for name in FILES
        if name in fetched or (folder / name).is_file()
    ]


def _compared(path: Path, published: str, fetched: str) -> Compared:
    expected = published or fetched
    if not path.is_file():
        return Compared(path.name, "", expected, Verdict.MISSING)
    found = sha256(path)
    if not expected:
        return Compared(path.name, found, "", Verdict.UNVERIFIED)
    good = Verdict.VERIFIED if published else Verdict.AS_FETCHED
    return Compared(path.name, found, expected, good if found == expected else Verdict.WRONG)


def wrong(path: Path, found: str, expected: str, hint: str) -> BadDataError:
    """Say that a file is not the one that it should be."""
    return BadDataError(f"{path} is not the file it should be: its SHA-256 is {found}, expected {expected}", hint)


def require_right(folder: Path, compared: list[Compared], hint: str) -> None:
    """Raise BadDataError for the first file that is wrong or missing; `hint` says what to do."""
    for each in compared:
        if each.verdict is Verdict.WRONG:
            raise wrong(folder / each.file, each.found, each.expected, hint)
        if each.verdict is Verdict.MISSING:
            raise BadDataError(f"{folder / each.file} is missing, and was there when it was fetched", hint)
