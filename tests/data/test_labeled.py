"""Reading labeled text: all formats give the same rows, and every bad row is named with its line."""

from pathlib import Path

import pytest

from emotion.data.labeled import read_labeled
from emotion.errors import InputMissingError
from emotion.params.schema import DataTable
from tests.builders import write_rows
from tests.data.conftest import PACKED, ROWS, put, read, refused

FORMATS = [".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]


def lines(path: Path) -> list[int]:
    return [row.line for row in read_labeled(path, DataTable())]


@pytest.mark.parametrize("suffix", FORMATS + PACKED)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    assert read(write_rows(tmp_path / f"rows{suffix}", ROWS)) == list(ROWS)


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.gz", "csv", "rows.json"])
def test_a_format_that_is_not_known(tmp_path: Path, name: str) -> None:
    error = refused(put(tmp_path / name, "text,label\na,b\n"))
    assert "unknown format" in error.message
    assert ".parquet" in error.hint


@pytest.mark.parametrize("suffix", FORMATS + PACKED)
def test_a_file_that_is_not_there(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputMissingError) as caught:
        read_labeled(tmp_path / f"absent{suffix}", DataTable())
    assert caught.value.exit_code == 66


class TestSemicolonLines:
    def test_the_last_semicolon_divides(self, tmp_path: Path) -> None:
        path = put(tmp_path / "rows.txt", "a;b;c;joy\n;;joy\n")
        assert read(path) == [("a;b;c", "joy"), (";", "joy")]

    def test_a_line_without_one_is_named(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "rows.txt", "good;joy\nno label here\n"))
        assert "line 2: no ';'" in error.message
        assert "no label here" in error.message

    def test_an_empty_text_and_an_empty_label_are_named(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "rows.txt", "a;joy\n;joy\n  ;joy\nb; \n"))
        assert "3 rows" in error.message
        for problem in ("line 2: empty text", "line 3: empty text", "line 4: empty label"):
            assert problem in error.message

    def test_blank_lines_hold_no_row_and_keep_the_count(self, tmp_path: Path) -> None:
        assert lines(put(tmp_path / "rows.txt", "a;joy\n\n  \nb;joy")) == [1, 4]

    def test_windows_line_ends_and_spaces_are_no_part_of_a_label(self, tmp_path: Path) -> None:
        assert read(put(tmp_path / "rows.txt", "a;joy\r\nb; anger \r\n")) == [("a", "joy"), ("b", "anger")]

    def test_other_separators_of_unicode_do_not_end_a_line(self, tmp_path: Path) -> None:
        assert read(put(tmp_path / "rows.txt", "a\u2028b\x0bc\x85d;joy\n")) == [("a\u2028b\x0bc\x85d", "joy")]

    @pytest.mark.parametrize(
        "header", ["text;label", "Text;Label", "TEXT ; LABEL", " text;label ", "\ufefftext;label", "\n\ntext;label"]
    )
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_a_header_is_no_row(self, tmp_path: Path, header: str, end: str) -> None:
        path = put(tmp_path / "rows.txt", f"{header}{end}a;joy{end}text;labels{end}")
        assert read(path) == [("a", "joy"), ("text", "labels")]

    def test_a_header_of_the_named_columns_is_no_row(self, tmp_path: Path) -> None:
        path = put(tmp_path / "rows.txt", "Tweet;Mood\na;joy\n")
        assert read(path, text_column="tweet", label_column="mood") == [("a", "joy")]
        assert read(path) == [("Tweet", "Mood"), ("a", "joy")]

    @pytest.mark.parametrize("header", ["label;text", "id;text;label", "text;label;split"])
    def test_a_header_of_other_columns_is_refused(self, tmp_path: Path, header: str) -> None:
        error = refused(put(tmp_path / "rows.txt", f"{header}\na;b;c\n"))
        assert header in error.message
        assert ".csv" in error.hint


class TestColumns:
    def test_columns_may_be_anywhere_and_called_anything(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", "id,mood,tweet\n1,joy,good\n")
        assert read(path, text_column="tweet", label_column="mood") == [("good", "joy")]

    @pytest.mark.parametrize("content", ["tweet,mood\na,b\n", "Text,Label\na,b\n", "label\nb\n"])
    def test_a_column_that_is_not_there(self, tmp_path: Path, content: str) -> None:
        error = refused(put(tmp_path / "r.csv", content))
        assert "no column 'text'" in error.message
        assert content.partition("\n")[0].replace(",", ", ") in error.message
        assert "--text-column" in error.hint

    def test_a_column_that_is_there_twice(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.csv", "text,text,label\na,b,c\n"))
        assert "more than one column 'text'" in error.message

    def test_a_key_that_an_object_lacks(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.jsonl", '{"text":"a","label":"b"}\n{"tweet":"a","label":"b"}\n'))
        assert "line 2: no key 'text'; the keys are tweet, label" in error.message


class TestCsv:
    def test_quoted_newlines_and_the_lines_that_rows_start_on(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", 'text,label\r\n"two\r\nlines",joy\r\none,anger\r\n')
        assert read(path) == [("two\r\nlines", "joy"), ("one", "anger")]
        assert lines(path) == [2, 4]

    def test_bad_rows_after_a_quoted_newline_have_their_own_line(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.csv", 'text,label\n"a\n\nb",joy\n,joy\na\nb,\n'))
        assert "3 rows" in error.message
        assert "line 5: empty text" in error.message
        assert "line 6: 1 field where the header has 2" in error.message
        assert "line 7: empty label" in error.message

    def test_a_quote_that_is_never_closed_is_told_at_its_line(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.csv", 'text,label\na,joy\n"b,joy\nc,joy\n'))
        assert "line 3: malformed quoting" in error.message

    def test_cells_are_strings_whatever_they_look_like(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", "text,label\n007,1\nNaN,true\n")
        assert read(path) == [("007", "1"), ("NaN", "true")]

    @pytest.mark.parametrize("content", ["", "text,label\n", "text,label"])
    def test_a_file_without_rows(self, tmp_path: Path, content: str) -> None:
        assert read(put(tmp_path / "r.csv", content)) == []


class TestJson:
    def test_null_and_nan_are_no_text_and_no_label(self, tmp_path: Path) -> None:
        content = '{"text":null,"label":"a"}\n{"text":NaN,"label":"a"}\n{"text":"a","label":null}\n'
        error = refused(put(tmp_path / "r.jsonl", content))
        assert "line 1: no text" in error.message
        assert "line 2: no text" in error.message
        assert "line 3: no label" in error.message

    def test_whole_numbers_and_booleans_are_labels(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.jsonl", '{"text":"a","label":0}\n{"text":"b","label":true}\n')
        assert [label for _, label in read(path)] == ["0", "True"]

    @pytest.mark.parametrize(("value", "kind"), [("1.5", "a number"), ("[1]", "an array"), ('{"a":1}', "an object")])
    def test_other_values_are_not(self, tmp_path: Path, value: str, kind: str) -> None:
        path = put(tmp_path / "r.jsonl", '{"text":"a","label":' + value + "}\n")
        assert f"line 1: the label is {kind}" in refused(path).message

    def test_a_list_of_labels_is_refused_with_what_to_do(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.jsonl", '{"text":"a","label":["joy","love"]}\n'))
        assert "line 1: the label is an array" in error.message
        assert "multi-label classification is not supported" in error.hint
        assert "one row per label" in error.hint

    def test_a_number_is_no_text(self, tmp_path: Path) -> None:
        assert "the text is a number" in refused(put(tmp_path / "r.jsonl", '{"text":5,"label":"a"}\n')).message

    @pytest.mark.parametrize(
        ("line", "reason"),
        [("{", "not JSON"), ("[1]", "an array"), ('{"text":"a\\ud800","label":"b"}', "in the text")],
    )
    def test_a_line_that_is_no_row(self, tmp_path: Path, line: str, reason: str) -> None:
        error = refused(put(tmp_path / "r.jsonl", '{"text":"a","label":"b"}\n\n' + line + "\n"))
        assert "line 3: " in error.message
        assert reason in error.message


def test_the_first_ten_bad_rows_are_named_and_the_others_counted(tmp_path: Path) -> None:
    error = refused(put(tmp_path / "r.txt", "a;joy\n" + "no label\n" * 1012))
    assert "1,012 rows" in error.message
    assert error.message.count("no ';'") == 10
    assert "line 11: " in error.message
    assert "line 12: " not in error.message
    assert "1,002 more" in error.message
