"""More files that people have, whose fault is easy to overlook: no wrong text is classified, and every byte is kept."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.classify.command import Command
from tests.toy import write_model

EMOTION = str(Path(sys.executable).with_name("emotion"))

# name: file, content, options, delimiter, labels
READ: dict[str, tuple[str, str, tuple[str, ...], str, list[str]]] = {
    "a delimiter in the name of the column": (
        "in.csv",
        '"text, in full";id\nso happy;1\n',
        ("--text-column", "text, in full"),
        ";",
        ["joy"],
    ),
    "MySQL: N for null, backslashes": (
        "in.tsv",
        "id\ttext\n1\t\\N happy\\\n2\tfurious \\\\\n",
        (),
        "\t",
        ["joy", "anger"],
    ),
    "decimal commas": ("in.csv", "n;text;m\n1,5;happy;2,5\n3,25;furious;4,75\n", (), ";", ["joy", "anger"]),
    "times and addresses": ("in.csv", "when|text\n1;2,3|happy https://a.b/?c;d,e\n", (), "|", ["joy"]),
    "quotes of typography": ("in.csv", "id,text\n1,“happy”\n2,„furious“\n", (), ",", ["joy", "anger"]),
    "apostrophes as quotes": ("in.csv", "id;text\n1;'so happy'\n", (), ";", ["joy"]),
    "a formula of Excel": ("in.csv", 'id,text\n="001",happy\n="002",furious\n', (), ",", ["joy", "anger"]),
    "a row of delimiters alone": ("in.csv", "id,text,n\n1,happy,2\n,,\n3,furious,4\n", (), ",", ["joy", "", "anger"]),
    "empty columns at the end": ("in.csv", "id,text,,\n1,happy,,\n2,furious,,\n", (), ",", ["joy", "anger"]),
    "two unnamed columns": ("in.csv", ",,text\n1,2,happy\n", (), ",", ["joy"]),
    "a column twice beside the text": ("in.csv", "n,n,text\n1,2,happy\n", (), ",", ["joy"]),
    "quotes around the header alone": ("in.csv", '"id","text"\n1,happy\n', (), ",", ["joy"]),
    "a header of a single quoted name": ("in.csv", '"text"\n"happy"\n"furious, so"\n', (), ",", ["joy", "anger"]),
    "a last line of spaces in one column": ("in.csv", "text\nhappy\n   ", (), ",", ["joy", ""]),
    "one row in error first": ("in.csv", "id,text\n1,happy,2\n2,furious\n", (), ",", ["", "anger"]),
    "a delimiter more in some rows": (
        "in.csv",
        "id,text\n1,happy,\n2,furious\n3,scared,\n",
        (),
        ",",
        ["", "anger", ""],
    ),
    "a text alone in its row": ("in.csv", 'text,id\nscared,1\n"so, happy"\n', (), ",", ["fear", ""]),
    "rows that Excel quoted, below a plain header": (
        "in.csv",
        'id,text\n"1,""so, happy"""\n2,scared\n',
        (),
        ",",
        ["joy", "fear"],
    ),
    "blank lines in front": ("in.csv", "\n\nid,text\n1,happy\n", (), ",", ["joy"]),
    "blank lines in front of one column": ("in.csv", "\r\n\r\ntext\r\nhappy\r\n", (), ",", ["joy"]),
    "a sum below the rows": (
        "in.csv",
        "id,text\n1,happy\n2,furious\n2 rows selected.\n",
        (),
        ",",
        ["joy", "anger", ""],
    ),
    "a quote in a column that is not the text": ("in.csv", 'n,text\n5",happy\n6",furious\n', (), ",", ["joy", "anger"]),
    "an emoji of several characters": ("in.csv", "id,text\n1,\U0001f469\u200d\U0001f4bb happy\n", (), ",", ["joy"]),
    "right to left": ("in.csv", "id,text\n1,\u202bhappy\u202c\n", (), ",", ["joy"]),
    "full-width delimiters": ("in.csv", "id,text\n1,so\uff0c happy\uff1b\n", (), ",", ["joy"]),
    "vertical tabs": ("in.csv", "id,text\n1,so\x0bhappy\x0cso\n2,furious\n", (), ",", ["joy", "anger"]),
    "a name with spaces around": ("in.csv", "id, text\n1, happy\n", ("--text-column", " text"), ",", ["joy"]),
    "rows of several widths, comma list": ("in.csv", "text\nyes happy\nno, furious\n", (), ",", ["joy", ""]),
}


@pytest.mark.parametrize("name", READ)
def test_files_that_are_read(command: Command, name: str) -> None:
    file, content, options, delimiter, labels = READ[name]
    done = command(content, *options, name=file)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == labels


# No label may come out, and what is refused is said.
REFUSED = {
    "HTML that was saved as .csv": ("in.csv", "<!DOCTYPE html>\n<p>text</p>\n"),
    "a workbook that was renamed": ("in.csv", b"PK\x03\x04\x14\0\x06\0\x08\0text,happy\n"),
    "comments in front": ("in.csv", "# made by a program\n# id, text\nid,text\n1,happy\n"),
    "two lines of header": ("in.csv", "My survey,\n,\nid,text\n1,happy\n"),
    "a name with a space": ("in.csv", "id, text\n1, happy\n"),
    "a name in capitals": ("in.csv", "ID,TEXT\n1,happy\n"),
    "a table with bars outside": ("in.csv", "| id | text |\n|----|------|\n| 1 | happy |\n"),
    "text in columns of spaces": ("in.csv", "id   text\n1    happy\n2    furious\n"),
    "an array of JSON": ("in.jsonl", '[{"text": "happy"}, {"text": "furious"}]\n'),
    "JSON of columns": ("in.jsonl", '{"text": ["happy", "furious"]}\n'),
    "CSV that is called .jsonl": ("in.jsonl", "id,text\n1,happy\n"),
    "JSONL that is called .csv": ("in.csv", '{"text": "happy"}\n{"text": "furious"}\n'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused(command: Command, name: str) -> None:
    file, content = REFUSED[name]
    done = command(content, name=file)
    assert done.code == 65
    assert "in." in done.err
    assert not done.output.exists() or b"joy" not in done.written


def test_a_workbook_is_refused_for_what_it_is(command: Command) -> None:
    done = command(b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0" + bytes(range(256)) * 4)
    assert done.code == 65
    assert "\x00" not in done.err
    assert len(done.err) < 2000


def test_records_of_json_text_sequences(command: Command) -> None:
    done = command('\x1e{"text": "happy"}\n{"text": "furious"}\n', name="in.jsonl")
    assert done.json_labels() == ["", "anger"]


def test_an_output_is_read_again(command: Command) -> None:
    first = command('sep=;\nid;text\n1;"so; happy"\n2\n3;furious;4\n')
    again = command(first.written)
    assert again.code == 0
    assert again.written.decode().splitlines()[1] == "id;text;label;score;predicted_label;predicted_score"
    assert again.labels(";") == ["joy", "", ""]
    rows = list(csv.reader(io.StringIO(again.written.decode()), delimiter=";"))[1:]
    assert [len(row) for row in rows] == [6, 6, 6, 7]


def test_names_of_labels_with_delimiters_and_quotes_are_quoted(tmp_path: Path, command: Command) -> None:
    model = write_model(tmp_path / "model", labels=('an"ger', "a;b", "joy\tful"))
    for delimiter, name, content in (
        (";", "in.csv", "id;text\n1;scared\n2;furious\n"),
        ("\t", "in.tsv", "id\ttext\n1\thappy\n2\tso\n"),
    ):
        done = command(content, "--model", model, name=name)
        assert done.code == 0, done.err
        rows = list(csv.reader(io.StringIO(done.written.decode()), delimiter=delimiter))
        assert [len(row) for row in rows] == [4, 4, 4]
        assert rows[1][2] == ("a;b" if delimiter == ";" else "joy\tful")


def test_a_long_line_of_json_is_one_row(command: Command) -> None:
    long = json.dumps({"text": "happy", "more": "x" * (5 << 20)})
    done = command(f'{long}\n{{"text": "furious"}}\n', name="in.jsonl")
    assert done.code == 0
    assert done.json_labels() in (["joy", "anger"], ["", "anger"])
    assert done.written.count(b"\n") == 2


def test_streams_of_a_process(toy_model: Path) -> None:
    command = [EMOTION, "classify", "-", "-", "--model", str(toy_model)]
    content = b'sep=;\r\nid;text\r\n1;"so happy"\r\n2;caf\xe9\r\n'
    done = subprocess.run(command, check=False, input=content, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split(b"\r\n")
    assert lines[:2] == [b"sep=;", b"id;text;label;score"]
    assert lines[2].startswith(b'1;"so happy";joy;')
    assert lines[3:] == [b"2;caf\xe9;;", b""]
    assert b"line 4: undecodable bytes" in done.stderr
    done = subprocess.run(command, check=False, input=b"id,text\n1,\n", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (65, b"id,text,label,score\n1,,,\n")
