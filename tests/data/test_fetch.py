"""Fetching from a hub on the loopback interface, through the real client of the Hugging Face hub."""

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from emotion.data.dataset import load_dataset
from emotion.data.origin import PUBLISHED
from emotion.params.schema import DataTable
from tests.hub import COMMIT, Hub, Repository, run, serving

REPOSITORY = "/datasets/dair-ai/emotion"
NAMES = ["sadness", "joy", "love", "anger", "fear", "surprise"]
ROWS = {
    "train": [("i feel low; very low", 0), ("i am glad", 1)],
    "validation": [("glad again", 1)],
    "test": [("low again", 0)],
}


def parquet(folder: Path, rows: list[tuple[str, int]], *, named: bool = True) -> bytes:
    table = pyarrow.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    if named:
        feature = {"label": {"names": NAMES, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": feature}})})
    file = folder / "one.parquet"
    pyarrow.parquet.write_table(table, file)
    return file.read_bytes()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    files = {f"split/{split}-00000-of-00001.parquet": parquet(tmp_path, rows) for split, rows in ROWS.items()}
    with serving({REPOSITORY: Repository(files)}) as hub:
        yield hub


def fetch(folder: Path, endpoint: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(endpoint, folder.parent / "cache", "data", "fetch", str(folder), *options, **environment)


def test_the_three_files_are_written_and_the_difference_is_told(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "data"

    done = fetch(folder, hub.endpoint, "--json")

    assert done.returncode == 0, done.stderr
    assert (folder / "train.txt").read_bytes() == b"i feel low; very low;sadness\ni am glad;joy\n"
    assert (folder / "validation.txt").read_bytes() == b"glad again;joy\n"
    assert (folder / "test.txt").read_bytes() == b"low again;sadness\n"
    assert "train.txt is not the original" in done.stderr
    card = json.loads((folder / "dataset.json").read_bytes())
    assert json.loads(done.stdout) == card
    assert card["sha256"]["train.txt"] == {
        "published": PUBLISHED["train.txt"],
        "found": hashlib.sha256((folder / "train.txt").read_bytes()).hexdigest(),
        "equal": False,
    }
    assert (card["name"], card["sample"], card["revision"]) == ("emotion", False, COMMIT)
    assert "research" in card["licence"]
    read = load_dataset(folder, DataTable())
    assert read.splits["train"].texts == ["i feel low; very low", "i am glad"]
    assert not read.sample


def test_the_other_files_are_of_the_first_one_s_commit(hub: Hub, tmp_path: Path) -> None:
    fetch(tmp_path / "data", hub.endpoint)

    others = [path for path in hub.asked if "/validation-" in path or "/test-" in path]
    assert others
    assert all(f"/resolve/{COMMIT}/" in path for path in others)


def test_a_second_fetch_asks_nobody(hub: Hub, tmp_path: Path) -> None:
    fetch(tmp_path / "data", hub.endpoint)
    hub.asked.clear()

    again = fetch(tmp_path / "data", hub.endpoint)

    assert again.returncode == 0
    assert "nothing to do" in again.stderr
    assert hub.asked == []


def test_other_files_are_kept_unless_forced(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "test.txt").write_text("mine;joy\n")

    refused = fetch(folder, hub.endpoint)

    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (folder / "test.txt").read_text() == "mine;joy\n"
    assert hub.asked == []
    assert fetch(folder, hub.endpoint, "--force").returncode == 0
    assert (folder / "test.txt").read_text() == "low again;sadness\n"


def test_labels_without_names_get_the_known_ones(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[REPOSITORY].files["split/test-00000-of-00001.parquet"] = parquet(
        tmp_path, [("boo", 5), ("grr", 3)], named=False
    )

    fetch(tmp_path / "data", hub.endpoint)

    assert (tmp_path / "data" / "test.txt").read_text() == "boo;surprise\ngrr;anger\n"


@pytest.mark.parametrize("row", [("two\nlines", 0), ("two\rlines", 0), ("nobody knows", 6)])
def test_what_cannot_be_written_as_a_line_is_bad_data(hub: Hub, tmp_path: Path, row: tuple[str, int]) -> None:
    hub.repositories[REPOSITORY].files["split/test-00000-of-00001.parquet"] = parquet(tmp_path, [("fine", 1), row])

    done = fetch(tmp_path / "data", hub.endpoint)

    assert done.returncode == 65
    assert "row 2" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_revision_that_is_not_there(hub: Hub, tmp_path: Path) -> None:
    done = fetch(tmp_path / "data", hub.endpoint, "--revision", "v9")

    assert done.returncode == 69
    assert "Revision" in done.stderr
    assert "Traceback" not in done.stderr


def test_out_of_reach_is_said_soon_and_with_a_way_out(tmp_path: Path) -> None:
    started = time.monotonic()

    done = fetch(tmp_path / "data", "http://127.0.0.1:9")

    assert done.returncode == 69
    assert time.monotonic() - started < 60
    assert "manually" in done.stderr
    assert "train.parquet" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "data").exists()


def test_offline_the_client_s_cache_is_enough(hub: Hub, tmp_path: Path) -> None:
    nothing = fetch(tmp_path / "none", hub.endpoint, HF_HUB_OFFLINE="1")
    fetch(tmp_path / "one", hub.endpoint)
    hub.asked.clear()

    done = fetch(tmp_path / "two", hub.endpoint, HF_HUB_OFFLINE="1")

    assert nothing.returncode == 69
    assert done.returncode == 0, done.stderr
    assert hub.asked == []
    assert (tmp_path / "two" / "train.txt").read_bytes() == (tmp_path / "one" / "train.txt").read_bytes()
    assert json.loads((tmp_path / "two" / "dataset.json").read_bytes())["revision"] == COMMIT
