"""Quantities, nested objects and other people's texts as text for a reader."""

import re
from typing import Any


def duration(seconds: float) -> str:
    """Seconds as a person says them: `12 s`, `2.1 min`, `3.4 h`."""
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004


def flatten(content: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested objects as rows of dotted names and values; what is no object has none."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items() if isinstance(content, dict) else ():
        name = f"{prefix}{key}"
        rows += flatten(value, f"{name}.") if isinstance(value, dict) else [(name, str(value))]
    return rows


def printable(text: str) -> str:
    """Text with a space for each character that cannot be seen: some turn the direction of writing."""
    return "".join(character if character.isprintable() else " " for character in text)


def shorten(text: str, most: int = 24) -> str:
    """Text on one line of at most `most` visible characters, with an ellipsis where it was cut."""
    clean = " ".join(printable(text).split())
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def escape_markdown(text: str) -> str:
    """Text that reads as it is inside a line of Markdown: no link, image, tag, style, formula or table cell begins."""
    return re.sub(r"([\\|`*_\[\]<>!#&~$])", r"\\\1", " ".join(text.split()))


def differences(there: dict[str, Any], here: dict[str, Any], ignoring: str = "\0") -> list[str]:
    """A line a key that differs, by dotted names; keys that start with `ignoring` are passed over."""
    theirs, mine = _flat(there), _flat(here)
    return [
        f"  {key}: {theirs.get(key, 'absent')} there, {mine.get(key, 'absent')} here"
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key) != theirs.get(key) and not key.startswith(ignoring)
    ]


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {prefix: content}
    return {
        key: value
        for name, inner in content.items()
        for key, value in _flat(inner, f"{prefix}.{name}".lstrip(".")).items()
    }
