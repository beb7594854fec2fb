"""Labeled text in files as people have them: every row is read right, or the file is refused with what to do."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import UsageError
from tests.data.conftest import put, read, refused

ROWS = "text,label\nso happy,joy\nso furious,anger\n"
TWO = [("so happy", "joy"), ("so furious", "anger")]

READ: dict[str, tuple[str, str | bytes, dict[str, Any]]] = {
    "semicolons": ("r.csv", "text;label\nso happy;joy\nso furious;anger\n", {}),
    "pipes": ("r.csv", "id|text|label\n1|so happy|joy\n2|so furious|anger\n", {}),
    "tabs in a .csv": ("r.csv", "text\tlabel\nso happy\tjoy\nso furious\tanger\n", {}),
    "semicolons in a .tsv": ("r.tsv", "text;label\nso happy;joy\nso furious;anger\n", {}),
    "a first line with the delimiter": ("r.csv", "sep=;\ntext;label\nso happy;joy\nso furious;anger\n", {}),
    "the same, CRLF": ("r.csv", "sep=,\r\ntext,label\r\nso happy,joy\r\nso furious,anger\r\n", {}),
    "lines that Excel quoted once more": ("r.csv", '"text;""label"""\n"so happy;""joy"""\nso furious;anger\n', {}),
    "an option": ("r.csv", "a,b;text;label\n1,2;so happy;joy\n1,2;so furious;anger\n", {"delimiter": ";"}),
    "another option": ("r.csv", "text^label\nso happy^joy\nso furious^anger\n", {"delimiter": "^"}),
    "tab as an option": ("r.csv", "text\tlabel\nso happy\tjoy\nso furious\tanger\n", {"delimiter": "tab"}),
    "CR": ("r.csv", "text,label\rso happy,joy\rso furious,anger\r", {}),
    "CR at the ends, without the last": ("r.tsv", "text\tlabel\rso happy\tjoy\rso furious\tanger", {}),
    "byte order mark": ("r.csv", "\ufefftext;label\r\nso happy;joy\r\nso furious;anger\r\n", {}),
    "row names of R": ("r.csv", '"text","label"\n"1","so happy","joy"\n"2","so furious","anger"\n', {}),
    "an index of pandas": ("r.csv", ",text,label\n0,so happy,joy\n1,so furious,anger\n", {}),
    "UTF-16 by option": (
        "r.csv",
        f"\ufeff{ROWS}".encode("utf-16-be"),
        {"encoding": "utf-16"},
    ),
    "cp1252 by option": ("r.csv", b"text;label\nso happy;joy\nso furious;anger\n", {"encoding": "cp1252"}),
}


@pytest.mark.parametrize("name", READ)
def test_two_rows_are_read(tmp_path: Path, name: str) -> None:
    file, content, params = READ[name]
    assert read(put(tmp_path / file, content), **params) == TWO


WITHOUT_HEADER = {
    "commas": ("r.csv", "so happy,joy\nso furious,anger\n"),
    "semicolons": ("r.csv", "so happy;joy\nso furious;anger\n"),
    "tabs": ("r.tsv", "so happy\tjoy\nso furious\tanger\n"),
    "quotes": ("r.csv", '"so happy","joy"\n"so furious","anger"\n'),
    "byte order mark": ("r.csv", "\ufeffso happy,joy\nso furious,anger\n"),
}


@pytest.mark.parametrize("name", WITHOUT_HEADER)
def test_a_file_without_a_header_loses_no_row(tmp_path: Path, name: str) -> None:
    file, content = WITHOUT_HEADER[name]
    path = put(tmp_path / file, content)
    assert read(path, header=False, text_column="1", label_column="2") == TWO
    assert "text_column" in refused(path).hint or "--text-column" in refused(path).hint


def test_columns_of_a_file_without_a_header_are_numbers(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", "joy,x,so happy\nanger,x,so furious\n")
    assert read(path, header=False, text_column="3", label_column="1") == TWO
    error = refused(path, header=False)
    assert "1, 2, 3" in error.message
    assert "1, 2, 3" in refused(path, header=False, text_column="4", label_column="1").message


def sixty() -> tuple[str, list[tuple[str, str]]]:
    """Give a TSV whose quotes csv's rules would take for one field of sixteen lines."""
    rows = [(f"text {number}", "joy" if number % 2 else "fear") for number in range(60)]
    rows[10] = ('"I left', "fear")
    rows[25] = ('he said so"', "joy")
    return "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), rows


def test_quotes_of_a_tsv_swallow_no_row(tmp_path: Path) -> None:
    content, rows = sixty()
    assert len(read(put(tmp_path / "r.tsv", content))) == 60
    assert read(tmp_path / "r.tsv") == rows
    assert read(put(tmp_path / "r.tsv", content.replace("\n", "\r\n"))) == rows
    assert read(put(tmp_path / "r.tsv.gz", gzip.compress(content.encode()))) == rows


QUOTES = {
    "whole": ('"so happy"', "so happy"),
    "with quotes within": ('"she said ""so happy"""', 'she said "so happy"'),
    "within": ('she said "happy" to me', 'she said "happy" to me'),
    "in front": ('"happy she said', '"happy she said'),
    "behind": ('so happy"', 'so happy"'),
    "two words": ('"so" and "happy"', '"so" and "happy"'),
    "with a tab": ('"so\thappy"', "so\thappy"),
    "one": ('"', '"'),
}


@pytest.mark.parametrize("name", QUOTES)
def test_quotes_of_a_tsv_hold_whole_fields_only(tmp_path: Path, name: str) -> None:
    written, text = QUOTES[name]
    path = put(tmp_path / "r.tsv", f"text\tlabel\n{written}\tjoy\nso furious\tanger\n")
    assert read(path) == [(text, "joy"), ("so furious", "anger")]


def test_a_tsv_whose_fields_span_lines(tmp_path: Path) -> None:
    path = put(tmp_path / "r.tsv", 'text\tlabel\n"so\nhappy"\tjoy\nso furious\tanger\n')
    error = refused(path)
    assert "quoting" in error.message + error.hint
    assert "csv" in error.hint
    assert read(path, quoting="csv") == [("so\nhappy", "joy"), ("so furious", "anger")]


def test_without_quoting_quotes_are_text(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", 'text,label\n"so happy",joy\n"so furious,anger\n')
    assert read(path, quoting="none") == [('"so happy"', "joy"), ('"so furious', "anger")]


def test_a_lone_carriage_return_is_part_of_the_text(tmp_path: Path) -> None:
    for name, delimiter in (("r.csv", ","), ("r.tsv", "\t")):
        path = put(tmp_path / name, f"text{delimiter}label\nso\rhappy{delimiter}joy\nso furious{delimiter}anger\n")
        assert read(path) == [("so\rhappy", "joy"), ("so furious", "anger")]
    assert read(put(tmp_path / "r.jsonl", '{"text":\r"so happy", "label": "joy"}\n')) == TWO[:1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.jsonl", "r.txt", "r.csv.gz"])
def test_utf_16_without_a_mark_is_refused_with_its_name(tmp_path: Path, name: str, encoding: str) -> None:
    content = {"r.txt": "so happy;joy\n", "r.jsonl": '{"text": "so happy", "label": "joy"}\n'}.get(name, ROWS)
    data = content.encode(encoding)
    error = refused(put(tmp_path / name, gzip.compress(data) if name.endswith(".gz") else data))
    assert encoding in error.message + error.hint
    assert "encoding" in error.hint


def test_utf_16_without_a_mark_is_read_with_its_name(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", ROWS.encode("utf-16-le"))
    assert read(path, encoding="utf-16-le") == TWO


REFUSED = {
    "a mark in the middle": ("text,label\nso happy,joy\n\ufeffso furious,anger\n", 3),
    "a header once more, in other letters": ("text,label\nso happy,joy\nText,Label\nso furious,anger\n", 3),
    "a header once more": ("text,label\nso happy,joy\ntext,label\nso furious,anger\n", 3),
    "two files, one mark each": ("\ufefftext,label\nso happy,joy\n\ufefftext,label\nso furious,anger\n", 3),
    "a text of a zero-width space": ("text,label\nso happy,joy\n\u200b,joy\n", 3),
    "a text of a byte order mark": ("text,label\nso happy,joy\n\ufeff,joy\n", 3),
    "Ctrl-Z": ("text,label\nso happy,joy\n\x1a", 3),
    "Ctrl-Z in the last row": ("text,label\nso happy,joy\nso sad,sadness\x1a", 3),
    "a row too long": ("text,label\nso happy,joy\nso, furious,anger\n", 3),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rows_that_are_no_examples_are_named(tmp_path: Path, name: str) -> None:
    content, line = REFUSED[name]
    assert f"line {line}: " in refused(put(tmp_path / "r.csv", content)).message


@pytest.mark.parametrize("first", ["text;label\n", ""])
def test_a_txt_file_made_of_several_is_refused(tmp_path: Path, first: str) -> None:
    path = put(tmp_path / "r.txt", f"{first}so happy;joy\nText;Label\nso furious;anger\n")
    assert "the header again: this may be several joined files" in refused(path).message


UNUSABLE = {
    "a trailing delimiter": "text,label\nso happy,joy,\nso furious,anger,\n",
    "a trailing semicolon": "text;label\nso happy;joy;\nso furious;anger;\n",
    "a trailing delimiter behind the label": "id,text,label\n1,so happy,joy,\n2,so furious,anger,\n",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_trailing_delimiter_moves_no_column(tmp_path: Path, name: str) -> None:
    refused(put(tmp_path / "r.csv", UNUSABLE[name]))


PACKED = {
    "capitals": ("R.CSV.GZ", gzip.compress(ROWS.encode())),
    "mixed": ("r.csv.Gz", gzip.compress(ROWS.encode())),
    "no suffix": ("r.csv", gzip.compress(ROWS.encode())),
    "no suffix, .txt": ("r.txt", gzip.compress(b"so happy;joy\nso furious;anger\n")),
    "suffix and not packed": ("r.csv.gz", ROWS.encode()),
    "several members": ("r.csv.gz", gzip.compress(ROWS[:20].encode()) + gzip.compress(ROWS[20:].encode())),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_are_found_by_their_bytes(tmp_path: Path, name: str) -> None:
    file, data = PACKED[name]
    assert read(put(tmp_path / file, data)) == TWO


def test_a_packed_file_that_is_not_whole(tmp_path: Path) -> None:
    refused(put(tmp_path / "r.csv", gzip.compress(ROWS.encode() * 1000)[:-20]))


def test_a_field_over_the_limit_is_one_row(tmp_path: Path) -> None:
    long = "one line of a field\n" * 60_000
    message = refused(put(tmp_path / "r.csv", f'text,label\nso happy,joy\n"{long}",joy\nso furious,anger\n')).message
    assert "1 row" in message
    assert "line 3: " in message


def test_half_a_surrogate_pair_is_named_for_what_it_is(tmp_path: Path) -> None:
    path = put(tmp_path / "r.jsonl", '{"text": "so \\ud83d happy", "label": "joy"}\n')
    message = refused(path).message
    assert "surrogate" in message
    assert "undecodable" not in message


def test_names_show_what_cannot_be_seen(tmp_path: Path) -> None:
    for name, shown in (("\ufefftext", "\\ufeff"), ("te\u200bxt", "\\u200b"), ("text\u200e", "\\u200e")):
        message = refused(put(tmp_path / "r.csv", f"id,{name},label\n1,so happy,joy\n")).message
        assert shown in message
        assert name not in message


def test_mixed_line_ends_of_a_txt_file_lose_no_row(tmp_path: Path) -> None:
    lines = ["so happy;joy", "so furious;anger"] * 30
    lf_after_crlf = "".join(f"{line}\r\n" for line in lines) + "".join(f"{line}\n" for line in lines)
    assert len(read(put(tmp_path / "r.txt", lf_after_crlf))) == 120
    cr_after_lf = "".join(f"{line}\n" for line in lines) + "".join(f"{line}\r" for line in lines)
    message = refused(put(tmp_path / "r.txt", cr_after_lf)).message
    assert "line 61: a line end within the line" in message
    assert len(read(put(tmp_path / "r.txt", "".join(f"{line}\r" for line in lines)))) == 60


def test_a_column_is_not_text_and_label_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the same column"):
        read(put(tmp_path / "r.csv", ROWS), text_column="label")


def test_a_txt_file_takes_no_other_delimiter(tmp_path: Path) -> None:
    path = put(tmp_path / "r.txt", "so; happy|joy\n")
    with pytest.raises(UsageError, match="text;label"):
        read(path, delimiter="|")
    assert read(put(path, "so; happy;joy\n"), delimiter=";") == [("so; happy", "joy")]


def test_keys_show_what_cannot_be_seen(tmp_path: Path) -> None:
    message = refused(put(tmp_path / "r.jsonl", '{"\u200btext": "so happy", "label": "joy"}\n')).message
    assert r"the keys are \u200btext, label" in message
