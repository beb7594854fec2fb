"""How quantities and other people's texts are said in one line."""

import pytest
from markdown_it import MarkdownIt

from emotion.wording import duration, markdown, short


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
    assert short(text, most) == expected


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
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parseInline(f"of {markdown(text)}.")
    (line,) = parsed
    assert {token.type for token in line.children or []} <= {"text", "text_special"}
    assert "".join(token.content for token in line.children or []) == f"of {text}."


def test_markdown_is_one_line() -> None:
    assert markdown(" two\n\n# lines\r\u2028x ") == r"two \# lines x"
