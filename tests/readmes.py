"""The README files: their blocks, links and headings."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Everything else lies deeper, or in folders that no checkout has.
PAGES = sorted(
    path
    for pattern in ("*.md", "[a-z]*/*.md", "[a-z]*/[a-z]*/*.md")
    for path in ROOT.glob(pattern)
    if path.relative_to(ROOT).parts[0] not in ("build", "dist", "store")
)


def name(page: Path) -> str:
    """Give a page's path in the checkout."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Give kind and content of every code block, in order."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(), flags=re.M | re.S)


def block(page: Path, kind: str) -> str:
    """Give the page's only block of a kind."""
    (found,) = [body for this, body in blocks(page) if this == kind]
    return found


def prose(page: Path) -> str:
    """Give the page without its code blocks."""
    return re.sub(r"^```[^\n]*\n.*?^```$", "", page.read_text(), flags=re.M | re.S)


def inline_commands(page: Path, program: str) -> Iterator[str]:
    """Yield the commands of a program between backticks."""
    for code in re.findall(r"`([^`]+)`", prose(page)):
        # In a table, a backslash precedes a bar.
        line = " ".join(code.replace("\\|", "|").split())
        if re.match(rf"(\.venv/bin/)?{program} [a-z]", line):
            yield line.removeprefix(".venv/bin/")


def anchors(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Give the targets of the page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))
