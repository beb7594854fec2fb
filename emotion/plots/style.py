"""The one style of all figures: colors, fonts, sizes, and how a figure becomes a file or a part of a page.

Every color of PALETTE has a contrast of 3:1 with white and with the dark page. People with red-green blindness can
tell all eight apart (12 apart in CAM02-UCS, where 1 is just noticeable).
Text never has these colors: text needs a contrast of 4.5:1.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from emotion.plots.fonts import OWN, Fonts
from emotion.store.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, MUTED, GRID, SURFACE = "#1b1f24", "#57606a", "#d0d7de", "#fefefe"
PALETTE = ("#4652f3", "#955b06", "#3e9f99", "#a34d5f", "#5c94d3", "#755e8e", "#839955", "#f06400")
ACCENT, OTHER = PALETTE[0], "#8a8f98"
# A model has the same color and mark in every figure.
MODELS = {
    "linear": ("#f06400", "X"),
    "ann": ("#955b06", "s"),
    "lstm": ("#3e9f99", "D"),
    "bert": ("#4652f3", "o"),
    "distilbert": ("#5c94d3", "^"),
    "albert": ("#a34d5f", "v"),
    "mobilebert": ("#839955", "p"),
    "minilm": ("#755e8e", "h"),
}
STROKES = ("-", "--", ":", "-.")
# Composites have marks of their own, and the ink's color.
COMPOSITES = {"cascade": (INK, ">"), "ensemble": (INK, "P")}
DPI = 150
# Inches: a chart that stands beside another one in the report.
COLUMN_WIDTH = 4.4
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_STYLE = {
    "font.size": 10.0,
    "text.color": INK,
    "text.parse_math": False,  # a label may have dollars
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 2.0,
    "lines.markersize": 6.0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
}


@contextmanager
def theme(fonts: Fonts | None = None) -> Iterator[None]:
    """Apply the style in a `with` block, which must hold all of a figure: drawing and saving."""
    import matplotlib as mpl

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    settings: Any = _STYLE | {"font.family": list(fonts.families if fonts else (OWN,))}
    with mpl.rc_context(settings), _unwarned():
        yield


@contextmanager
def _unwarned() -> Iterator[None]:
    """Silence warnings about characters without a font: `Fonts.warnings` reports them once."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Make an empty figure, sizes in inches, without pyplot and its global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def model_style(model: str) -> tuple[str, str]:
    """Return color and mark of a model or a kind of composite; unknown models share gray."""
    return (MODELS | COMPOSITES).get(model, (OTHER, "8"))


def line_styles(models: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Choose the stroke of lines, given as a model by name: names of one model share its color, and differ in stroke.

    The plain model has a solid line and filled marks, its students have others.
    """
    seen: Counter[str] = Counter()
    chosen: dict[str, dict[str, Any]] = {}
    for name, model in sorted(models.items(), key=lambda pair: pair[0] != pair[1]):
        number, seen[model] = seen[model], seen[model] + 1
        hollow = {"markerfacecolor": SURFACE} if number else {}
        chosen[name] = {"linestyle": STROKES[number % len(STROKES)], **hollow}
    return chosen


def sequential() -> "Colormap":
    """Return a color map of one hue, from light (none) to dark (all), in even steps to the eye."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("emotion", ["#f5f6ff", "#b9bffb", "#7f88f7", "#4652f3", "#1d2492"])


def on_color(color: Any) -> str:
    """Choose black or white, whichever is easier to read on `color` (at least 4.5:1)."""
    from matplotlib.colors import to_rgb

    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color)]  # noqa: PLR2004  sRGB's curve
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.179 else "#000000"  # noqa: PLR2004  where both are 4.58:1


def save(figure: "Figure", folder: Path, name: str) -> None:
    """Write `name`.png and `name`.svg, as `rendered` returns them.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    for file, content in rendered(figure, name).items():
        write_bytes(folder / file, content)


def rendered(figure: "Figure", name: str) -> dict[str, bytes]:
    """Return `name`.png and `name`.svg, on white, letters as outlines; equal figures give equal bytes."""
    import matplotlib as mpl

    _lay_out(figure)
    files = {f"{name}.png": BytesIO(), f"{name}.svg": BytesIO()}
    figure.savefig(files[f"{name}.png"], format="png", dpi=DPI, facecolor="#ffffff", metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(files[f"{name}.svg"], format="svg", facecolor="#ffffff", metadata=_no_metadata())
    return {file: stream.getvalue() for file, stream in files.items()}


def inline_svg(figure: "Figure", name: str, description: str) -> str:
    """Return the figure as an `<svg>` for a page: letters stay letters, colors of the theme become CSS variables.

    `name` makes the ids unique in the page; a screen reader reads `description`.
    """
    import matplotlib as mpl

    _lay_out(figure)
    file = StringIO()
    salt = hashlib.sha256(name.encode()).hexdigest()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata=_no_metadata())
    return _for_a_page(file.getvalue(), description)


def _lay_out(figure: "Figure") -> None:
    """Lay out the axes once for all formats: the layout takes half of the time of saving."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _no_metadata() -> dict[str, None]:
    return dict.fromkeys(("Creator", "Date", "Format", "Type"))


def _for_a_page(drawing: str, description: str) -> str:
    """Remove what matplotlib adds to a drawing: size, style sheet, font families, unused ids."""
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(drawing)  # noqa: S314  matplotlib wrote it
    referred = set(re.findall(r"#([\w.-]+)", " ".join(value for node in root.iter() for value in node.attrib.values())))
    for node in root.iter():
        for sheet in node.findall(f"{{{SVG}}}style"):
            node.remove(sheet)
        if node.get("id") not in referred:
            node.attrib.pop("id", None)
        if "style" in node.attrib:
            node.set("style", _themed(node.attrib["style"]))
    width = float(root.attrib.pop("width").removesuffix("pt"))
    del root.attrib["height"]
    root.attrib |= {"style": f"max-width: {width * 4 / 3:.0f}px", "role": "img", "aria-label": description}
    return ElementTree.tostring(root, encoding="unicode")


def _themed(css: str) -> str:
    """Replace colors of the theme by CSS variables of the page, and drop the font family."""
    for color, name in ((INK, "ink"), (MUTED, "muted"), (GRID, "grid"), (SURFACE, "surface")):
        css = css.replace(color, f"var(--{name})")
    return re.sub(r"font-family: [^;]*;? ?", "", css)
