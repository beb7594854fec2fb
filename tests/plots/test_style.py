"""The style of all figures: colours that can be told apart and read, equal bytes, drawings that are safe in a page."""

import itertools
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from emotion.errors import CannotWriteError
from emotion.formatting import shorten
from emotion.models.registry import MODELS as REGISTRY
from emotion.plots import heatmaps, ranking, style
from tests.plots.drawings import parse, tags, texts

WHITE, DARK_PAGE = "#ffffff", "#171a1f"
HOSTILE = [
    "</text><script>alert(1)</script>",
    "a & b &lt; &#x41; &bogus;",
    "\"double\" 'single'",
    "$x^2$ and $\\bogus$",
    '"}{; url(https://example.org/x.css) <![CDATA[ ]]>',
    "--><svg onload=alert(1)>",
    shorten("\x1b[31mred\x00\x07\ud800\u202e\ufffe alert", 40),
]


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def page(draw: Callable[[], Figure], name: str = "chart", description: str = "What it shows.") -> ElementTree.Element:
    """Draw a figure for a page; fails where it is not well-formed."""
    with style.theme():
        return parse(style.inline_svg(draw(), name, description))


def hostile() -> Figure:
    """A figure with hostile texts wherever a chart of ours writes any."""
    figure = style.new_figure(12, 8)
    axes = figure.subplots()
    axes.set_yticks(range(len(HOSTILE)), HOSTILE)
    axes.set_title(HOSTILE[0])
    axes.set_xlabel(HOSTILE[1])
    axes.set_xticks([])
    for index, text in enumerate(HOSTILE):
        axes.annotate(text, (0.5, index), rotation=45 * (index % 2))
    return figure


def plain(height: float = 3) -> Figure:
    figure = style.new_figure(4, height)
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], color=style.ACCENT, marker="o")
    axes.set_title("A title")
    return figure


class TestColours:
    @pytest.mark.parametrize("color", style.PALETTE)
    @pytest.mark.parametrize("background", [WHITE, DARK_PAGE])
    def test_lines_and_marks_stand_out_on_light_and_dark_pages(self, color: str, background: str) -> None:
        assert contrast(color, background) >= 3

    @pytest.mark.parametrize("color", [style.INK, style.MUTED])
    def test_text_can_be_read_on_white(self, color: str) -> None:
        assert contrast(color, WHITE) >= 4.5

    def test_figures_can_be_read_on_every_colour_of_a_table(self) -> None:
        colors = style.sequential()(np.linspace(0, 1, 256))
        written = [style.on_color(color) for color in colors]
        assert min(contrast(on, to_hex(color)) for on, color in zip(written, colors, strict=True)) >= 4.5
        assert set(written) == {"#000000", "#ffffff"}

    @pytest.mark.parametrize("grey", range(0, 256, 5))
    def test_black_or_white_whichever_is_easier_to_read(self, grey: int) -> None:
        color = f"#{grey:02x}{grey:02x}{grey:02x}"
        assert contrast(style.on_color(color), color) >= 4.5

    def test_a_table_goes_from_light_to_dark_without_a_turn(self) -> None:
        steps = [luminance(to_hex(color)) for color in style.sequential()(np.linspace(0, 1, 64))]
        assert all(lighter > darker for lighter, darker in itertools.pairwise(steps))

    def test_every_model_has_a_colour_and_a_mark_of_its_own(self) -> None:
        assert set(style.MODELS) == set(REGISTRY)
        colors, marks = zip(*style.MODELS.values(), strict=True)
        assert set(colors) == set(style.PALETTE)
        assert len(set(colors)) == len(set(marks)) == len(REGISTRY)

    def test_a_model_that_is_not_ours_is_grey(self) -> None:
        color, mark = style.model_style("somebody-elses")
        assert (color, mark) not in style.MODELS.values()
        assert color == style.OTHER


class TestInAPage:
    def test_hostile_texts_are_the_only_texts_and_nothing_but_text(self) -> None:
        root = page(hostile)
        assert sorted(texts(root)) == sorted([*HOSTILE * 2, *HOSTILE[:2]])
        assert tags(root) <= {"svg", "g", "defs", "path", "text", "use", "clipPath", "rect"}

    def test_nothing_acts_and_nothing_is_loaded(self) -> None:
        attributes = [pair for node in page(hostile).iter() for pair in node.attrib.items()]
        assert not [name for name, _ in attributes if name.lower().startswith("on")]
        assert not [value for name, value in attributes if name.endswith("href") and not value.startswith("#")]
        assert not [value for _, value in attributes if re.search(r"url\((?!#)|javascript:|https?:", value)]

    def test_the_page_chooses_colours_and_family(self) -> None:
        def draw() -> Figure:
            return heatmaps.confusion(np.asarray([[3, 1], [0, 4]], np.int64), ["a", "b"], "title")

        def grid() -> Figure:
            return ranking.times([("one", "ann", 3.0)])

        with style.theme():
            drawings = style.inline_svg(draw(), "a", ""), style.inline_svg(grid(), "b", "")
        for name, color in (("ink", style.INK), ("muted", style.MUTED), ("grid", style.GRID)):
            assert f"var(--{name})" in drawings[1]
            assert color not in "".join(drawings)
        assert "var(--surface)" in drawings[0]
        assert "DejaVu" not in "".join(drawings)
        assert "<style" not in "".join(drawings)

    def test_it_shrinks_with_the_page_and_is_told_to_who_cannot_see_it(self) -> None:
        root = page(plain, description='Says "hi" & <b>bye</b>')
        assert root.attrib["aria-label"] == 'Says "hi" & <b>bye</b>'
        assert root.attrib["role"] == "img"
        assert root.attrib["viewBox"] == "0 0 288 216"
        assert root.attrib["style"] == "max-width: 384px"
        assert not {"width", "height"} & root.attrib.keys()

    def test_charts_of_a_page_share_no_ids_and_refer_to_their_own(self) -> None:
        """One has lines, marks and cuts; one is a picture, as of very many labels."""
        counts = np.eye(60, dtype=int)
        draws = [plain, lambda: heatmaps.small_confusion(counts, [str(label) for label in range(60)])]
        found: list[str] = []
        for draw, chart in itertools.product(draws, ("one", "two")):
            attributes_by_node = [node.attrib for node in page(draw, chart).iter()]
            ids = [attributes["id"] for attributes in attributes_by_node if "id" in attributes]
            values = [value for attributes in attributes_by_node for value in attributes.values()]
            assert set(ids) == set(re.findall(r"(?:^|url\()#([^)\n]+)", "\n".join(values), re.MULTILINE))
            found += ids
        assert len(found) == len(set(found)) > 2

    def test_a_table_of_very_many_labels_is_a_picture_within_the_page(self) -> None:
        root = page(lambda: heatmaps.small_confusion(np.eye(60, dtype=int), [str(label) for label in range(60)]))
        (image,) = root.iter(f"{{{style.SVG}}}image")
        assert image.attrib[f"{{{style.XLINK}}}href"].startswith("data:image/png;base64,")
        assert len(list(root.iter())) < 60 * 60 / 10

    def test_the_same_chart_is_the_same_text(self) -> None:
        assert ElementTree.tostring(page(hostile)) == ElementTree.tostring(page(hostile))


class TestFiles:
    def test_equal_figures_give_equal_bytes(self) -> None:
        with style.theme():
            figure = plain()
            first = style.rendered(figure, "name")
            assert style.rendered(figure, "name") == first
        with style.theme():
            assert style.rendered(plain(), "name") == first
            assert style.rendered(plain(height=4), "name") != first

    def test_a_picture_on_white_and_a_drawing_without_fonts(self, tmp_path: Path) -> None:
        with style.theme():
            style.save(plain(), tmp_path / "made", "name")
        assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["name.png", "name.svg"]
        with Image.open(tmp_path / "made" / "name.png") as image:
            assert (image.format, image.size) == ("PNG", (4 * style.DPI, 3 * style.DPI))
            assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
        root = parse((tmp_path / "made" / "name.svg").read_bytes())
        assert root.tag == f"{{{style.SVG}}}svg"
        assert not texts(root)
        assert "fill: #ffffff" in ElementTree.tostring(root, encoding="unicode")

    def test_hostile_texts_do_no_harm_in_a_file(self) -> None:
        with style.theme():
            drawing = style.rendered(hostile(), "name")["name.svg"]
        assert tags(parse(drawing)) <= {"svg", "g", "defs", "style", "path", "use", "clipPath", "rect"}
        assert b"<script" not in drawing
        assert b"<svg onload" not in drawing

    def test_files_say_nothing_of_when_and_with_what_they_were_made(self) -> None:
        with style.theme():
            files = style.rendered(plain(), "name")
        assert b"Matplotlib" not in files["name.svg"]
        assert b"<dc:date>" not in files["name.svg"]
        with Image.open(BytesIO(files["name.png"])) as image:
            assert set(image.info) == {"dpi"}

    def test_a_folder_that_cannot_be_written(self, read_only: Path) -> None:
        with style.theme(), pytest.raises(CannotWriteError, match=r"name\.png"):
            style.save(plain(), read_only, "name")


class TestTheme:
    def test_it_ends_with_its_block(self) -> None:
        before = dict(mpl.rcParams)
        with style.theme():
            assert mpl.rcParams["axes.edgecolor"] == style.MUTED
        assert dict(mpl.rcParams) == before

    def test_a_letter_without_a_font_is_drawn_as_a_box_without_a_word(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with style.theme():
                figure = style.new_figure(2, 2)
                figure.text(0.1, 0.5, "\u6f22")
                style.rendered(figure, "name")

    def test_drawing_needs_neither_tensorflow_nor_pandas_nor_windows(self) -> None:
        """Windows are pyplot's: it looks for a screen, and keeps every figure."""
        program = """
import pkgutil, sys
import emotion.plots
for module in pkgutil.iter_modules(emotion.plots.__path__):
    __import__(f"emotion.plots.{module.name}")
import emotion.evaluation.figures
from emotion.plots import ranking, style
with style.theme():
    style.rendered(ranking.times([("one", "ann", 3.0)]), "name")
unwanted = {"tensorflow", "keras", "pandas", "matplotlib.pyplot", "transformers"} & set(sys.modules)
sys.exit(f"imported {unwanted}" if unwanted else 0)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_student_has_another_stroke_than_the_plain_model() -> None:
    models = {"lstm taught by minilm": "lstm", "bert": "bert", "lstm": "lstm"}
    strokes = style.line_styles(models)
    assert strokes["lstm"] == strokes["bert"] == {"linestyle": "-"}
    assert strokes["lstm taught by minilm"] != strokes["lstm"]
