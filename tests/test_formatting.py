"""How quantities and other people's texts are said in one line."""

from typing import Any

import pytest
from markdown_it import MarkdownIt

from emotion.formatting import count, differences, duration, escape_markdown, first_items, shorten, visible


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12, "12 s"),
        (99, "99 s"),
        (126, "2.1 min"),
        (5999, "100.0 min"),
        (7380, "2.0 h"),
        (123 * 60, "2.0 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")])
def test_counts(number: int, text: str) -> None:
    assert count(number, "row") == text


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, []),
        (1, ["file 0"]),
        (2, ["file 0", "file 1"]),
        (3, ["file 0", "file 1", "and 1 more"]),
        (1237, ["file 0", "file 1", "and 1,235 more"]),
    ],
)
def test_the_first_items_of_a_list_and_how_many_others_there_are(length: int, expected: list[str]) -> None:
    assert first_items([f"file {number}" for number in range(length)], 2) == expected


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("joy", 3, "joy"),
        ("sadness", 4, "sad…"),
        ("of two words", 8, "of two…"),
        ("a\nb\x1b[31m\tc", 24, "a b [31m c"),
        ("\ud800 half", 24, "half"),
        ("  ", 24, ""),
        ("日本語のラベル", 5, "日本語の…"),
    ],
)
def test_texts_are_one_line_without_control_characters(text: str, most: int, expected: str) -> None:
    assert shorten(text, most) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plain, text: 0.5 (x)",
        "a|b",
        "[x](y) ![z](t)",
        "<b>&amp;</b>",
        "`c` *i* **b** _u_ ~~s~~ $m$",
        "back\\slash \\| #",
    ],
)
def test_markdown_shows_texts_as_they_are(text: str) -> None:
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parseInline(f"of {escape_markdown(text)}.")
    (line,) = parsed
    assert {token.type for token in line.children or []} <= {"text", "text_special"}
    assert "".join(token.content for token in line.children or []) == f"of {text}."


def test_markdown_is_one_line() -> None:
    assert escape_markdown(" two\n\n# lines\r\u2028x ") == r"two \# lines x"


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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("text", "text"),
        ("größte 恐れ", "größte 恐れ"),
        ("two words", "two words"),
        ("", "''"),
        (" text", "' text'"),
        ("text ", "'text '"),
        ("a\tb\nc", r"a\tb\nc"),
        ("text\0", r"text\x00"),
        ("te\xadxt", r"te\xadxt"),
        ("a\xa0b", r"a\xa0b"),
        ("a\u3000b", r"a\u3000b"),
        ("\ufefftext", r"\ufefftext"),
        ("te\u200bxt\u200e", r"te\u200bxt\u200e"),
        ("\U000e0041", r"\U000e0041"),
        ("caf\udce9", r"caf\udce9"),
        ("text\u3164", r"text\u3164"),
        ("te\u2800xt", r"te\u2800xt"),
        ("text\ufe0f", r"text\ufe0f"),
        ("te\u034fxt", r"te\u034fxt"),
    ],
)
def test_what_nobody_sees_in_a_name_is_an_escape(name: str, shown: str) -> None:
    assert visible(name) == shown
