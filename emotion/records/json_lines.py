"""Reads the lines of a JSONL file as objects with their original bytes."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from emotion.records.batch import OwnRows, Record, Rows
from emotion.records.lines import Lines
from emotion.records.record import Records
from emotion.records.text_io import Codec
from emotion.records.text_problem import MARK, undecodable


class RepeatingObject(dict[str, Any]):
    """A JSON object with `repeated` keys; the last values count."""

    repeated: set[str]


def open_objects(lines: Lines) -> Records:
    """Prepare reading the objects of a JSONL file, and collect the keys of the first objects."""
    first = [_parse(line)[0] or {} for line in lines.sample_lines()]
    keys = tuple(dict.fromkeys(key for values in first for key in values))
    preamble = lines.codec.mark + lines.take_blank(spaces=True)
    batches_from = partial(_batches_from, lines, lines.number)
    return Records("jsonl", lines.codec, lines.end, preamble, _batches(lines), batches_from, keys=keys)


def half_pair(cell: object, record: Record, codec: Codec) -> bool:
    """Whether a cell has an escaped half of a surrogate pair: the line itself has no undecodable bytes."""
    return isinstance(cell, str) and undecodable(cell) and not undecodable(codec.decode(record.raw))


def json_type(value: object) -> str:
    """Name the JSON type of a value, with its article; for other values, the Python type."""
    if value is None:
        return "null"
    names: dict[type, str] = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "an array",
        str: "a string",
        dict: "an object",
    }
    return names.get(type(value), f"of type {type(value).__name__}")


def _batches_from(lines: Lines, number: int, place: int) -> Iterator[Rows]:
    lines.jump(place, number)
    yield from _batches(lines)


def _batches(lines: Lines) -> Iterator[Rows]:
    while line := lines.take():
        number = lines.number
        raw, end = lines.split_end(line)
        values, problem = _parse(lines.decode(raw))
        yield OwnRows([Record(number, raw, end + lines.take_blank(spaces=True), values=values, problem=problem)])


def _parse(text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the object of a line, or None and the reason."""
    if text.startswith(MARK):
        return None, "a byte order mark within the file: this may be several joined files"
    try:
        values = DECODER.decode(text)
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg}"
    except RecursionError:
        return None, "JSON that is nested too deeply"
    except ValueError:
        return None, "JSON with a number of too many digits"
    if not isinstance(values, dict):
        return None, f"{json_type(values)} instead of an object"
    return values, ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    repeating = RepeatingObject(values)
    repeating.repeated = {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}
    return repeating


DECODER = json.JSONDecoder(object_pairs_hook=_object)
