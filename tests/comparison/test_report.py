"""comparison.html without a browser: what stands in it, and what cannot get into it."""

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.report import draw_report
from emotion.comparison.table import COLUMNS
from emotion.plots import ranking
from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.comparison.scenes import MODELS, SIX, write_full_run
from tests.explore.toyfont import bare_machine, write_font

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
        return sum(each == tag for each, _ in self.tags)


def draw(store: Store, **options: Any) -> tuple[str, dict[str, bytes]]:
    (comparison,) = compare(collect(store).complete, every=True)
    files = draw_report(analyse(store, comparison), options.get("advance", lambda _: None))
    return files["comparison.html"].decode(), files


def parsed(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


def scene(fill: Callable[[Store], object], tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    store = Store(tmp_path_factory.mktemp("report"))
    fill(store)
    return store, draw(store)[0]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """Give three models, one with three seeds, and their report."""

    def fill(store: Store) -> None:
        for seed in (1, 2, 3):
            write_full_run(store, "ann", seed=seed)
        write_full_run(store, "lstm")
        write_full_run(store, "minilm")

    return scene(fill, tmp_path_factory)


@pytest.fixture(scope="module", params=["", "喜び"])
def hostile(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """Give the report of runs whose names, labels and texts want to be markup, without and with a font for them."""

    def fill(store: Store) -> None:
        for model in ("ann", "lstm"):
            texts = [f"{EVIL} {row}" for row in range(300)]
            run = write_full_run(store, model, labels=HOSTILE, rows=300, texts=texts, data__name=EVIL)
            content = run.params.read_text().replace("a processor", EVIL.replace('"', '\\"'))
            run.params.write_text(content)

    with pytest.MonkeyPatch.context() as machine:
        font = tmp_path_factory.mktemp("fonts") / "toy.ttf"
        bare_machine(machine, [write_font(font, request.param)] if request.param else [])
        return scene(fill, tmp_path_factory)[1]


def test_it_answers_which_model_and_how_sure(usual: tuple[Store, str]) -> None:
    store, html = usual
    text = parsed(html).text
    best = next(run for run in store.runs() if run.model == "minilm")
    assert f"Which model to deploy minilm {best}" in text
    assert "chosen for the highest accuracy on validation" in text
    assert re.search(r"On 2,000 test rows, .* with 95 % confidence it is between \d\d\.\d% and \d\d\.\d%", text)
    assert "It beats" in text
    assert "One seed of it was trained" in text


def test_the_table_has_every_run_and_the_columns_of_the_study_first(usual: tuple[Store, str]) -> None:
    store, html = usual
    table = html[html.index('<table class="sortable">') : html.index("</table>")]
    assert re.findall(r'<button type="button">(.*?)</button>', table) == [column.title for column in COLUMNS]
    assert table.count("<tr") == 1 + 5
    assert table.count('class="best"') == 1
    for run in store.runs():
        assert run.name in table
    values = [float(value) for value in re.findall(r'data-value="([\d.]+)" class="number"', table)]
    assert len(values) == 5 * (len(COLUMNS) - 2)


def test_every_section_has_its_charts(usual: tuple[Store, str]) -> None:
    page = parsed(usual[1])
    titles = (
        "Accuracy on test",
        "Accuracy against speed",
        "Accuracy against size",
        "Training time",
        "Calibration error",
    )
    for title in (*titles, "F1 on test by label", "Learning curves", "Right as often as sure?"):
        assert title in page.text
    assert page.count("svg") == 8 + 3
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")
    assert "could not be drawn" not in page.text


def test_seeds_are_told_as_mean_and_range(usual: tuple[Store, str]) -> None:
    store, html = usual
    values = sorted(run.test.accuracy for run in collect(store).complete if run.model == "ann")
    assert f"{sum(values) / 3:.4f} ({values[0]:.4f} to {values[-1]:.4f})" in parsed(html).text
    assert "the mark is the mean of the seeds" in parsed(html).text


def test_the_tests_are_told_with_the_rows_that_decide(usual: tuple[Store, str]) -> None:
    store, html = usual
    (comparison,) = compare(collect(store).complete, every=True)
    text = parsed(html).text
    for run, test in analyse(store, comparison).tests.items():
        assert re.search(rf"{run} [+-]\d+\.\d {test.only_best} {test.only_other} ", text)


def test_how_each_run_was_made_is_told(usual: tuple[Store, str]) -> None:
    store, html = usual
    page = parsed(html)
    assert page.count("details") == 5
    for run in collect(store).complete:
        assert run.data.digests.test in page.text
    for word in ("seed", "tensorflow-cpu 2.21.0", "a processor", "0123456789abcdef", "training.epochs 8", "licence"):
        assert word in page.text


def test_nothing_is_fetched_and_no_script_but_ours_may_run(usual: tuple[Store, str]) -> None:
    html = usual[1]
    page = parsed(html)
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html
    assert html.endswith("</html>\n")
    assert "url(http" not in html
    assert "@import" not in html


def test_ids_are_unique_and_what_is_referred_to_is_there(usual: tuple[Store, str]) -> None:
    tags = parsed(usual[1]).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {
        value[1:] for _, each in tags for name in ("href", "xlink:href") if (value := each.get(name) or "#x")[0] == "#"
    }
    assert referred - {"x", ","} <= set(ids)


def test_names_labels_and_texts_stay_text(hostile: str) -> None:
    page = parsed(hostile)
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert page.count("title") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert f"Comparison on {EVIL}" in page.text
    assert f"{EVIL} 1" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "49" not in [text.strip() for text in page.texts]
    assert "\x1b" not in hostile
    assert "could not be drawn" not in page.text


def test_charts_of_hostile_labels_are_well_formed(hostile: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", hostile, re.S):
        ElementTree.fromstring(drawing)  # noqa: S314  ours


def test_one_run_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_full_run(store, "ann")
    text = parsed(draw(store)[0]).text
    assert "Comparison of 1 run emotion" in text
    assert "No other run has predictions on the same test rows" in text
    assert "Only ann is here" in text
    assert "could not be drawn" not in text


def test_a_run_with_nothing_but_metrics(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_run(store, make_metrics("ann"))
    write_run(store, make_metrics("lstm", validation__accuracy=0.95))
    text = parsed(draw(store)[0]).text
    assert "What could not be read" in text
    assert "no such file: predictions/test.npz" in text
    assert "No run has a history.csv." in text
    assert "No run has predictions on test." in text
    assert "Accuracy against speed" in text
    assert "could not be drawn" not in text


def test_runs_of_which_some_lack_parts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_full_run(store, "ann")
    run = write_full_run(store, "lstm")
    for part in (run.predictions / "test.npz", run.history, run.params):
        part.unlink()
    page = parsed(draw(store)[0])
    assert page.count("svg") == 8 + 1
    assert f"{run}: no such file: predictions/test.npz" in page.text


@pytest.mark.parametrize(
    ("labels", "rows"),
    [(("no", "yes"), 40), ([f"topic {number}: the customer complains" for number in range(200)], 3000)],
)
def test_few_labels_and_many(tmp_path: Path, labels: list[str], rows: int) -> None:
    store = Store(tmp_path)
    for model in ("ann", "lstm"):
        write_full_run(store, model, labels=labels, rows=rows)
    html, _ = draw(store)
    text = parsed(html).text
    assert "could not be drawn" not in text
    assert ("40 test rows are few" in text) == (rows == 40)
    assert len(html) < 1_500_000


def test_fifty_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for variant in range(10):
        for model in ("ann", "lstm", "bert", "minilm", "albert"):
            write_full_run(store, model, variant=str(variant), rows=500)
    html, files = draw(store)
    page = parsed(html)
    assert "Comparison of 50 runs" in page.text
    assert html.count('data-value="albert"') == 10
    # Side by side are the twelve best.
    assert page.count("svg") == 8 + 12
    assert len(html) < 2_000_000
    assert "could not be drawn" not in page.text
    assert not [name for name in files if "confusion" in name]


def test_a_chart_that_cannot_be_drawn_is_told_in_its_place(
    usual: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no <width>")

    monkeypatch.setattr(ranking, "times", fail)
    counted: list[int] = []
    html, files = draw(usual[0], advance=counted.append)
    page = parsed(html)
    assert "This chart could not be drawn: ZeroDivisionError: no <width>" in page.text
    assert page.count("svg") == 8 + 3 - 1
    assert "figures/time.svg" not in files
    assert sum(counted) == 8 + 3


def test_equal_runs_give_equal_bytes(usual: tuple[Store, str]) -> None:
    assert draw(usual[0])[0] == usual[1]


def test_figures_stand_beside_it_as_png_and_svg(usual: tuple[Store, str]) -> None:
    _, files = draw(usual[0])
    names = ("accuracy", "speed", "size", "time", "f1", "learning", "calibration", "calibration_error")
    assert set(files) == {"comparison.html", *(f"figures/{name}.{kind}" for name in names for kind in ("png", "svg"))}
    for name, content in files.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        elif name.endswith(".svg"):
            ElementTree.fromstring(content)  # noqa: S314  ours


def test_what_training_alone_needs_is_not_imported(usual: tuple[Store, str]) -> None:
    code = (
        "import sys; from pathlib import Path; from emotion.store.layout import Store\n"
        "from emotion.comparison.compare import collect, compare\n"
        "from emotion.comparison.analysis import find\n"
        "from emotion.comparison.report import draw_report\n"
        "store = Store(Path(sys.argv[1]))\n"
        "(comparison,) = compare(collect(store).complete, every=True)\n"
        "draw_report(find(store, comparison), lambda _: None)\n"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'sklearn', 'scipy') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(usual[0].folder)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_the_labels_of_the_reference_task_are_in_the_charts(usual: tuple[Store, str]) -> None:
    charts_text = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", usual[1]))
    for word in (*SIX, "ann", "lstm", "minilm"):
        assert word in charts_text
    assert set(MODELS) >= {"ann", "lstm", "minilm"}
