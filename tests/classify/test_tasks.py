"""Which files are classified into which, and what is refused."""

import os
from pathlib import Path

import pytest

from emotion.classify.tasks import list_tasks
from emotion.errors import InputMissingError, UsageError


def _write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\n")


def test_a_folder_is_mirrored(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    wanted = ["a.csv", "b.TSV", "sub/c.jsonl.gz", "sub/deep/d.ndjson"]
    others = [".hidden.csv", ".git/x.csv", "a.csv.errors.csv", "a.csv.parts/part-00000-of-00001.csv", "notes.txt"]
    _write(*(source / name for name in wanted + others))
    tasks = list_tasks(source, output).tasks
    assert [str(task.source.relative_to(source)) for task in tasks] == wanted
    assert [str(task.output.relative_to(output)) for task in tasks] == wanted
    assert [task.format for task in tasks] == ["csv", "tsv", "jsonl", "jsonl"]


def test_a_format_is_the_format_of_all_files_of_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "in"
    _write(*(source / name for name in ("a.csv", "b.txt", "part-00000", "c.jsonl.gz", ".d.tsv", "e.csv.errors.csv")))
    found = list_tasks(source, tmp_path / "out", kind="tsv")
    assert {task.source.name: task.format for task in found.tasks} == dict.fromkeys(
        ("a.csv", "b.txt", "part-00000", "c.jsonl.gz"), "tsv"
    )
    assert {path.name for path, _ in found.passed_over} == {".d.tsv", "e.csv.errors.csv"}


def test_files_of_unknown_formats_are_passed_over(tmp_path: Path) -> None:
    source = tmp_path / "in"
    _write(source / "a.txt")
    with pytest.raises(InputMissingError, match="nothing to classify") as caught:
        list_tasks(source, tmp_path / "out")
    assert "with --format files of any name" in caught.value.hint
    _write(source / "a.csv")
    assert list_tasks(source, tmp_path / "out").passed_over == [(source / "a.txt", "unknown format")]


def test_links_that_leave_the_folder_are_passed_over(tmp_path: Path) -> None:
    source = tmp_path / "in"
    _write(source / "a.csv", tmp_path / "secret.csv", tmp_path / "more" / "b.csv")
    (source / "link.csv").symlink_to("a.csv")
    (source / "away.csv").symlink_to(tmp_path / "secret.csv")
    (source / "broken.csv").symlink_to("nowhere.csv")
    (source / "folder").symlink_to(tmp_path / "more")
    assert [task.source.name for task in list_tasks(source, tmp_path / "out").tasks] == ["a.csv", "link.csv"]


def test_a_pipe_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    _write(tmp_path / "in" / "a.csv")
    os.mkfifo(tmp_path / "in" / "b.csv")
    assert len(list_tasks(tmp_path / "in", tmp_path / "out").tasks) == 1


def test_an_empty_folder_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputMissingError, match="nothing to classify"):
        list_tasks(tmp_path / "in", tmp_path / "out")
    with pytest.raises(InputMissingError, match="no such file"):
        list_tasks(tmp_path / "in.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("outputs", ["in", "in/out", "."])
def test_an_output_folder_in_the_input_or_around_it(tmp_path: Path, outputs: str) -> None:
    _write(tmp_path / "in" / "a.csv")
    with pytest.raises(UsageError, match="one in the other"):
        list_tasks(tmp_path / "in", tmp_path / outputs)


@pytest.mark.parametrize(
    ("source", "output", "errors", "message"),
    [
        ("in.csv", "in.csv", None, "IN and OUT are the same"),
        ("in.csv", "link.csv", None, "IN and OUT are the same"),
        ("out.csv.errors.csv", "out.csv", None, "IN and the errors file are the same"),
        ("in.csv", "out.csv", "out.csv", "OUT and the errors file are the same"),
        ("in.csv", "folder", None, "is a folder and"),
        ("folder", "-", None, "is a folder, and"),
        ("folder", "in.csv", None, "is a folder, and"),
        ("folder", "out", "errors.csv", "--errors names one file"),
        ("notes.txt", "out.csv", None, "does not say its format"),
        ("in.csv", "out.jsonl", None, "would be csv"),
    ],
)
def test_paths_that_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, output: str, errors: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(Path("in.csv"), Path("notes.txt"), Path("folder/a.csv"), Path("out.csv.errors.csv"))
    Path("link.csv").symlink_to("in.csv")
    with pytest.raises(UsageError, match=message):
        list_tasks(Path(source), Path(output), Path(errors) if errors else None)


def test_standard_streams_and_devices_have_no_errors_file() -> None:
    [task] = list_tasks(Path("-"), Path("-")).tasks
    assert (task.format, task.errors) == ("csv", None)
    [task] = list_tasks(Path("-"), Path("/dev/null"), kind="jsonl").tasks
    assert (task.format, task.errors) == ("jsonl", None)


def test_folders_that_are_not_entered_are_named(tmp_path: Path) -> None:
    source = tmp_path / "in"
    _write(source / "a.csv", source / "old.csv.parts" / "z.csv", source / ".git" / "x.csv", tmp_path / "more" / "b.csv")
    (source / "linked").symlink_to(tmp_path / "more")
    found = list_tasks(source, tmp_path / "out")
    assert [task.source.name for task in found.tasks] == ["a.csv"]
    assert {path.name: reason for path, reason in found.passed_over} == {
        ".git": "hidden",
        "linked": "a linked folder",
        "old.csv.parts": "made by a classification",
    }
