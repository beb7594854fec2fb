"""Finds the files of every split in a folder by name: `train.csv`, or the hub's `train-00000-of-00002.parquet`."""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from emotion.data.labeled import SUFFIXES
from emotion.errors import BadDataError, InputMissingError
from emotion.formatting import first_items

SPLITS = ("train", "validation", "test")
ALIASES = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
# Older files on the hub end with a fingerprint of 16 digits.
NUMBERED = re.compile(
    r"(?P<before>(?P<split>[a-z]+)-)(?P<number>\d{1,9})(?P<of>-of-(?P<total>\d{1,9}))(?:-[0-9a-f]{16})?(?P<after>\..+)",
    re.IGNORECASE | re.ASCII,
)
MOST_NAMED = 10


def split_candidates(folder: Path, split: str) -> list[Path]:
    """List files in `folder` with a plain or numbered name of `split`."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [path for path in files if _is_named(path.name, split)]


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Find the files of every split: one file, or all files of a numbered set in order.

    Raises:
        InputMissingError: a split has no file, or a numbered set is incomplete.
        BadDataError: a split's files are not one numbered set.
    """
    return {split: _find_split(folder, split) for split in SPLITS}


def data_files(path: Path) -> list[Path]:
    """List all files of a data set: the files of a folder's splits, or the single file.

    Raises:
        InputMissingError, BadDataError: as `split_files`.
    """
    return [file for files in split_files(path).values() for file in files] if path.is_dir() else [path]


def _is_named(name: str, split: str) -> bool:
    numbered = NUMBERED.fullmatch(name)
    plain = f"{numbered['split']}{numbered['after']}" if numbered else name
    return plain.lower().removesuffix(".gz") in {f"{alias}{suffix}" for alias in ALIASES[split] for suffix in SUFFIXES}


def _find_split(folder: Path, split: str) -> list[Path]:
    found = split_candidates(folder, split)
    if not found:
        raise _missing(folder, split)
    if len({_set_name(path.name) for path in found}) > 1:
        raise _ambiguous(folder, split, found)
    return found if NUMBERED.fullmatch(found[0].name) is None else _whole_set(folder, split, found)


def _missing(folder: Path, split: str) -> InputMissingError:
    """Make an error with the folder's content; repositories on the hub keep splits in a subfolder."""
    inside = sorted(folder.iterdir())
    names = ", ".join(first_items([path.name for path in inside], MOST_NAMED))
    below = [path for path in inside if path.is_dir() and split_candidates(path, split)]
    return InputMissingError(
        f"{folder} has no {split} split; found: {names or 'nothing'}",
        f"name the folder {below[0]}, which has this split"
        if below
        else f"add {split}.csv (or {', '.join(SUFFIXES)}), or name one file to split",
    )


def _set_name(name: str) -> str:
    """Give the common name of a numbered set, or a plain file's name."""
    numbered = NUMBERED.fullmatch(name)
    return f"{numbered['before']}{numbered['of']}{numbered['after']}" if numbered else name


def _ambiguous(folder: Path, split: str, found: Sequence[Path]) -> BadDataError:
    names = ", ".join(first_items([path.name for path in found], MOST_NAMED))
    return BadDataError(f"{folder} has {len(found):,} {split} files: {names}", "keep one file, or one numbered set")


def _whole_set(folder: Path, split: str, found: Sequence[Path]) -> list[Path]:
    """Sort the files of one set by number.

    Raises:
        InputMissingError: a number is missing.
        BadDataError: a number exists twice, or is too high.
    """
    matches = {path: match for path in found if (match := NUMBERED.fullmatch(path.name))}
    numbers = {int(match["number"]): path for path, match in matches.items()}
    name = next(iter(matches.values()))
    total = int(name["total"])
    if len(numbers) < len(found) or max(numbers) >= total:
        raise _ambiguous(folder, split, found)
    missing = list(islice((number for number in range(total) if number not in numbers), MOST_NAMED))
    if missing:
        absent = [f"{name['before']}{number:0{len(name['number'])}}{name['of']}{name['after']}" for number in missing]
        more = ["..."] if len(missing) < total - len(numbers) else []
        raise InputMissingError(
            f"{folder} has {len(numbers):,} of {total:,} {split} files; missing: {', '.join(absent + more)}",
            "add the missing files",
        )
    return [numbers[number] for number in sorted(numbers)]
