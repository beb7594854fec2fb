"""What a classification ends with: exit codes, the bound on errors, files of a folder, and the summary."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import write_files
from tests.classify.command import Command, Done, emotion

UNUSABLE = {
    "a trailing delimiter in every row": ("in.csv", "id,text\n1,happy,\n2,furious,\n"),
    "a trailing delimiter behind the text": ("in.csv", "text,id\nhappy,1,\nfurious,2,\n"),
    "a trailing semicolon": ("in.csv", "id;text\n1;happy;\n2;furious;\n"),
    "a trailing tab": ("in.tsv", "id\ttext\n1\thappy\t\n2\tfurious\t\n"),
    "commas in a list": ("in.csv", "text\nyes, happy\nno, furious\n"),
    "a comma in the only row": ("in.csv", "id,text\n1,yes, happy\n"),
    "a comma in all texts": ("in.csv", "id,text\n1,yes, happy\n2,no, furious\n3,so, scared\n"),
    "numbers of lists": ("in.csv", "text\n1, happy\n2, furious\n"),
    "two more fields": ("in.csv", "id,text\n1,happy,2,3\n2,furious,2,3\n"),
    "empty texts": ("in.csv", "id,text\n1,\n2,  \n"),
    "pretty-printed JSON": ("in.jsonl", json.dumps([{"text": "happy"}, {"text": "furious"}], indent=1)),
    "JSON of another key": ("in.jsonl", '{"error": "rate limit exceeded"}\n{"error": "happy"}\n'),
    "R's write.table with spaces": ("in.csv", '"text"\n"1" "happy"\n"2" "furious"\n'),
    "a wrong encoding": ("in.csv", "id,text\n1,caf\xe9 happy\n2,\xe9\n".encode("latin-1")),
}


@pytest.mark.parametrize("options", [(), ("--on-error", "keep"), ("--shard", "0/1")], ids=["plain", "keep", "shard"])
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_without_a_single_label_is_bad_data(command: Command, name: str, options: tuple[str, ...]) -> None:
    file, content = UNUSABLE[name]
    done = command(content, *options, name=file)
    assert done.code == 65
    assert "in." in done.err
    # What could be read is written, and all is named.
    assert "joy" not in done.written.decode("latin-1")
    assert done.errors


def test_a_job_without_a_single_label_is_bad_data(command: Command) -> None:
    env = {"EMOTION_ON_ERROR": "keep", "EMOTION_DEVICE": "cpu", "EMOTION_LOG_FORMAT": "json"}
    assert command("id,text\n1,happy,\n2,furious,\n", env=env).code == 65


@pytest.mark.parametrize("content", ["id,text\n", "", "\n\n", "id,text\n\n\n"])
def test_a_file_without_rows_is_done(command: Command, content: str) -> None:
    assert command(content).code == 0


def test_shards_without_a_label_are_no_error_where_others_have_one(command: Command) -> None:
    content = "id,text\n1,\n2,happy\n"
    assert [command(content, "--shard", f"{index}/2").code for index in (0, 1)] == [0, 0]
    content = "id,text\n1,\n2,\n"
    codes = [command(content, "--shard", f"{index}/2").code for index in (0, 1)]
    assert codes[-1] == 65


INDEXED = {
    "R, write.table": ("in.csv", '"text","n"\n"1","happy",7\n"2","furious",8\n', ",", ()),
    "R, names of rows": ("in.csv", '"n","text"\n"a row",7,"happy"\n"another",8,"furious"\n', ",", ()),
    "R, some of the rows": ("in.csv", '"text","n"\n"3","happy",7\n"17","furious",8\n', ",", ()),
    "R, semicolons": ("in.csv", '"text";"n"\n"1";"happy";7,5\n"2";"furious";8,5\n', ";", ()),
    "R, tabs": ("in.tsv", "n\ttext\n1\t7\thappy\n2\t8\tfurious\n", "\t", ()),
    "R, spaces": ("in.csv", '"text" "n"\n"1" "happy" 7\n"2" "furious" 8\n', " ", ("--delimiter", " ")),
    "pandas, index_label=False": ("in.csv", "n,text\n0,7,happy\n1,8,furious\n", ",", ()),
    "R, write.csv": ("in.csv", '"","text"\n"1","happy"\n"2","furious"\n', ",", ()),
    "pandas, to_csv": ("in.csv", ",text\n0,happy\n1,furious\n", ",", ()),
}


@pytest.mark.parametrize("name", INDEXED)
def test_a_column_of_row_names_is_read(command: Command, name: str) -> None:
    file, content, delimiter, options = INDEXED[name]
    done = command(content, *options, name=file)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == ["joy", "anger"]


TWO_OF_FOUR = "id,text\n1,happy\n2,\n3,furious\n4\n"


@pytest.mark.parametrize(
    ("bound", "code"),
    [("0", 65), ("1", 65), ("2", 0), ("3", 0), ("0%", 65), ("49%", 65), ("49.9%", 65), ("50%", 0), ("100%", 0)],
)
def test_a_bound_on_errors(command: Command, bound: str, code: int) -> None:
    done = command(TWO_OF_FOUR, "--max-errors", bound)
    assert done.code == code
    assert done.labels() == ["joy", "", "anger", ""]
    assert len(done.errors) == 2
    assert command(TWO_OF_FOUR, env={"EMOTION_MAX_ERRORS": bound}).code == code


@pytest.mark.parametrize("bound", ["x", "-1", "101%", "%", "1.5", ""])
def test_bounds_that_are_none(command: Command, bound: str) -> None:
    done = command(TWO_OF_FOUR, f"--max-errors={bound}")
    assert done.code == 2
    assert "--max-errors" in done.err


def test_a_bound_of_no_errors_where_there_are_none(command: Command) -> None:
    assert command("text\nhappy\n", "--max-errors", "0").code == 0


def test_the_bound_is_judged_over_all_shards(command: Command) -> None:
    content = "id,text\n1,\n2,\n3,happy\n4,happy\n5,happy\n6,happy\n"
    assert [command(content, "--shard", f"{index}/3", "--max-errors", "40%").code for index in range(3)] == [0, 0, 0]
    content += "7,\n"
    codes = [command(content, "--shard", f"{index}/3", "--max-errors", "40%").code for index in range(3)]
    assert codes[-1] == 65


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
    for option in options:
        done = classify_folder(tmp_path, toy_model, *option)
        assert done.code == 65
        assert "bad.csv" in done.err
        assert "--text-column" in done.err
    assert "empty.jsonl" in done.err
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
        assert f"{option} cannot be for" in done.err
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


def summary_of(done: Done) -> dict[str, Any]:
    [entry] = json.loads(done.out)["outputs"]
    return dict(entry)


def test_the_summary_counts_what_happened(command: Command) -> None:
    long = "so " * 40 + "happy"
    done = command(f"id,text\n1,happy\n2,happy\n3,furious\n4,{long}\n5,\n6,  \n7\n8,a,b\n", "--json")
    entry = summary_of(done)
    assert (entry["rows"], entry["errors"], entry["cut"]) == (8, 4, 1)
    assert sum(entry["labels"].values()) == 4
    assert entry["labels"]["joy"] >= 2
    assert entry["labels"]["anger"] >= 1
    assert entry["reasons"]["empty text"] == 2
    assert sum(entry["reasons"].values()) == 4
    quantiles = list(entry["scores"].values())
    assert quantiles == sorted(quantiles)
    assert all(0 < score <= 1 for score in quantiles)
    assert {"p5", "p50", "p95"} <= set(entry["scores"])


def test_the_summary_for_people_says_so_too(command: Command) -> None:
    done = command(f"id,text\n1,happy\n2,{'so ' * 40}\n3,\n")
    for words in ("cut", "joy", "empty text"):
        assert words in done.err


def test_the_summary_of_shards_is_about_their_rows(command: Command) -> None:
    content = f"id,text\n1,happy\n2,\n3,furious\n4,{'so ' * 40}\n"
    first, second = (summary_of(command(content, "--shard", f"{index}/2", "--json")) for index in (0, 1))
    assert first["labels"].get("joy") == 1
    assert first["reasons"] == {"empty text": 1}
    assert (first["cut"], second["cut"]) == (0, 1)
