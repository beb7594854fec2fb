"""How quantities and other people's texts are said in one line."""

import pytest

from emotion.wording import duration, short


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
