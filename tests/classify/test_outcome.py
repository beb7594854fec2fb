"""What a classification ends with: exit codes, the bound on errors, and the summary."""

import gzip
import json
from typing import Any

import pytest

from tests.classify.command import Command, Done

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


ROWS = "".join(f"{number};happy {number * 7919}\n" for number in range(9000))
FAILING = {
    "no such column": ("in.csv", "id;body\n1;happy\n", (), "2 columns, delimiter ';', utf-8"),
    "the only column has another name": (
        "in.tsv",
        "body\nhappy\n",
        (),
        "1 column, delimiter tab, quotes within a line, utf-8",
    ),
    "no such column, no header": (
        "in.csv",
        "1;happy\n",
        ("--no-header",),
        "2 columns, delimiter ';', no header, utf-8",
    ),
    "no such column by the option": ("in.csv", "a|b\n1|2\n", ("--text-column", "c"), "2 columns, delimiter '|', utf-8"),
    "a packed file that is cut off": (
        "in.csv.gz",
        gzip.compress(b"id;text\n" + ROWS.encode())[:-9],
        (),
        "text in column 'text' of 2, delimiter ';', utf-8",
    ),
    "a row that stops": (
        "in.csv",
        "id;text\n1;\n".encode("utf-16"),
        ("--encoding", "utf-16", "--on-error", "fail"),
        "text in column 'text' of 2, delimiter ';', utf-16-le",
    ),
    "a packed JSONL file that is cut off": (
        "in.jsonl.gz",
        gzip.compress(b"".join(b'{"text": "%d"}\n' % (number * 7919) for number in range(9000)))[:-9],
        (),
        "JSONL in utf-8, the text under 'text'",
    ),
}


@pytest.mark.parametrize("shards", [0, 1])
@pytest.mark.parametrize("name", FAILING)
def test_how_a_file_was_read_is_said_before_it_fails(command: Command, name: str, shards: int) -> None:
    file, content, options, how = FAILING[name]
    done = command(content, *options, *(("--shard", "0/1") * shards), name=file)
    assert done.code == 65
    first, second, *_ = done.err.splitlines()
    assert first.endswith(f"{file}: {how}")
    assert second.startswith("error: ")
    assert done.err.count(how) == 1
    assert not done.output.exists()


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
    for words in ("cut to the model's longest input", "joy", "empty text"):
        assert words in done.err


def test_the_summary_of_shards_is_about_their_rows(command: Command) -> None:
    content = f"id,text\n1,{'happy' * 20}\n2,\n3,furious\n4,scared\n5,{'so ' * 40}\n"
    first, second = (summary_of(command(content, "--shard", f"{index}/2", "--json")) for index in (0, 1))
    assert (first["rows"], first["reasons"], first["cut"]) == (4, {"empty text": 1}, 0)
    assert (second["rows"], second["reasons"], second["cut"]) == (1, {}, 1)
