"""Reading texts without labels: all formats give the same texts, and rows without a text are counted."""

import gzip
from pathlib import Path

import pytest

from emotion.data.unlabelled import Unlabelled, read_unlabelled
from emotion.errors import BadDataError, InputMissingError
from emotion.params.schema import DataTable
from emotion.store.atomic import sha256

TEXTS = ["i feel fine", 'she said "no", again', "größte Wut"]
FILES = {
    "a.csv": 'id,text\n1,i feel fine\n2,\n3,"she said ""no"", again"\n4,größte Wut\n5\n',
    "a.tsv": 'id\ttext\n1\ti feel fine\n2\t \n3\tshe said "no", again\n4\tgrößte Wut\n5\n',
    "a.jsonl": '{"text": "i feel fine"}\n{"text": null}\n{"text": "she said \\"no\\", again"}\n'
    '{"text": "größte Wut"}\n{"other": "x"}\n',
}


def read(path: Path, content: str, **table: object) -> Unlabelled:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return read_unlabelled(path, DataTable.model_validate(table))


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_texts(tmp_path: Path, name: str, packed: str) -> None:
    path = tmp_path / f"{name}{packed}"
    found = read(path, FILES[name])
    assert found.texts == TEXTS
    assert found.left_out == 2
    assert found.digest == sha256(path)


def test_the_column_and_the_dialect_are_those_of_the_data(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", "body;x\nfirst;1\nsecond;2\n", text_column="body", delimiter=";")
    assert found.texts == ["first", "second"]


def test_a_list_without_a_header(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "first\nsecond\n", header=False).texts == ["first", "second"]


def test_a_column_that_is_not_there_is_named_with_the_ones_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="no column 'text'; its columns are: body, x") as caught:
        read(tmp_path / "a.csv", "body,x\nfirst,1\n")
    assert caught.value.exit_code == 65


@pytest.mark.parametrize(("name", "content"), [("a.csv", "text,x\n,1\n"), ("a.jsonl", '{"body": "first"}\n')])
def test_a_file_without_a_text(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(BadDataError, match="no row of 1 has a text in the column 'text'"):
        read(tmp_path / name, content)


def test_a_format_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="unknown format"):
        read(tmp_path / "a.txt", "first\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError) as caught:
        read_unlabelled(tmp_path / "absent.csv", DataTable())
    assert caught.value.exit_code == 66
