"""Lines of JSONL: objects with their own bytes, and why other lines are none."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.records.json_lines import RepeatingObject, half_pair, json_type, open_objects
from emotion.records.lines import Lines
from emotion.records.record import Records


def open_content(content: bytes | str, encoding: str = "utf-8") -> Records:
    data = content.encode(encoding) if isinstance(content, str) else content
    return open_objects(Lines(Path("in.jsonl"), io.BytesIO(data), encoding))


@given(st.lists(st.sampled_from(['{"a": 1}', " {} ", "[", "no", "é", " ", "\n", "\r\n", "\r", "\ufeff"])).map("".join))
def test_records_are_the_file(content: str) -> None:
    records = open_content(content)
    joined = records.preamble + b"".join(record.raw + record.end for record in records.rows)
    assert joined.decode() == content


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_values_are_what_json_says(value: Any) -> None:
    for line in (json.dumps({"a": value}), json.dumps({"a": value}, ensure_ascii=False)):
        [row] = open_content(line).rows
        assert (row.values, row.problem) == ({"a": value}, "")


def test_blank_lines_belong_to_the_record_before() -> None:
    records = open_content('\ufeff\n {"a": 1} \n\n \t\n{"b": 2}')
    found = [(row.line, row.raw, row.end, row.values) for row in records.rows]
    assert records.preamble == b"\xef\xbb\xbf\n"
    assert found == [(2, b' {"a": 1} ', b"\n\n \t\n", {"a": 1}), (5, b'{"b": 2}', b"", {"b": 2})]


NO_OBJECT = {
    "text": "not JSON: Expecting value",
    '{"a": 1} {"a": 2}': "not JSON: Extra data",
    '{"a": 1},': "not JSON: Extra data",
    "{'a': 1}": "not JSON: Expecting property name",
    '{"a": "\t"}': "not JSON: Invalid control character",
    "[" * 100_000: "JSON that is nested too deeply",
    "[]": "an array instead of an object",
    "null": "null instead of an object",
    "1": "a number instead of an object",
    "true": "a boolean instead of an object",
    '"a"': "a string instead of an object",
    '\ufeff{"a": 1}': "a byte order mark within the file",
}


@pytest.mark.parametrize("line", NO_OBJECT, ids=lambda line: line[:20])
def test_lines_that_are_no_objects(line: str) -> None:
    first, row, last = open_content(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n').rows
    assert row.problem.startswith(NO_OBJECT[line])
    assert (row.line, row.raw.decode(), row.values) == (2, line, None)
    assert (first.values, last.values) == ({"a": 1}, {"a": 2})


def test_keys_of_the_first_objects_are_known_before_the_rows() -> None:
    content = '{"b": 1}\nno object\n{"a": 1, "b": {"inner": 2}}\n' + '{"a": 1}\n' * 100 + '{"late": 1}\n'
    assert open_content(content).keys == ("b", "a")
    assert open_content("").keys == ()


def test_keys_that_an_object_repeats() -> None:
    repeating, plain, inner = open_content(
        '{"a": 1, "b": 2, "a": 3, "c": 4, "c": 4}\n{"a": 1, "b": 2}\n{"a": {"b": 1, "b": 2}}\n'
    ).rows
    assert isinstance(repeating.values, RepeatingObject)
    assert (repeating.values, repeating.values.repeated) == ({"a": 3, "b": 2, "c": 4}, {"a", "c"})
    assert not isinstance(plain.values, RepeatingObject)
    assert not isinstance(inner.values, RepeatingObject)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (rb'{"a": "\ud83d"}', True),
        (rb'{"a": "\ude00 b"}', True),
        (rb'{"a": "\ud83d\ude00"}', False),
        (b'{"a": "\xff"}', False),
        (b'{"a": "b"}', False),
        (b'{"a": 1}', False),
        (rb'{"a": "b", "b": "\ud83d"}', False),
    ],
)
def test_half_of_a_surrogate_pair_is_no_undecodable_byte(line: bytes, expected: bool) -> None:
    records = open_content(line)
    [record] = records.rows
    assert record.values is not None
    assert half_pair(record.values["a"], record, records.codec) is expected


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (0.5, "a number"),
        ("a", "a string"),
        ([], "an array"),
        ({}, "an object"),
        (b"a", "of type bytes"),
    ],
)
def test_types_have_the_names_of_json(value: object, name: str) -> None:
    assert json_type(value) == name
