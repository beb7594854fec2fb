"""Borders: whoever begins at one reads the records that a reader of the whole file reads."""

from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotion.errors import BadDataError
from emotion.records import borders as module
from emotion.records.batch import Record
from emotion.records.dialect import DialectOptions, Format
from emotion.records.files import open_records

Facts = tuple[int, bytes, bytes, list[str], object, str, int]
PIECES = [*"aaé 7", '"', '"', '""', '"""', *",,,\t", "\n", "\n", "\n", "\r\n", "\r", "\n\n"]
TEXTS = ['"a"', '"a, ""b"""', '"two\nlines"', '""', '5" wide', '"open', 'a "b" c']
ROWS = [*(f"7,{text}\n" for text in TEXTS), '"7","x"\n']
HEADS = ["text\n", "id,text\n", "id\ttext\n", "id,text\r\n", "id,text\r", "sep=,\nid,text\n", "\n\nid,text\n\n"]


def facts(record: Record) -> Facts:
    return record.line, record.raw, record.end, record.fields, record.values, record.problem, record.written


def read_between(
    path: Path, kind: Format, options: DialectOptions, places: Sequence[int]
) -> tuple[list[int], list[list[Facts]]]:
    """Borders after the places, and the records from each to the next; lines count from the border."""
    with open_records(path, kind, options) as records:
        assert records.borders is not None
        borders = records.borders
        found = [borders.first, *(borders.after(place, borders.first) for place in places), borders.size]
        parts = []
        for first, stop in pairwise(found):
            part, place = [], first
            for record in chain.from_iterable(batch.records for batch in records.batches_from(first)):
                if place >= stop:
                    break
                part.append(facts(record))
                place += len(record.raw) + len(record.end)
            assert place == stop, "a record extends over a border"
            parts.append(part)
    return found, parts


def check(path: Path, kind: Format, options: DialectOptions, shares: Sequence[float]) -> None:
    """The records between borders are the records of the whole file."""
    with open_records(path, kind, options) as records:
        start = records.start
        whole = [facts(record) for record in records.rows]
    size = path.stat().st_size
    places = sorted(start + int((size - start) * share) for share in shares)
    found, parts = read_between(path, kind, options, places)
    assert found == sorted(found)
    assert [record[1:] for part in parts for record in part] == [record[1:] for record in whole]
    read = 0
    for part in parts:
        shifts = {expected[0] - record[0] for expected, record in zip(whole[read:], part, strict=False)}
        assert len(shifts) <= 1
        read += len(part)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("borders")


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(HEADS),
    st.lists(st.sampled_from([*PIECES, *ROWS]), max_size=40).map("".join),
    st.sampled_from([None, "csv", "none"]),
    st.booleans(),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.sampled_from([2, 3, 8, 1 << 16]),
)
def test_records_between_borders_are_the_files(
    folder: Path, head: str, body: str, quoting: str | None, header: bool, shares: list[float], near: int
) -> None:
    path = folder / "in.csv"
    path.write_bytes((head + body).encode())
    options = DialectOptions(quoting=quoting, header=header)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NEAR", near)
        patch.setattr(module, "LINE", 4)
        patch.setattr(module, "BLOCK", 20)
        try:
            check(path, "csv", options, shares)
        except BadDataError:
            with pytest.raises(BadDataError), open_records(path, "csv", options) as records:
                list(records.rows)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(['{"text": "a"}', '{"a": 1}', '"', " ", "\n", "\n", "\r\n", "\t\n", "\r"])).map("".join),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_lines_between_borders_are_the_files(folder: Path, body: str, shares: list[float]) -> None:
    path = folder / "in.jsonl"
    path.write_bytes(body.encode())
    check(path, "jsonl", DialectOptions(), shares)
