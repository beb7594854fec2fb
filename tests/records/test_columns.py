"""A column is found by its name, or the message shows the names that there are."""

from pathlib import Path

import pytest

from emotion.errors import BadDataError
from emotion.records.batch import Record
from emotion.records.columns import find_column
from emotion.records.record import Records
from emotion.records.text_io import Codec


def opened(names: list[str]) -> Records:
    """An open file with a header of these names."""
    return Records("csv", Codec("utf-8"), "\n", b"", iter(()), lambda _: iter(()), names, Record(1, b"", b"\n", names))


def test_a_column_is_found_by_its_name() -> None:
    assert [find_column(Path("in.csv"), opened(["a", "text", ""]), name, "--x") for name in ("a", "text", "")] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("names", "name", "message", "no_header"),
    [
        (["a", "Text"], "text", "in.csv has no column 'text'; its columns are: a, Text", True),
        (
            ["text", "a", "text"],
            "text",
            "in.csv has more than one column 'text'; its columns are: text, a, text",
            False,
        ),
        ([" text", "\ufefftext", "te\u200bxt"], "text", r"its columns are: ' text', \ufefftext, te\u200bxt", True),
        (["text"], "text\xa0", r"has no column 'text\xa0'", True),
        ([], "text", "its columns are: (none)", True),
    ],
)
def test_a_column_that_is_not_there_or_twice(names: list[str], name: str, message: str, *, no_header: bool) -> None:
    with pytest.raises(BadDataError) as caught:
        find_column(Path("in.csv"), opened(names), name, "--text-column")
    assert message in caught.value.message
    assert "--text-column" in caught.value.hint
    assert ("--no-header" in caught.value.hint) == no_header
