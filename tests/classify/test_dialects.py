"""Delimiters, first lines and headers as people's files have them: found, or said by options; every byte is kept."""

import re
from pathlib import Path

import pytest

from tests.classify.command import Command, classify_content

# The other column names another feeling, so that a whole line, or a wrong column, does not get the right label.
DETECTED = {
    "semicolon": ("in.csv", "text;id\nso happy;furious\nso scared;furious\n", ";"),
    "pipe": ("in.csv", "id|text\nfurious|so happy\nfurious|so scared\n", "|"),
    "tab in a .csv": ("in.csv", "id\ttext\nfurious\tso happy\nfurious\tso scared\n", "\t"),
    "comma in a .tsv": ("in.tsv", "id,text\nfurious,so happy\nfurious,so scared\n", ","),
    "semicolon in a .tsv": ("in.tsv", "id;text\nfurious;so happy\nfurious;so scared\n", ";"),
    "comma": ("in.csv", "id,text\nfurious;|,so happy; | so\nfurious,so scared\n", ","),
    "tab": ("in.tsv", "id\ttext\nfurious\tso happy, so; so\nfurious\tso scared\n", "\t"),
    "quoted header": ("in.csv", '"id";"text"\n"furious";"so happy"\n"furious";"so scared"\n', ";"),
    "comma in a text": ("in.csv", 'id;text\n1;"so, happy"\n2;"i feel, very, scared"\n', ";"),
    "comma in an unquoted text": ("in.csv", "id;text\n1;so, happy\n2;i feel, very, scared\n", ";"),
    "comma in a quoted name": ("in.csv", '"size, in m";text\nfurious;so happy\nfurious;so scared\n', ";"),
    "CRLF": ("in.csv", "id;text\r\nfurious;so happy\r\nfurious;so scared\r\n", ";"),
    "byte order mark": ("in.csv", "\ufeffid;text\nfurious;so happy\nfurious;so scared\n", ";"),
}


@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
@pytest.mark.parametrize("name", DETECTED)
def test_the_header_says_the_delimiter(command: Command, name: str, *, stdin: bool) -> None:
    file, content, delimiter = DETECTED[name]
    options = ["--format", file.removeprefix("in.")] if stdin else []
    done = command(content, *options, name=file, stdin=stdin)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == ["joy", "fear"]
    assert done.errors == []


@pytest.mark.parametrize(("delimiter", "word"), [(";", ";"), ("|", "|"), ("\t", "tab")])
def test_delimiter_and_text_column_are_reported(command: Command, delimiter: str, word: str) -> None:
    done = command(f"n{delimiter}text\n1{delimiter}happy\n")
    [line] = [line for line in done.err.splitlines() if word in re.sub(r"\S*in\.csv", "", line)]
    assert "text" in line.replace("/", " ")


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_first_line_that_names_the_delimiter_is_kept(command: Command, delimiter: str, end: str, mark: str) -> None:
    rows = ("id", "text"), ("1", "happy"), ("2", "so furious")
    content = mark + f"sep={delimiter}{end}" + "".join(delimiter.join(row) + end for row in rows)
    done = command(content)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == ["joy", "anger"]
    assert done.written.decode().split(end)[:2] == [
        f"{mark}sep={delimiter}",
        delimiter.join(("id", "text", "label", "score")),
    ]


def test_a_first_line_that_names_the_delimiter_wins_over_the_header(command: Command) -> None:
    done = command("sep=;\na,b;text\n1,2;happy\n")
    assert done.labels(";") == ["joy"]


TWICE = {
    "semicolons": '"id;""text"""\n"1;""so happy"""\n2;scared\n',
    "commas": '"id,""text"""\n"1,""so, happy"""\n2,scared\n',
    "CRLF": '"id;""text"""\r\n"1;""so happy"""\r\n2;scared\r\n',
    "every row": '"furious;text"\n"1;so happy"\n"2;scared"\n',
}


@pytest.mark.parametrize("name", TWICE)
def test_lines_that_excel_quoted_once_more(command: Command, name: str) -> None:
    done = command(TWICE[name])
    assert done.code == 0, done.err
    assert done.labels("," if name == "commas" else ";") == ["joy", "fear"]
    assert done.errors == []


SAID = {
    "two delimiters in the header": (";", "a,b;text\nfurious,2;so happy\n", ";"),
    "tab": ("tab", "a,b\ttext\nfurious,2\tso happy\n", "\t"),
    "space": (" ", '"id" "text"\n"furious" "so happy"\n', " "),
    "caret": ("^", "id^text\nfurious^so happy\n", "^"),
    "comma in spite of semicolons": (",", "id;x,text\nfurious;1,so happy\n", ","),
    "section sign": ("§", "id§text\nfurious§so happy\n", "\xc2\xa7"),
}


@pytest.mark.parametrize("name", SAID)
def test_an_option_says_the_delimiter(command: Command, name: str) -> None:
    option, content, delimiter = SAID[name]
    done = command(content, "--delimiter", option)
    assert done.code == 0, done.err
    assert done.labels(delimiter) == ["joy"]


@pytest.mark.parametrize("option", ["", ";;", "semicolon", '"', "\n", "\r"])
def test_delimiters_that_are_none(command: Command, option: str) -> None:
    done = command("id;text\n1;happy\n", "--delimiter", option)
    assert done.code == 2
    assert "delimiter" in done.err
    assert not done.output.exists()


def test_quoting_that_is_none(command: Command) -> None:
    assert command("text\nhappy\n", "--quoting", "excel").code == 2


HEADERLESS: dict[str, tuple[str, tuple[str, ...], str, list[str | None]]] = {
    "one column": ("happy\nso scared\n", (), ",", ["joy", "fear"]),
    "commas in a list": (
        "happy, so\nso scared, so\ni, so, happy\n",
        ("--delimiter", "tab"),
        "\t",
        ["joy", "fear", "joy"],
    ),
    "second of two": ("furious;happy\nfurious;so scared\n", ("--text-column", "2"), ";", ["joy", "fear"]),
    "first of three": ("happy\t1\t2\nscared\t1\t2\n", ("--text-column", "1"), "\t", ["joy", "fear"]),
    "a row too short": ("furious|happy\nfurious\n", ("--text-column", "2", "--delimiter", "|"), "|", ["joy", ""]),
    "a first row that repeats": ("1,happy\n1,happy\n", ("--text-column", "2"), ",", ["joy", "joy"]),
    "a first row called text": ("text\nhappy\n", (), ",", [None, "joy"]),
    "byte order mark": ("\ufeffhappy\nscared\n", (), ",", ["joy", "fear"]),
}


@pytest.mark.parametrize("name", HEADERLESS)
def test_files_without_a_header(command: Command, name: str) -> None:
    content, options, delimiter, labels = HEADERLESS[name]
    done = command(content, "--no-header", *options)
    assert done.code == 0, done.err
    found = done.labels(delimiter, header=False)
    assert [None if wanted is None else label for label, wanted in zip(found, labels, strict=True)] == labels
    assert all(label != "" for label, wanted in zip(found, labels, strict=True) if wanted is None)


def test_a_ragged_file_without_a_header_is_not_taken_for_one_column(command: Command) -> None:
    done = command("happy;furious\nscared;furious\nhappy\n", "--no-header", "--text-column", "1")
    if done.code == 65:
        assert "--delimiter" in done.err
    else:
        assert done.labels(";", header=False) == ["joy", "fear", ""]


def test_the_columns_of_a_file_without_a_header_are_numbers(command: Command) -> None:
    done = command("1;happy;x\n", "--no-header", "--delimiter", ";")
    assert done.code == 65
    assert "1, 2, 3" in done.err
    assert "--text-column" in done.err


def test_a_list_without_a_header_does_not_lose_its_first_text(command: Command) -> None:
    done = command("happy\nfurious\n")
    assert done.code == 65
    assert "--text-column" in done.err
    assert "--no-header" in done.err
    assert not done.output.exists()


def test_a_file_of_one_column_that_has_another_name(command: Command) -> None:
    assert command("body\nhappy\n", "--text-column", "body").labels() == ["joy"]
    assert command("text\nhappy\n").labels() == ["joy"]


def test_every_line_of_one_column_is_a_row(command: Command) -> None:
    done = command("text\nhappy\n\nscared\n\n\nfurious\n")
    assert done.code == 0
    assert done.labels() == ["joy", "", "fear", "", "", "anger"]
    assert [(line, reason) for line, reason, _ in done.errors] == [(line, "empty text") for line in ("3", "5", "6")]
    assert done.written.splitlines()[2] == b",,"


def test_blank_lines_of_several_columns_are_no_rows(command: Command) -> None:
    done = command("id,text\n\n1,happy\n\n\n2,furious\n\n")
    assert done.labels() == ["joy", "anger"]
    assert done.errors == []


def test_variables_of_a_pod_say_the_dialect(command: Command) -> None:
    variables = {"DELIMITER": ";", "HEADER": "0", "TEXT_COLUMN": "2", "QUOTING": "none", "ENCODING": "cp1252"}
    env = {f"EMOTION_{name}": value for name, value in variables.items()}
    done = command(b'"1;happy \x80\n2;very scared"\n', env=env)
    assert done.code == 0, done.err
    assert done.labels(";", "cp1252", header=False) == ["joy", "fear"]
    done = command("a;b;text\n1;2;happy\n", env={"EMOTION_DELIMITER": ";", "EMOTION_HEADER": "1"})
    assert done.labels(";") == ["joy"]
    assert command("a\ttext\n1\thappy\n", env={"EMOTION_DELIMITER": "tab"}).labels("\t") == ["joy"]


SHARDED: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "semicolons": ("id;text\n" + "1;happy\n2;furious\n" * 20, ()),
    "sep=": ("sep=;\r\nid;text\r\n" + "1;happy\r\n2;furious\r\n" * 20, ()),
    "no header": ("happy\nfurious\n" * 20, ("--no-header",)),
    "one column": ("text\n" + "happy\n\nfurious\n\n" * 10, ()),
    "blank lines": ("id,text\n\n" + "1,happy\n\n\n2,furious\n\n" * 10, ()),
    "no newline at the end": ("id,text\n" + "1,happy\n" * 9 + "2,furious", ()),
    "byte order mark": ("\ufeffid,text\n" + "1,happy\n" * 9, ()),
    "CR": ("id,text\r" + "1,happy\r" * 9, ()),
    "ragged": ("id,text,n\n" + "1,happy,2\n1,furious\n1,scared,2,3\n" * 9, ()),
    "index": ('"id","text"\n' + "".join(f'"{number}","7","very happy"\n' for number in range(1, 19)), ()),
    "utf-16": ("\ufeffid,text\n".encode("utf-16-be") + "1,happy\n".encode("utf-16-be") * 9, ("--encoding", "utf-16")),
}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", SHARDED)
def test_all_shards_take_the_same_dialect(tmp_path: Path, toy_model: Path, name: str, count: int) -> None:
    content, options = SHARDED[name]
    whole = classify_content(tmp_path, toy_model, content, *options, to="whole.csv")
    codes = [
        classify_content(tmp_path, toy_model, content, *options, "--shard", f"{index}/{count}").code
        for index in range(count)
    ]
    assert (whole.code, codes) == (0, [0] * count)
    assert (tmp_path / "out.csv").read_bytes() == whole.written
