"""Writes a data set: `text;label` lines in one file per split, and the card that says their origin."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emotion.data.origin import CARD
from emotion.data.split_files import SPLITS, split_candidates
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.store.atomic import cannot_write, sha256, write_bytes, write_json
from emotion.store.layout import read_json

FILES = {split: f"{split}.txt" for split in SPLITS}
SAMPLE_SOURCE = "made up by `emotion data sample`"
SAMPLE_LICENCE = "Apache-2.0"
Rows = Sequence[tuple[str, str]]


def as_lines(file: str, rows: Rows) -> bytes:
    """Rows as `text;label` lines in UTF-8 with LF. The last semicolon divides, so a text may contain semicolons.

    Raises:
        BadDataError: a text or label would not be read back unchanged.
    """
    for number, (text, label) in enumerate(rows, start=1):
        problem = _problem(text, label)
        if problem:
            raise BadDataError(f"row {number} cannot be a line of {file}: {problem}", "use CSV for such texts")
    return "".join(f"{text};{label}\n" for text, label in rows).encode()


def _problem(text: str, label: str) -> str:
    if "\n" in text + label or "\r" in text + label:
        return "it has a line break"
    if ";" in label:
        return f"its label has a semicolon: {label!r}"
    return "" if text.strip() and label.strip() == label != "" else "its text or label is empty or padded"


def found_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the existing files among the three, by name."""
    return {file: sha256(folder / file) for file in FILES.values() if (folder / file).is_file()}


def check_overwrite(folder: Path, digests: Mapping[str, str], *, force: bool) -> None:
    """Make sure that to write files with `digests` destroys no other files and mixes with no other data set.

    Raises:
        UsageError: files of these names differ and `force` is not set, or a split exists in another format.
    """
    names = [path.name for split in SPLITS for path in split_candidates(folder, split)]
    others = [name for name in names if name not in FILES.values()]
    if others:
        raise UsageError(f"{folder} holds another data set: {', '.join(others)}", "choose another folder")
    different = [file for file, digest in found_digests(folder).items() if digest != digests.get(file)]
    if different and not force:
        raise UsageError(
            f"{folder} has other files of that name: {', '.join(different)}",
            "choose another folder, or overwrite them with --force",
        )


def write_splits(folder: Path, contents: Mapping[str, bytes], card: Mapping[str, Any]) -> None:
    """Write the files, by name, and the card last.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    _remove_card(folder)
    for file, content in contents.items():
        write_bytes(folder / file, content)
    write_json(folder / CARD, dict(card))


def write_sample(folder: Path, contents: Mapping[str, bytes], seed: int, *, force: bool) -> tuple[dict[str, Any], bool]:
    """Write the sample's files unless they exist. Return the card, and whether this wrote anything.

    Raises:
        UsageError: the folder has other files of these names, and `force` is not set.
        CannotWriteError: the folder cannot be written.
    """
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    found = {file: {"found": digest} for file, digest in digests.items()}
    origin = {"name": "sample corpus (built in)", "sample": True, "source": SAMPLE_SOURCE, "licence": SAMPLE_LICENCE}
    card = {**origin, "seed": seed, "sha256": found}
    if found_digests(folder) == digests and read_card(folder) == card:
        return card, False
    check_overwrite(folder, digests, force=force)
    write_splits(folder, contents, card)
    return card, True


def _remove_card(folder: Path) -> None:
    """Remove the card of the files before: if the write stops half-way, it must not describe the new files."""
    try:
        (folder / CARD).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder / CARD, error) from error


def read_card(folder: Path) -> dict[str, Any]:
    """Read the folder's card; {} if it cannot be read."""
    try:
        return read_json(folder / CARD)
    except (InputMissingError, BadDataError):
        return {}
