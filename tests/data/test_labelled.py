"""Reading labelled text: all formats give the same rows, and every bad row is named with its line."""

import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from emotion.data.labelled import read_labelled
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.params.schema import DataTable
from tests.builders import Rows, write_rows

ROWS: Rows = [
    ("i feel good; so good", "joy"),
    ('she said "no", and left', "anger"),
    ("naïve café ☕ 日本語", "love"),
    ("nan", "fear"),
    ("  null ", "fear"),
]
FORMATS = [".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]
PACKED = [".txt.gz", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".ndjson.gz"]


def read(path: Path, **params: Any) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in read_labelled(path, DataTable(**params))]


def lines(path: Path) -> list[int]:
    return [row.line for row in read_labelled(path, DataTable())]


def refused(path: Path, **params: Any) -> BadDataError:
    """Give the error of a file whose rows cannot all be used, which the contract gives exit code 65."""
    with pytest.raises(BadDataError) as caught:
        read_labelled(path, DataTable(**params))
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    return caught.value


def put(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


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
        read_labelled(tmp_path / f"absent{suffix}", DataTable())
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
        for problem in ("line 2: an empty text", "line 3: an empty text", "line 4: an empty label"):
            assert problem in error.message

    def test_blank_lines_hold_no_row_and_keep_the_count(self, tmp_path: Path) -> None:
        assert lines(put(tmp_path / "rows.txt", "a;joy\n\n  \nb;joy")) == [1, 4]

    def test_windows_line_ends_and_spaces_are_no_part_of_a_label(self, tmp_path: Path) -> None:
        assert read(put(tmp_path / "rows.txt", "a;joy\r\nb; anger \r\n")) == [("a", "joy"), ("b", "anger")]

    def test_other_separators_of_unicode_do_not_end_a_line(self, tmp_path: Path) -> None:
        assert read(put(tmp_path / "rows.txt", "a\u2028b\x0bc\x85d;joy\n")) == [("a\u2028b\x0bc\x85d", "joy")]


class TestEncodings:
    @pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl"])
    def test_a_byte_order_mark_is_no_part_of_the_first_cell(self, tmp_path: Path, suffix: str) -> None:
        path = write_rows(tmp_path / f"rows{suffix}", ROWS)
        assert read(put(path, codecs.BOM_UTF8 + path.read_bytes())) == list(ROWS)

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "UTF8"])
    def test_the_encoding_may_be_named(self, tmp_path: Path, encoding: str) -> None:
        path = put(tmp_path / "rows.csv", "text,label\nnaïve café,joy\n".encode(encoding))
        assert read(path, encoding=encoding) == [("naïve café", "joy")]

    @pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
    @pytest.mark.parametrize("encoding", ["nosuch", "", "hex", "a\0b"])
    def test_an_encoding_that_python_does_not_know(self, tmp_path: Path, suffix: str, encoding: str) -> None:
        path = write_rows(tmp_path / f"rows{suffix}", ROWS)
        with pytest.raises(UsageError, match="unknown encoding") as caught:
            read(path, encoding=encoding)
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("rows.txt", b"good;joy\n\nna\xefve;joy\n"),
            ("rows.csv", b"text,label\ngood,joy\nna\xefve,joy\n"),
            ("rows.tsv", b"text\tlabel\ngood\tjoy\nna\xefve\tjoy\n"),
            ("rows.jsonl", b'{"text":"good","label":"joy"}\n\n{"text":"na\xefve","label":"joy"}\n'),
        ],
    )
    def test_undecodable_bytes_are_named_with_their_line(self, tmp_path: Path, name: str, content: bytes) -> None:
        error = refused(put(tmp_path / name, content))
        assert "1 rows" in error.message
        assert "line 3: undecodable bytes in the text" in error.message
        assert "--encoding" in error.message

    def test_undecodable_bytes_in_a_label(self, tmp_path: Path) -> None:
        assert "line 1: undecodable bytes in the label" in refused(put(tmp_path / "r.txt", b"a;\xff\n")).message

    def test_undecodable_bytes_in_the_header(self, tmp_path: Path) -> None:
        assert "header" in refused(put(tmp_path / "r.csv", b"text,label\xff\na,b\n")).message

    def test_half_a_character_of_a_wide_encoding(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", "text,label\na,joy\n".encode("utf-16") + b"x")
        assert "utf-16" in refused(path, encoding="utf-16").message


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

    def test_a_column_that_a_parquet_file_lacks(self, tmp_path: Path) -> None:
        path = write_rows(tmp_path / "r.parquet", ROWS)
        error = refused(path, text_column="tweet")
        assert "no column 'tweet'" in error.message
        assert "text, label" in error.message

    def test_a_column_that_a_parquet_file_has_twice(self, tmp_path: Path) -> None:
        arrays = [pyarrow.array(["a"]), pyarrow.array(["b"]), pyarrow.array(["joy"])]
        table = pyarrow.Table.from_arrays(arrays, names=["text", "text", "label"])
        pyarrow.parquet.write_table(table, tmp_path / "r.parquet")
        assert "more than one column 'text'" in refused(tmp_path / "r.parquet").message


class TestCsv:
    def test_quoted_newlines_and_the_lines_that_rows_start_on(self, tmp_path: Path) -> None:
        path = put(tmp_path / "r.csv", 'text,label\r\n"two\r\nlines",joy\r\none,anger\r\n')
        assert read(path) == [("two\r\nlines", "joy"), ("one", "anger")]
        assert lines(path) == [2, 4]

    def test_bad_rows_after_a_quoted_newline_have_their_own_line(self, tmp_path: Path) -> None:
        error = refused(put(tmp_path / "r.csv", 'text,label\n"a\n\nb",joy\n,joy\na\nb,\n'))
        assert "3 rows" in error.message
        assert "line 5: an empty text" in error.message
        assert "line 6: 1 fields where the header has 2" in error.message
        assert "line 7: an empty label" in error.message

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

    @pytest.mark.parametrize(("value", "kind"), [("1.5", "float"), ("[1]", "list"), ('{"a":1}', "dict")])
    def test_other_values_are_not(self, tmp_path: Path, value: str, kind: str) -> None:
        path = put(tmp_path / "r.jsonl", '{"text":"a","label":' + value + "}\n")
        assert f"line 1: the label is a {kind}" in refused(path).message

    def test_a_number_is_no_text(self, tmp_path: Path) -> None:
        assert "the text is a int" in refused(put(tmp_path / "r.jsonl", '{"text":5,"label":"a"}\n')).message

    @pytest.mark.parametrize(
        ("line", "reason"),
        [("{", "not JSON"), ("[1]", "a JSON list"), ('{"text":"a\\ud800","label":"b"}', "in the text")],
    )
    def test_a_line_that_is_no_row(self, tmp_path: Path, line: str, reason: str) -> None:
        error = refused(put(tmp_path / "r.jsonl", '{"text":"a","label":"b"}\n\n' + line + "\n"))
        assert "line 3: " in error.message
        assert reason in error.message


class TestParquet:
    def write(self, path: Path, text: object, label: object, metadata: object = None) -> Path:
        table = pyarrow.table({"text": text, "label": label})
        if metadata is not None:
            content = metadata if isinstance(metadata, str) else json.dumps(metadata)
            table = table.replace_schema_metadata({"huggingface": content})
        pyarrow.parquet.write_table(table, path)
        return path

    def class_label(self, names: object) -> object:
        return {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}

    def test_numbers_of_a_class_label_become_its_names(self, tmp_path: Path) -> None:
        metadata = self.class_label(["sadness", "joy"])
        path = self.write(tmp_path / "r.parquet", ["a", "b", "c"], [1, 0, 1], metadata)
        assert [label for _, label in read(path)] == ["joy", "sadness", "joy"]

    def test_a_number_outside_the_class_label_stays_a_number(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "r.parquet", ["a", "b"], [-1, 2], self.class_label(["sadness", "joy"]))
        assert [label for _, label in read(path)] == ["-1", "2"]

    @pytest.mark.parametrize(
        "metadata",
        ["{", "[]", "null", {"info": None}, {"info": {"features": {"label": "ClassLabel"}}}, "[" * 100_000],
    )
    def test_metadata_of_another_kind_is_passed_over(self, tmp_path: Path, metadata: object) -> None:
        path = self.write(tmp_path / "r.parquet", ["a", "b"], [1, 0], metadata)
        assert [label for _, label in read(path)] == ["1", "0"]

    @pytest.mark.parametrize("names", [None, "joy", {"0": "joy"}, [1, 2], ["joy", None]])
    def test_names_of_another_kind_are_passed_over(self, tmp_path: Path, names: object) -> None:
        path = self.write(tmp_path / "r.parquet", ["a", "b"], [1, 0], self.class_label(names))
        assert [label for _, label in read(path)] == ["1", "0"]

    def test_nulls_are_named_with_their_row(self, tmp_path: Path) -> None:
        metadata = self.class_label(["sadness", "joy"])
        path = self.write(tmp_path / "r.parquet", ["a", None, "c"], [1, 0, None], metadata)
        error = refused(path)
        assert "line 2: no text" in error.message
        assert "line 3: no label" in error.message

    def test_a_large_or_dictionary_column_is_text_too(self, tmp_path: Path) -> None:
        text = pyarrow.array(["a", "b"], pyarrow.large_string())
        path = self.write(tmp_path / "r.parquet", text, pyarrow.array(["x", "y"]).dictionary_encode())
        assert read(path) == [("a", "x"), ("b", "y")]

    def test_bytes_are_no_text(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "r.parquet", pyarrow.array([b"a"]), ["joy"])
        assert "line 1: the text is a bytes" in refused(path).message

    def test_undecodable_bytes_in_a_string_column(self, tmp_path: Path) -> None:
        """Parquet's writers do not check that strings are UTF-8."""
        buffers = [None, pyarrow.array([0, 2], pyarrow.int32()).buffers()[1], pyarrow.py_buffer(b"\xff\xfe")]
        text = pyarrow.Array.from_buffers(pyarrow.string(), 1, buffers)
        refused(self.write(tmp_path / "r.parquet", text, ["joy"]))

    @pytest.mark.parametrize("keep", [0, 4, 200, -1])
    def test_a_file_that_is_cut_short(self, tmp_path: Path, keep: int) -> None:
        path = write_rows(tmp_path / "r.parquet", ROWS)
        assert "not a whole Parquet file" in refused(put(path, path.read_bytes()[:keep])).message

    def test_text_that_is_called_parquet(self, tmp_path: Path) -> None:
        assert "not a whole" in refused(put(tmp_path / "r.parquet", "text,label\na,b\n" * 50)).message


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("keep", [5, -1000, -4])
def test_a_packed_file_that_is_cut_short(tmp_path: Path, suffix: str, keep: int) -> None:
    many = [(f"text {number:x} {number * 7919 % 100_003}", "joy") for number in range(20_000)]
    path = write_rows(tmp_path / f"r{suffix}", many)
    assert "not a whole .gz file" in refused(put(path, path.read_bytes()[:keep])).message


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_is_only_called_packed(tmp_path: Path, suffix: str) -> None:
    assert "not a whole .gz file" in refused(put(tmp_path / f"r{suffix}", "text,label\na,b\n")).message


def test_a_packed_file_whose_content_was_changed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b"text,label\na,joy\n"))
    content[-8] ^= 0xFF  # the checksum
    assert "not a whole .gz file" in refused(put(tmp_path / "r.csv.gz", bytes(content))).message


def test_the_first_ten_bad_rows_are_named_and_the_others_counted(tmp_path: Path) -> None:
    error = refused(put(tmp_path / "r.txt", "a;joy\n" + "no label\n" * 1012))
    assert "1,012 rows" in error.message
    assert error.message.count("no ';'") == 10
    assert "line 11: " in error.message
    assert "line 12: " not in error.message
    assert "1,002 more" in error.message
