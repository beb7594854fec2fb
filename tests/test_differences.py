"""What differs between two nested descriptions, a line a key."""

from typing import Any

import pytest

from emotion.differences import differences


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        ({}, {}, []),
        ({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [1, 2], "b": 1}}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["  a.b: 1 there, 2 here"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["  a: [1, 2] there, [2, 1] here"]),
        ({"a": {"b": 1}}, {}, ["  a.b: 1 there, absent here"]),
        ({}, {"a": {"b": {"c": "x"}}}, ["  a.b.c: absent there, x here"]),
        ({"a": "none"}, {"a": {"joy": 2.0}}, ["  a: none there, absent here", "  a.joy: absent there, 2.0 here"]),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, ["  a: 1 there, 2 here", "  b: 1 there, 2 here"]),
    ],
)
def test_a_line_tells_what_is_there_and_what_is_here(
    there: dict[str, Any], here: dict[str, Any], expected: list[str]
) -> None:
    assert differences(there, here) == expected


def test_what_is_to_be_passed_over_is() -> None:
    there = {"params": {"resources": {"threads": 1}, "training": {"seed": 1}}}
    here = {"params": {"resources": {"threads": 2, "wait": 3}, "training": {"seed": 2}}}
    assert len(differences(there, here)) == 3
    assert differences(there, here, "params.resources") == ["  params.training.seed: 1 there, 2 here"]
