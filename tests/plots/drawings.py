"""What tests read from a drawing: is it whole, which elements has it, what does it say."""

import warnings
from collections.abc import Callable
from xml.etree import ElementTree

from matplotlib.figure import Figure

from emotion.plots import style


def parse(drawing: str | bytes) -> ElementTree.Element:
    """Parse an SVG, which has to be well-formed."""
    return ElementTree.fromstring(drawing)  # noqa: S314  we wrote it


def texts(root: ElementTree.Element) -> list[str]:
    """All that is written in letters, in the order of the drawing."""
    return [node.text or "" for node in root.iter(f"{{{style.SVG}}}text")]


def tags(root: ElementTree.Element) -> set[str]:
    """Kinds of elements."""
    return {node.tag.removeprefix(f"{{{style.SVG}}}") for node in root.iter()}


def drawn(draw: Callable[[], Figure]) -> list[str]:
    """Draw a chart for a page, where no warning may be given; returns its texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with style.theme():
            return texts(parse(style.inline_svg(draw(), "chart", "What it shows.")))
