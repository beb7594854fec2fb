"""How several of these tests write and read files of labeled text."""

from pathlib import Path
from typing import Any

import pytest

from emotion.data.labeled import read_labeled
from emotion.errors import BadDataError
from emotion.params.schema import DataTable
from tests.builders import Rows

ROWS: Rows = [
    ("i feel good; so good", "joy"),
    ('she said "no", and left', "anger"),
    ("naïve café ☕ 日本語", "love"),
    ("nan", "fear"),
    ("  null ", "fear"),
]


PACKED = [".txt.gz", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".ndjson.gz"]


def read(path: Path, **params: Any) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in read_labeled(path, DataTable(**params))]


def refused(path: Path, **params: Any) -> BadDataError:
    """Give the error of a file whose rows cannot all be used, which the contract gives exit code 65."""
    with pytest.raises(BadDataError) as caught:
        read_labeled(path, DataTable(**params))
    assert caught.value.exit_code == 65
    assert str(path) in caught.value.message
    return caught.value


def put(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
