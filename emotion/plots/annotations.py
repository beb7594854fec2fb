"""Names beside rows, ends of lines, and points of a chart, placed so that they do not overlap."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from emotion.formatting import shorten
from emotion.plots.style import INK, MUTED, SURFACE

# Offsets of a name from its point, in typographic points, best first: right, left, above, below, corners.
OFFSETS = (
    (9, 0),
    (-9, 0),
    (0, 11),
    (0, -11),
    (9, 11),
    (9, -11),
    (-9, 11),
    (-9, -11),
    (9, 22),
    (9, -22),
    (-9, 22),
    (-9, -22),
)
LINE_HEIGHT = 13.0  # points
# Characters of the name of a point or a line: three models fit.
LONGEST = 34
# Characters in a line of a row's name, which has two lines at most.
LONGEST_LINE = 24
# Largest share of a weak name that may be covered.
CROWDED = 0.15


def name_rows(axes: Any, names: Sequence[str], what: str) -> None:
    """Name the rows of a chart on the left, the first on top, and label the axis with `what` it measures."""
    axes.set_yticks(range(len(names)), map(two_lines, names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(what, color=MUTED)


def two_lines(name: str) -> str:
    """Break a long name between words into two lines."""
    lines = textwrap.wrap(shorten(name, 2 * LONGEST_LINE), LONGEST_LINE, max_lines=2, placeholder="…")
    return "\n".join(lines)


def end_labels(axes: Any, ends: Sequence[tuple[float, float, str, str]], right: float | None = None) -> None:
    """Name lines by their ends (x, y, name, color) in a column to the right of x = `right`, or of the last end.

    Names move apart where they would overlap; a thin line then connects an end with its name. A line whose end is
    not finite gets no name.
    """
    ends = [end for end in ends if math.isfinite(end[1])]
    if not ends:
        return
    axes.figure.draw_without_rendering()
    heights = [float(axes.transData.transform((0, y))[1]) for _, y, _, _ in ends]
    gap = LINE_HEIGHT * axes.figure.dpi / 72
    moved = below(spread(heights, gap), gap, float(axes.get_window_extent().y1))
    column = max(x for x, _, _, _ in ends) if right is None else right
    for (x, y, name, color), pixels in zip(ends, moved, strict=True):
        height = float(axes.transData.inverted().transform((0, pixels))[1])
        axes.annotate(
            shorten(name, LONGEST),
            (x, y),
            (column + 0.5, height),
            va="center",
            color=INK,
            fontsize=9,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )


def point_labels(
    axes: Any, points: Sequence[tuple[float, float, str, bool]], lines: Sequence[tuple[float, float, float]]
) -> None:
    """Name the points (x, y, name, strong) where names cover little of other names, points, and lines (x, low, high).

    A name that is not strong is left out where it has no room.
    """
    figure = axes.figure
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    centers = [axes.transData.transform((x, y)) for x, y, _, _ in points]
    taken = [(px - 4 * scale, py - 4 * scale, px + 4 * scale, py + 4 * scale) for px, py in centers]
    taken += [
        (*axes.transData.transform((x, low)), *(axes.transData.transform((x, high)) + 2 * scale))
        for x, low, high in lines
    ]
    frame = axes.get_window_extent()
    for (x, y, name, strong), center in zip(points, centers, strict=True):
        text = axes.annotate(
            shorten(name, LONGEST),
            (x, y),
            OFFSETS[0],
            textcoords="offset points",
            va="center",
            fontsize=9,
            fontweight="bold" if strong else "normal",
            color=INK if strong else MUTED,
            # Lines behind the name fade, so that it can be read.
            bbox={"facecolor": SURFACE, "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
        size = text.get_window_extent()
        boxes = [_box(center, offset, size.width, size.height, scale) for offset in OFFSETS]
        costs = [sum(_shared(box, other) for other in taken) + _outside(box, frame) for box in boxes]
        best = costs.index(min(costs))
        if not strong and costs[best] > CROWDED * size.width * size.height:
            text.remove()
            continue
        text.set_position(OFFSETS[best])
        text.set_horizontalalignment(_side(OFFSETS[best][0]))
        taken.append(boxes[best])


def _side(across: float) -> str:
    return "left" if across > 0 else "right" if across < 0 else "center"


def _box(
    center: Any, offset: tuple[float, float], width: float, height: float, scale: float
) -> tuple[float, float, float, float]:
    x, y = center[0] + offset[0] * scale, center[1] + offset[1] * scale
    left = {"left": x, "right": x - width, "center": x - width / 2}[_side(offset[0])]
    return left, y - height / 2, left + width, y + height / 2


def _shared(box: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Return the area of the overlap of two boxes."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    up = min(box[3], other[3]) - max(box[1], other[1])
    return max(0.0, across) * max(0.0, up)


def _outside(box: tuple[float, float, float, float], frame: Any) -> float:
    """Return the area of a box outside the frame."""
    inside = (frame.x0, frame.y0, frame.x1, frame.y1)
    return (box[2] - box[0]) * (box[3] - box[1]) - _shared(box, inside)


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Move positions apart, as little as possible, until neighbors are `gap` apart; the result is in the order given.

    Positions that touch form a group around the mean of their wishes (pool adjacent violators).
    """
    order = sorted(range(len(positions)), key=positions.__getitem__)
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _ends(groups[-2], positions, gap)[1] + gap > _ends(groups[-1], positions, gap)[0]:
            groups[-2:] = [groups[-2] + groups[-1]]
    moved = list(positions)
    for group in groups:
        bottom = _ends(group, positions, gap)[0]
        for rank, index in enumerate(group):
            moved[index] = bottom + rank * gap
    return moved


def below(positions: Sequence[float], gap: float, top: float) -> list[float]:
    """Move positions down until the highest is at most at `top`, and neighbors are `gap` apart."""
    moved = list(positions)
    for index in sorted(range(len(moved)), key=moved.__getitem__, reverse=True):
        moved[index] = min(moved[index], top)
        top = moved[index] - gap
    return moved


def _ends(group: Sequence[int], positions: Sequence[float], gap: float) -> tuple[float, float]:
    middle = sum(positions[index] for index in group) / len(group)
    half = (len(group) - 1) * gap / 2
    return middle - half, middle + half
