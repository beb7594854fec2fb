"""Parquet: class names, columns of any type, and files that are damaged."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.builders import write_rows
from tests.data.conftest import ROWS, put, read, refused


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
        assert "line 1: the text is of type bytes" in refused(path).message

    def test_a_column_of_lists_is_refused_with_what_to_do(self, tmp_path: Path) -> None:
        """The hub's multi-label data sets have a sequence of class labels."""
        feature = {"feature": {"names": ["sadness", "joy"], "_type": "ClassLabel"}, "_type": "Sequence"}
        path = self.write(tmp_path / "r.parquet", ["a", "b"], [[0, 1], [1]], {"info": {"features": {"label": feature}}})
        error = refused(path)
        assert "line 1: the label is an array" in error.message
        assert "line 2: the label is an array" in error.message
        assert "one row per label" in error.hint

    def test_undecodable_bytes_in_a_string_column(self, tmp_path: Path) -> None:
        """Parquet's writers do not check that strings are UTF-8."""
        buffers = [None, pyarrow.array([0, 2], pyarrow.int32()).buffers()[1], pyarrow.py_buffer(b"\xff\xfe")]
        text = pyarrow.Array.from_buffers(pyarrow.string(), 1, buffers)
        refused(self.write(tmp_path / "r.parquet", text, ["joy"]))

    @pytest.mark.parametrize("keep", [0, 4, 200, -1])
    def test_a_file_that_is_cut_short(self, tmp_path: Path, keep: int) -> None:
        path = write_rows(tmp_path / "r.parquet", ROWS)
        assert "not a complete Parquet file" in refused(put(path, path.read_bytes()[:keep])).message

    def test_text_that_is_called_parquet(self, tmp_path: Path) -> None:
        assert "not a complete" in refused(put(tmp_path / "r.parquet", "text,label\na,b\n" * 50)).message

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
