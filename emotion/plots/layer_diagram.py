"""A diagram of a model's layers, from top to bottom: kind, detail, output shape, parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion.formatting import shorten
from emotion.plots.style import ACCENT, GRID, INK, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT, GAP = 0.5, 0.22
# Left edges of kind and detail, right edges of shape and parameters, on a width of 10.
KIND, DETAIL, SHAPE, PARAMETERS = 0.3, 2.75, 7.9, 9.75


@dataclass(frozen=True)
class Layer:
    """A box of the diagram: the layer's kind, details, output shape without the batch, and number of parameters."""

    kind: str
    detail: str
    shape: str
    parameters: int


def architecture(layers: Sequence[Layer], title: str, total: int) -> "Figure":
    """Draw the layers as boxes; the bar at a box's foot is the layer's share of `total` parameters."""
    height = (HEIGHT + GAP) * len(layers) + 0.3
    figure = new_figure(7.4, height + 0.4)
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(GAP - 0.1, height))
    axes.axis("off")
    axes.set_title(shorten(title, 80))
    _texts(axes, height - 0.12, ("layer", "", "output", "parameters"), MUTED)
    top = height - 0.3
    for index, layer in enumerate(layers):
        bottom = top - HEIGHT
        _box(axes, layer, bottom, layer.parameters / max(1, total))
        if index + 1 < len(layers):
            arrow = {"arrowstyle": "-|>", "color": MUTED, "shrinkA": 1, "shrinkB": 1}
            axes.annotate("", (5, bottom - GAP), (5, bottom), arrowprops=arrow)
        top = bottom - GAP
    return figure


def _box(axes: Any, layer: Layer, bottom: float, share: float) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    color, frame = (INK, MUTED) if layer.parameters else (MUTED, GRID)
    box = FancyBboxPatch(
        (0.1, bottom + 0.05), 9.8, HEIGHT - 0.1, boxstyle="round,pad=0.05", facecolor="none", edgecolor=frame
    )
    axes.add_patch(box)
    if share:
        axes.add_patch(Rectangle((0.1, bottom + 0.02), 9.8 * share, 0.05, color=ACCENT))
    parameters = f"{layer.parameters:,}" if layer.parameters else ""
    texts = (shorten(layer.kind), shorten(layer.detail, 52), layer.shape, parameters)
    _texts(axes, bottom + HEIGHT / 2 + 0.02, texts, color, weight="bold" if layer.parameters else "normal")


def _texts(axes: Any, y: float, texts: tuple[str, str, str, str], color: str, weight: str = "normal") -> None:
    columns = (
        (KIND, "left", weight),
        (DETAIL, "left", "normal"),
        (SHAPE, "right", "normal"),
        (PARAMETERS, "right", "normal"),
    )
    for text, (x, side, bold) in zip(texts, columns, strict=True):
        axes.text(x, y, text, ha=side, va="center", color=color, fontsize=9, fontweight=bold)
