"""Labels as people see them: finds labels that look equal, and shows invisible characters."""

import unicodedata
from collections.abc import Iterable

from emotion.formatting import first_items, invisible

ALIKE = "differ only in case, white space, width, invisible characters or Unicode form"
LONGEST = 80
MOST_NAMED = 10


def essence(label: str) -> str:
    """Reduce a label to its visible content: without case, width, spaces and invisible characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return "".join(character for character in folded if not invisible(character))


def show_label(label: str) -> str:
    """Quote a label, with escapes for invisible and confusable characters."""
    odd = any(
        character != " " and (invisible(character) or unicodedata.category(character).startswith("M"))
        for character in label
    )
    return f"{ascii(label) if odd else repr(label):.{LONGEST}}"


def name_label(label: str) -> str:
    """Format a label for a list: quoted only if it could be misread."""
    quoted = show_label(label)
    return label if quoted == f"'{label}'" and "," not in label else quoted


def name_labels(labels: Iterable[str]) -> str:
    """List at most ten labels, and count the others."""
    return ", ".join(first_items([name_label(label) for label in labels], MOST_NAMED))


def lookalikes(labels: Iterable[str]) -> list[list[str]]:
    """Group labels that look equal; leave out labels that look empty."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(essence(label), []).append(label)
    return [sorted(group) for key, group in groups.items() if key and len(group) > 1]


def unseen_sentence(split: str, unseen: Iterable[str], known: Iterable[str]) -> str:
    """Name labels of `split` that are not in train, with labels of train that look equal."""
    found = sorted(unseen)
    alike = [group for group in lookalikes([*found, *known]) if not set(group).isdisjoint(found)][:MOST_NAMED]
    pairs = [f"; {' and '.join(map(show_label, group))} {ALIKE}" for group in alike]
    return f"{split} has labels that are not in train: {name_labels(found)}{''.join(pairs)}"
