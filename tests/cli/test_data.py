"""`emotion data`: what is printed where, what is written, and the exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.data.dataset import load_dataset
from emotion.data.origin import PUBLISHED
from emotion.errors import BadDataError
from emotion.params.schema import DataTable
from emotion.store.atomic import sha256
from tests.builders import ODD_DIALECT, write_dataset, write_odd_dataset

FILES = ("train.txt", "validation.txt", "test.txt")


def invoke(*args: object) -> tuple[str, str]:
    """Run the command; errors are raised, each with its exit code."""
    done = CliRunner().invoke(app, ["data", *map(str, args)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def test_check_prints_tables_and_json(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, test=[("i feel wonderful today", "anger"), ("bright", "joy")])

    text, _ = invoke("check", folder)
    content, remarks = invoke("check", folder, "--json")

    assert "50.00%" in text
    assert "texts of test in train" in text
    report = json.loads(content)
    assert report["labels"]["train"]["joy"] == {"count": 2, "share": 0.5}
    assert report["shared"]["test in train"] == {"texts": 1, "share": 0.5, "other_label": 1}
    assert "warning: texts of test in train: 1 of 2 (50.00%), 1 of them with another label" in " ".join(remarks.split())


def test_check_says_which_files_are_the_published_ones_and_has_no_empty_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path, ".txt")
    table = invoke("check", folder)[0].partition("labels")[0]
    assert not re.search(r"[┃│] +[┃│]", table), table
    assert "content" not in table
    monkeypatch.setitem(PUBLISHED, "test.txt", sha256(folder / "test.txt"))
    table = invoke("check", folder)[0].partition("labels")[0]
    assert re.search(r"test\.txt +│ \S+ +│ as published │", table), table
    assert re.search(r"train\.txt +│ \S+ +│ other +│", table), table


def test_check_reads_other_columns_of_one_file(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text("review,stars\n" + "".join(f"text {number},{number % 2}\n" for number in range(20)))

    content, _ = invoke("check", file, "--text-column", "review", "--label-column", "stars", "--json")

    assert json.loads(content)["rows"] == {"train": 16, "validation": 2, "test": 2}


def test_check_reads_the_dialect_that_the_options_name(tmp_path: Path) -> None:
    """Quotes without an end and commas are text; the first line is a row."""
    folder = write_odd_dataset(
        tmp_path,
        train=[('"so happy, today', "joy"), ('"so furious', "anger"), ("so , glad", "joy")],
        validation=[('"so glad', "joy")],
        test=[('"so furious', "anger"), ('" so mad, " today', "anger")],
    )

    content, remarks = invoke("check", folder, *ODD_DIALECT, "--json")

    report = json.loads(content)
    counts = {
        name: {label: found["count"] for label, found in split.items()} for name, split in report["labels"].items()
    }
    assert counts == {
        "train": {"joy": 2, "anger": 1},
        "validation": {"joy": 1, "anger": 0},
        "test": {"joy": 0, "anger": 2},
    }
    assert [report["words"][name]["max"] for name in ("train", "validation", "test")] == [3, 2, 5]
    assert report["vocabulary"] == {"types": 7, "seen_twice": 1}
    assert "warning: texts of test in train: 1 of 2 (50.00%), 0 of them with another label" in " ".join(remarks.split())


def test_check_of_untrainable_data_ends_with_65_after_the_figures(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, validation=[("boo", "fear")], test=[])
    command = [str(Path(sys.executable).with_name("emotion")), "data", "check", str(folder), "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 65
    assert json.loads(done.stdout)["rows"]["train"] == 4
    assert "the test split has no rows" in done.stderr
    assert "validation has labels that are not in train: fear" in done.stderr


def test_the_sample_is_written_marked_and_trainable(tmp_path: Path) -> None:
    content, notes = invoke("sample", tmp_path / "sample", "--json")

    data = load_dataset(tmp_path / "sample", DataTable())
    assert data.sample
    assert len(data.splits["train"]) > len(data.splits["test"]) > 0
    assert json.loads(content) == json.loads((tmp_path / "sample" / "dataset.json").read_bytes())
    assert "a grammar generates these sentences" in " ".join(notes.split())


def test_bad_rows_are_named(tmp_path: Path) -> None:
    (write_dataset(tmp_path, ".txt") / "test.txt").write_text("no label here\n")

    with pytest.raises(BadDataError, match="line 1"):
        invoke("check", tmp_path)


# Another encoding than UTF-8, as every machine has it: Python must not make UTF-8 of the locale C.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    ("locale", "expected"), [(ASCII, ["gr\\xf6\\xdfte", "\\u0434"]), ({"PYTHONUTF8": "1"}, ["größte", "д"])]
)
def test_labels_are_shown_as_far_as_the_encoding_goes(
    tmp_path: Path, locale: dict[str, str], expected: list[str]
) -> None:
    rows = [(f"text {number}", ("größte", "д")[number % 2]) for number in range(20)]
    data = write_dataset(tmp_path / "data", train=rows, validation=rows, test=rows)
    command = [str(Path(sys.executable).with_name("emotion")), "data", "check", str(data)]
    environment = {**os.environ, **locale}
    shown = subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode()
    report = json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True, env=environment).stdout)
    assert all(re.search(rf"^[|│] {re.escape(label)} ", shown, re.MULTILINE) for label in expected), shown
    assert set(report["labels"]["train"]) == {"größte", "д"}


def test_the_sample_is_written_once(tmp_path: Path) -> None:
    invoke("sample", tmp_path)
    times = [(tmp_path / name).stat().st_mtime_ns for name in FILES]

    _, notes = invoke("sample", tmp_path)

    assert "nothing to do" in notes
    assert [(tmp_path / name).stat().st_mtime_ns for name in FILES] == times
