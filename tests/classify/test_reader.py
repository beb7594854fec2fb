"""The reader: which column or key has the text, and what is no text."""

from pathlib import Path

import pytest

from emotion.errors import BadDataError
from emotion.records.dialect import DialectOptions
from tests.classify.conftest import Classify


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("a,b\n1,2\n", None, "no column 'text'; its columns are: a, b"),
        ("a,text\n1,2\n", "body", "no column 'body'; its columns are: a, text"),
        ("text,text\n1,2\n", None, "more than one column 'text'"),
        ('"text\n', None, "header"),
        ("te\udcffxt\n", None, "undecodable"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, run: Classify, content: str, column: str, message: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(content, "utf-8", "surrogateescape")
    with pytest.raises(BadDataError, match=message):
        run(source, tmp_path / "out.csv", text_column=column)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_key_that_the_first_object_lacks(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.jsonl").write_text('{"a": 1, "b": 2}\n{"error": "i feel happy"}\n{"text": "happy"}\n')
    counts = run(tmp_path / "in.jsonl", tmp_path / "out.jsonl").counts
    assert (counts.rows, counts.labels, counts.reasons) == (3, {"joy": 1}, {"no key 'text'": 2})


@pytest.mark.parametrize(("content", "expected"), [("", ""), ("\n\n", "\n\n"), ("text\n", "text,label,score\n")])
def test_files_without_rows(tmp_path: Path, run: Classify, content: str, expected: str) -> None:
    (tmp_path / "in.csv").write_text(content)
    assert run(tmp_path / "in.csv", tmp_path / "out.csv").counts.rows == 0
    assert (tmp_path / "out.csv").read_text() == expected


def test_the_only_column_needs_its_name_too(tmp_path: Path, run: Classify) -> None:
    (tmp_path / "in.csv").write_text("i feel scared\nhappy\n")
    with pytest.raises(BadDataError, match="its columns are: i feel scared") as caught:
        run(tmp_path / "in.csv", tmp_path / "out.csv")
    assert "--no-header" in caught.value.hint
    assert run(tmp_path / "in.csv", tmp_path / "out.csv", text_column="i feel scared").counts.rows == 1
    counts = run(tmp_path / "in.csv", tmp_path / "out.csv", options=DialectOptions(header=False)).counts
    assert counts.labels == {"fear": 1, "joy": 1}
