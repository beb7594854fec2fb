"""Files of a folder and their names: bad ones, those that are passed over, and names that a terminal would obey."""

import json
import os
from pathlib import Path

import pytest

from tests.builders import write_files
from tests.classify.command import Command, Done, emotion

FOLDER = {
    "a.csv": b"id;text\n1;happy\n2;\n",
    "bad.csv": b"id,body\n1,happy\n",
    "c.tsv": b"id\ttext\n1\tfurious\n",
    "empty.jsonl": b'{"error": "happy"}\n',
    "z.CSV": b"text\nscared\n",
}


def classify_folder(folder: Path, model: Path, *options: object) -> Done:
    return emotion("classify", folder / "in", folder / "out", "--model", model, *options)


@pytest.mark.parametrize("shards", [0, 1, 2])
def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, toy_model: Path, shards: int) -> None:
    write_files(tmp_path / "in", FOLDER)
    options = [["--shard", f"{index}/{shards}"] for index in range(shards)] or [[]]
    runs = [classify_folder(tmp_path, toy_model, *option) for option in options]
    for name in ("bad.csv", "empty.jsonl"):
        assert [run.code for run in runs if name in run.err] == [65]
    assert sum("--text-column" in run.err for run in runs) == 1
    assert b"joy" in (tmp_path / "out" / "a.csv").read_bytes()
    assert b"anger" in (tmp_path / "out" / "c.tsv").read_bytes()
    assert b"fear" in (tmp_path / "out" / "z.CSV").read_bytes()
    assert not (tmp_path / "out" / "bad.csv").exists()


def test_the_summary_names_the_bad_files(tmp_path: Path, toy_model: Path) -> None:
    write_files(tmp_path / "in", FOLDER)
    done = classify_folder(tmp_path, toy_model, "--json")
    assert done.code == 65
    summary = json.loads(done.out)
    failed = {Path(entry["input"]).name: entry["error"] for entry in summary["failed"]}
    assert "no column 'text'" in failed["bad.csv"]
    assert set(failed) == {"bad.csv", "empty.jsonl"}
    assert {Path(entry["input"]).name for entry in summary["outputs"]} >= {"a.csv", "c.tsv", "z.CSV"}


def test_files_that_are_passed_over_are_counted_and_named(tmp_path: Path, toy_model: Path) -> None:
    write_files(tmp_path / "in", {"a.csv": b"text\nhappy\n", ".hidden.csv": b"", "table.xlsx": b"", "all.json": b"[]"})
    (tmp_path / "outside.csv").write_text("text\nhappy\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "outside.csv")
    done = classify_folder(tmp_path, toy_model, "--json")
    assert done.code == 0
    for name in (".hidden.csv", "table.xlsx", "all.json", "link.csv"):
        assert name in done.err
    passed = json.loads(done.out)["passed_over"]
    assert passed["count"] == 4
    assert len(passed["files"]) == 4


def test_at_most_ten_files_that_are_passed_over_are_named(tmp_path: Path, toy_model: Path) -> None:
    write_files(tmp_path / "in", {"a.csv": b"text\nhappy\n"} | {f"picture{number}.png": b"" for number in range(37)})
    done = classify_folder(tmp_path, toy_model)
    assert done.code == 0
    assert "37" in done.err
    assert done.err.count(".png") == 10


def test_a_folder_in_the_format_that_is_named(tmp_path: Path, toy_model: Path) -> None:
    write_files(tmp_path / "in", {"a.txt": b"id\ttext\n1\thappy\n", "b": b"text\tid\nfurious\t1\n"})
    done = classify_folder(tmp_path, toy_model, "--format", "tsv")
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "a.txt").read_bytes().startswith(b"id\ttext\tlabel\tscore\n1\thappy\tjoy\t")
    assert (tmp_path / "out" / "b").read_bytes().startswith(b"text\tid\tlabel\tscore\nfurious\t1\tanger\t")
    assert classify_folder(tmp_path, toy_model).code == 66


def test_a_folder_that_cannot_be_read_is_a_bad_file(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "in", {"a.csv": b"text\nhappy\n", "b.csv": b"text\nscared\n"})
    monkeypatch.chdir(tmp_path / "in")
    # A path that is longer than any path may be.
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    monkeypatch.chdir(tmp_path)
    done = classify_folder(tmp_path, toy_model)
    assert done.code == 65, done.err
    assert "bad files, 1 of 3: cannot read" in done.err
    assert b"fear" in (tmp_path / "out" / "b.csv").read_bytes()


LINE = '{"text": "happy"}\n'
NOT_FOR_JSONL = {
    "--delimiter": "EMOTION_DELIMITER=;",
    "--quoting": "EMOTION_QUOTING=none",
    "--no-header": "EMOTION_HEADER=0",
}


@pytest.mark.parametrize("option", NOT_FOR_JSONL)
def test_what_only_rows_have_is_refused_for_jsonl(command: Command, option: str) -> None:
    variable, _, value = NOT_FOR_JSONL[option].partition("=")
    given = (option,) if option == "--no-header" else (option, value)
    for done in (
        command(LINE, *given, name="in.jsonl"),
        command(LINE, *given, "--format", "jsonl", name="in.txt"),
        command(LINE, *given, "--format", "jsonl", name="in.jsonl", stdin=True),
        command(LINE, name="in.jsonl", env={variable: value}),
    ):
        assert done.code == 2
        assert f"{option} cannot apply" in " ".join(done.err.split())
        assert not done.output.exists()
    assert command(LINE, "--header", "--encoding", "utf-8", name="in.jsonl").code == 0


def test_what_only_rows_have_is_for_the_other_files_of_a_folder(tmp_path: Path, toy_model: Path) -> None:
    write_files(tmp_path / "in", {"a.csv": b"happy\n", "b.jsonl": LINE.encode()})
    options = ("--delimiter", ";", "--no-header", "--quoting", "none")
    variables = dict(setting.split("=") for setting in NOT_FOR_JSONL.values())
    folders = {"EMOTION_INPUT": str(tmp_path / "in"), "EMOTION_OUTPUT": str(tmp_path / "job")}
    assert classify_folder(tmp_path, toy_model, *options).code == 0
    assert emotion("classify", "--model", toy_model, env=variables | folders).code == 0
    for name in ("a.csv", "b.jsonl"):
        assert b"joy" in (tmp_path / "out" / name).read_bytes()
        assert (tmp_path / "job" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert classify_folder(tmp_path, toy_model, *options, "--format", "jsonl").code == 2


def test_a_file_that_is_called_as_the_standard_streams(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "in", {"-": b"text\nhappy\n", "b.csv": b"text\nscared\n"})
    monkeypatch.chdir(tmp_path / "in")
    options = ("--model", toy_model, "--format", "csv")
    for source in ("./-", tmp_path / "in" / "-"):
        assert emotion("classify", source, "../a.csv", *options, stdin=b"text\nfurious\n").code == 0
        assert b"joy" in (tmp_path / "a.csv").read_bytes()
    assert emotion("classify", "-", "../a.csv", *options, stdin=b"text\nfurious\n").code == 0
    assert b"anger" in (tmp_path / "a.csv").read_bytes()
    assert emotion("classify", ".", tmp_path / "out", *options, stdin=b"text\nfurious\n").code == 0
    assert b"joy" in (tmp_path / "out" / "-").read_bytes()
    assert emotion("classify", "b.csv", "./-", "--model", toy_model).code == 0
    assert b"fear" in (tmp_path / "in" / "-").read_bytes()


ODD_NAME = "a\x1b[31m\r\x07\u202e.csv"
ESCAPED_NAME = r"a\x1b[31m\r\x07\u202e.csv"
OBEYED = "\x1b\x07\r\u202e"


def test_names_of_files_do_not_reach_the_terminal_as_they_are(tmp_path: Path, toy_model: Path) -> None:
    names = [ODD_NAME, f"bad{ODD_NAME}", f"{ODD_NAME}.png"]
    write_files(tmp_path / "in", dict(zip(names, [b'text\nhappy\n""\n', b"body\nhappy\n", b""], strict=True)))
    ways = (tmp_path / "in", tmp_path / "in" / ODD_NAME, tmp_path / "in" / names[1], tmp_path / ODD_NAME)
    for source, code in zip(ways, (65, 0, 65, 66), strict=True):
        done = emotion("classify", source, tmp_path / f"out{source.name}", "--model", toy_model)
        assert done.code == code
        assert ESCAPED_NAME in done.err
        assert set(OBEYED).isdisjoint(done.err)
    log = emotion("classify", ways[1], tmp_path / ODD_NAME, "--model", toy_model, "--log-format", "json", "--json")
    assert json.loads(log.err.splitlines()[0])["input"] == str(ways[1])
    assert json.loads(log.out)["outputs"][0]["output"] == str(tmp_path / ODD_NAME)
