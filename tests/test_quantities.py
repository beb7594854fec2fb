"""Quantities as a person says them."""

import pytest

from emotion.quantities import duration


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
