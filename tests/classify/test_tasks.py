"""Which files are classified into which, and what is refused."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.classify.tasks import list_tasks
from emotion.errors import InputMissingError, UsageError

NOBODY = 65534


@contextlib.contextmanager
def _without_rights() -> Iterator[None]:
    """Let root read only what anyone may read."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


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
    assert "with --format files with any name" in caught.value.hint
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
    with pytest.raises(UsageError, match="inside the other"):
        list_tasks(tmp_path / "in", tmp_path / outputs)


@pytest.mark.parametrize(
    ("source", "output", "errors", "message"),
    [
        ("in.csv", "in.csv", None, "IN and OUT are the same"),
        ("in.csv", "link.csv", None, "IN and OUT are the same"),
        ("out.csv.errors.csv", "out.csv", None, "IN and the errors file are the same"),
        ("in.csv", "out.csv", "out.csv", "OUT and the errors file are the same"),
        ("in.csv", "folder", None, "is a folder, and"),
        ("folder", "-", None, "is a folder, and"),
        ("folder", "in.csv", None, "is a folder, and"),
        ("folder", "out", "errors.csv", "--errors names one file"),
        ("notes.txt", "out.csv", None, "is unknown"),
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


@pytest.fixture
def closed(in_memory: Path) -> Iterator[Path]:
    """Give a folder with a folder that nobody may read, and one that lends names alone."""
    source = in_memory / "in"
    _write(*(source / name for name in ("a.csv", "closed/b.csv", "names/c.csv", "names/more/d.csv")))
    modes = {in_memory: 0o755, source / "closed": 0, source / "names": 0o444}
    for folder, mode in modes.items():
        folder.chmod(mode)
    yield source
    for folder in modes:
        folder.chmod(0o755)


def test_what_cannot_be_read_in_a_folder_is_named(closed: Path) -> None:
    with _without_rights():
        found = list_tasks(closed, closed.with_name("out"))
    assert [task.source.name for task in found.tasks] == ["a.csv"]
    assert {str(path.relative_to(closed)) for path in found.unreadable} == {"closed", "names/c.csv", "names/more"}
    assert found.passed_over == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("closed", "nothing to classify in .*closed, but .*closed .cannot be read"),
        ("closed/b.csv", "cannot read .*b.csv: Permission denied"),
        ("closed/none.csv", "cannot read .*none.csv: Permission denied"),
        ("names", "nothing to classify in .*names, but .*c.csv .cannot be read"),
    ],
)
def test_an_input_that_cannot_be_read(closed: Path, name: str, message: str) -> None:
    with _without_rights(), pytest.raises(InputMissingError, match=message):
        list_tasks(closed / name, closed.with_name("out"))


def test_an_output_that_cannot_be_reached_is_left_to_the_one_that_writes_it(closed: Path) -> None:
    output = closed / "closed" / "out.csv"
    with _without_rights():
        assert [task.output for task in list_tasks(closed / "a.csv", output).tasks] == [output]


def test_a_name_too_long_for_any_file(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="File name too long"):
        list_tasks(tmp_path / f"{'a' * 300}.csv", tmp_path / "out.csv")


def test_a_folder_too_deep_for_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in"
    _write(source / "a.csv")
    monkeypatch.chdir(source)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    _write(Path("b.csv"))
    found = list_tasks(source, tmp_path / "out")
    assert [task.source.name for task in found.tasks] == ["a.csv"]
    assert [path.name for path in found.unreadable] == ["d" * 250]


def test_links_that_lead_to_themselves(tmp_path: Path) -> None:
    source, loop = tmp_path / "in", tmp_path / "in" / "loop.csv"
    _write(source / "a.csv")
    loop.symlink_to("loop.csv")
    with pytest.raises(InputMissingError, match=r"cannot read .*loop\.csv"):
        list_tasks(loop, tmp_path / "out.csv")
    assert list_tasks(source / "a.csv", loop).tasks
    assert list_tasks(source, tmp_path / "out").passed_over == [(loop, "a broken link")]
