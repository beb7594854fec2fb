"""Tells what differs between two nested descriptions, such as the parameters of two runs."""

from typing import Any


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
