"""Where a data set comes from and on what terms: its card says so, or its files are the published ones."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion.data import origin
from emotion.data.dataset import load_dataset
from emotion.data.origin import CARD, LICENCE, LONGEST_NAME, LONGEST_TERMS, MAX_PUBLISHED_BYTES, SOURCE, read_origin
from emotion.data.write import SAMPLE_LICENCE, SAMPLE_SOURCE, write_sample
from emotion.params.schema import DataTable
from emotion.store.atomic import sha256
from tests.builders import write_dataset, write_files

FILES = {"train.txt": b"so happy;joy\n", "validation.txt": b"happy;joy\n", "test.txt": b"joyful;joy\n"}
GOOD = {"name": "reviews", "source": "https://example.org/reviews", "licence": "CC-BY-4.0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "mine", FILES)


@pytest.fixture
def published(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the files of the folder be those that were published."""
    monkeypatch.setattr(origin, "PUBLISHED", {name: sha256(folder / name) for name in FILES})
    return folder


def put_card(folder: Path, card: object) -> Path:
    (folder / CARD).write_text(card if isinstance(card, str) else json.dumps(card))
    return folder


def test_a_card_tells_name_source_and_licence(folder: Path) -> None:
    found = read_origin(put_card(folder, GOOD))
    assert (found.name, found.source, found.licence, found.sample) == (*GOOD.values(), False)


def test_without_a_card_a_data_set_has_the_name_of_its_folder(folder: Path) -> None:
    assert read_origin(folder) == origin.Origin("mine")


def test_a_folder_is_named_however_it_is_reached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert read_origin(Path()).name == "mine"
    (folder.parent / "link").symlink_to(folder)
    assert read_origin(folder.parent / "link").name == "mine"


def test_one_file_has_its_own_name_whatever_stands_beside_it(folder: Path) -> None:
    put_card(folder, GOOD)
    assert read_origin(folder / "train.txt") == origin.Origin("train.txt")


def test_the_sample_says_what_it_is(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", FILES, seed=0, force=False)
    found = read_origin(tmp_path / "sample")
    assert found.sample
    assert found.name == "sample corpus (built in)"
    assert (found.source, found.licence) == (SAMPLE_SOURCE, SAMPLE_LICENCE)


def test_published_files_that_were_brought_by_hand_are_recognised(published: Path) -> None:
    found = read_origin(published)
    assert (found.name, found.source, found.licence) == ("mine", SOURCE, LICENCE)


def test_a_data_set_is_loaded_with_its_origin(tmp_path: Path) -> None:
    folder = put_card(write_dataset(tmp_path / "whole"), GOOD)
    assert load_dataset(folder, DataTable()).origin == origin.Origin(
        "reviews", source=GOOD["source"], licence=GOOD["licence"]
    )


def test_a_card_goes_before_what_the_files_are(published: Path) -> None:
    assert read_origin(put_card(published, GOOD)).source == GOOD["source"]
    assert read_origin(put_card(published, {})).source == ""


@pytest.mark.parametrize("card", ["", '{"name": "revi', "[]", "\xff"])
def test_a_damaged_card_is_no_card(published: Path, card: str) -> None:
    assert read_origin(put_card(published, card)).source == SOURCE


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "test.txt").write_bytes(b"joyful;love\n"),
        lambda folder: (folder / "test.txt").write_bytes(FILES["test.txt"] + b"\n"),
        lambda folder: (folder / "test.txt").unlink(),
        lambda folder: (folder / "test.txt").rename(folder / "test.csv"),
        lambda folder: ((folder / "test.txt").unlink(), (folder / "test.txt").mkdir()),
    ],
)
def test_altered_files_are_not_the_published_ones(published: Path, change: Callable[[Path], object]) -> None:
    assert read_origin(published).source == SOURCE
    change(published)
    assert read_origin(published) == origin.Origin("mine")


def test_the_digests_are_looked_for_in_small_files_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many gigabytes are not read for that."""
    with (folder / "train.txt").open("r+b") as file:
        file.truncate(MAX_PUBLISHED_BYTES + 1)
    monkeypatch.setattr(origin, "PUBLISHED", {name: sha256(folder / name) for name in FILES})
    assert read_origin(folder) == origin.Origin("mine")


@pytest.mark.parametrize("wrong", [None, 5, True, ["a"], {"a": "b"}, "", "  \n", "\x1b\x00"])
def test_a_card_with_wrong_values_tells_nothing(folder: Path, wrong: object) -> None:
    found = read_origin(put_card(folder, dict.fromkeys((*GOOD, "sample"), wrong)))
    assert (found.name, found.source, found.licence) == ("mine", "", "")
    assert found.sample is (wrong is True)


@pytest.mark.parametrize("wrong", ["true", 1, [True]])
def test_what_is_not_surely_the_sample_is_not(folder: Path, wrong: object) -> None:
    assert not read_origin(put_card(folder, {**GOOD, "sample": wrong})).sample


def test_a_hostile_card_is_one_short_line_each(folder: Path) -> None:
    hostile = "\x1b[2Jevil\r\n\u202eback\u2028 " + "long " * 10_000
    found = read_origin(put_card(folder, dict.fromkeys(GOOD, hostile)))
    for text, longest in ((found.name, LONGEST_NAME), (found.source, LONGEST_TERMS), (found.licence, LONGEST_TERMS)):
        assert text.isprintable()
        assert text.startswith("[2Jevil back long")
        assert len(text) <= longest


def test_a_folder_whose_name_is_no_text_has_a_name_that_can_be_written(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/d\xff"))
    folder.mkdir()
    assert read_origin(folder).name.encode() == b"d"
