"""comparison.html without a browser: what stands in it, and what cannot get into it."""

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.table import COLUMNS
from emotion.plots import ranking
from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.comparison.report_pages import EVIL, draw_page, parse_page
from tests.comparison.scenes import write_full_run


def test_it_answers_which_model_and_how_sure(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    text = parse_page(html).text
    best = next(run for run in store.runs() if run.model == "minilm")
    assert f"Recommended model minilm {best}" in text
    assert re.search(r"It has the highest validation accuracy: \d\d\.\d\d% of 2,000 rows\.", text)
    assert re.search(r"Its test accuracy is \S+ of 2,000 rows \(95 % interval: \d\d\.\d% to \d\d\.\d%\)", text)
    assert "It is significantly more accurate on test than" in text
    assert "It was trained with one seed" in text


def test_the_table_has_every_run_and_the_columns_of_the_study_first(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    table = html[html.index('<table class="sortable">') : html.index("</table>")]
    assert re.findall(r'<button type="button">(.*?)</button>', table) == [column.title for column in COLUMNS]
    assert table.count("<tr") == 1 + 5
    assert table.count('class="best"') == 1
    for run in store.runs():
        assert run.name in table
    values = [float(value) for value in re.findall(r'data-value="([\d.]+)" class="number"', table)]
    assert len(values) == 5 * (len(COLUMNS) - 2)


def test_seeds_are_told_as_mean_and_range(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    values = sorted(run.test.accuracy for run in collect(store).complete if run.model == "ann")
    assert f"{sum(values) / 3:.4f} ({values[0]:.4f} to {values[-1]:.4f})" in parse_page(html).text
    assert "The mark is the mean over seeds" in parse_page(html).text


def test_the_tests_are_told_with_the_rows_that_decide(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    (comparison,) = compare(collect(store).complete, every=True)
    text = parse_page(html).text
    for run, test in analyse(store, comparison).tests.items():
        assert re.search(rf"{run} [+-]\d+\.\d {test.only_best} {test.only_other} ", text)


def test_nothing_is_fetched_and_no_script_but_ours_may_run(usual_report: tuple[Store, str]) -> None:
    html = usual_report[1]
    page = parse_page(html)
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


def test_ids_are_unique_and_what_is_referred_to_is_there(usual_report: tuple[Store, str]) -> None:
    tags = parse_page(usual_report[1]).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {
        value[1:]
        for _, attributes in tags
        for name in ("href", "xlink:href")
        if (value := attributes.get(name) or "#x")[0] == "#"
    }
    assert referred - {"x", ","} <= set(ids)


def test_names_labels_and_texts_stay_text(hostile_report: str) -> None:
    page = parse_page(hostile_report)
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert page.count("title") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert f"Comparison on {EVIL}" in page.text
    assert f"{EVIL} 1" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "49" not in [text.strip() for text in page.texts]
    assert "\x1b" not in hostile_report
    assert "could not be drawn" not in page.text


def test_one_run_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_full_run(store, "ann")
    text = parse_page(draw_page(store)[0]).text
    assert "Comparison of 1 run emotion" in text
    assert "No other run has predictions on the winner's test rows" in text
    assert "The only run is of ann" in text
    assert "could not be drawn" not in text


def test_a_run_with_nothing_but_metrics(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_run(store, make_metrics("ann"))
    write_run(store, make_metrics("lstm", validation__accuracy=0.95))
    text = parse_page(draw_page(store)[0]).text
    assert "Unreadable files" in text
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
    page = parse_page(draw_page(store)[0])
    assert page.count("svg") == 8 + 1
    assert f"{run}: no such file: predictions/test.npz" in page.text


def test_a_chart_that_cannot_be_drawn_is_told_in_its_place(
    usual_report: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no <width>")

    monkeypatch.setattr(ranking, "times", fail)
    counted: list[int] = []
    html, files = draw_page(usual_report[0], advance=counted.append)
    page = parse_page(html)
    assert "This chart could not be drawn: ZeroDivisionError: no <width>" in page.text
    assert page.count("svg") == 8 + 3 - 1
    assert "figures/time.svg" not in files
    assert sum(counted) == 8 + 3


def test_equal_runs_give_equal_bytes(usual_report: tuple[Store, str]) -> None:
    assert draw_page(usual_report[0])[0] == usual_report[1]


def test_figures_stand_beside_it_as_png_and_svg(usual_report: tuple[Store, str]) -> None:
    _, files = draw_page(usual_report[0])
    names = ("accuracy", "speed", "size", "time", "f1", "learning", "calibration", "calibration_error")
    assert set(files) == {"comparison.html", *(f"figures/{name}.{kind}" for name in names for kind in ("png", "svg"))}
    for name, content in files.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        elif name.endswith(".svg"):
            ElementTree.fromstring(content)  # noqa: S314  ours


def test_what_training_alone_needs_is_not_imported(usual_report: tuple[Store, str]) -> None:
    code = (
        "import sys; from pathlib import Path; from emotion.store.layout import Store\n"
        "from emotion.comparison.compare import collect, compare\n"
        "from emotion.comparison.analysis import analyse\n"
        "from emotion.comparison.report import draw_report\n"
        "store = Store(Path(sys.argv[1]))\n"
        "(comparison,) = compare(collect(store).complete, every=True)\n"
        "draw_report(analyse(store, comparison), lambda _: None)\n"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'sklearn', 'scipy') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(usual_report[0].folder)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
