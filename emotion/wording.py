"""How quantities and other people's texts are said in one line."""

import re


def duration(seconds: float) -> str:
    """Seconds as a person says them: `12 s`, `2.1 min`, `3.4 h`."""
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004


def short(text: str, most: int = 24) -> str:
    """Text on one line of at most `most` visible characters, with an ellipsis where it was cut."""
    clean = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return clean if len(clean) <= most else clean[: most - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """Text that reads as it is inside a line of Markdown: no link, image, tag, style, formula or table cell begins."""
    return re.sub(r"([\\|`*_\[\]<>!#&~$])", r"\\\1", " ".join(text.split()))
