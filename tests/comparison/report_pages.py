"""Reports that tests read: how to draw one, parse it, and fill it with hostile names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.report import draw_report
from emotion.store.layout import Store

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
HOSTILE = ("</title><b>joy", "{{ 7*7 }}", "$x^2$", '"onclick="x', "<!--", "喜び", "x" * 300, "a\u202eb\x1b[31m")


@dataclass
class Page(HTMLParser):
    """A page's elements with their attributes, and its text."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] not in {"script", "style"}:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


def draw_page(store: Store, advance: Callable[[int], object] = lambda _: None) -> tuple[str, dict[str, bytes]]:
    """Draw the report of all runs; returns the page, and all files by name."""
    (comparison,) = compare(collect(store).complete, every=True)
    files = draw_report(analyse(store, comparison), advance)
    return files["comparison.html"].decode(), files


def parse_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page
