"""The charts of the report: which there are, of few labels and runs and of many."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from emotion.comparison.analysis import analyse
from emotion.comparison.charts import report_charts
from emotion.comparison.compare import collect, compare
from emotion.store.layout import Store
from tests.comparison.report_pages import draw_page, parse_page
from tests.comparison.scenes import MODELS, SIX, write_full_run


def test_every_section_has_its_charts(usual_report: tuple[Store, str]) -> None:
    page = parse_page(usual_report[1])
    titles = (
        "Accuracy on test",
        "Accuracy against speed",
        "Accuracy against size",
        "Training time",
        "Expected calibration error (ECE)",
    )
    for title in (*titles, "F1 on test by label", "Validation accuracy by epoch", "Reliability diagram"):
        assert title in page.text
    assert page.count("svg") == 8 + 3
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")
    assert "could not be drawn" not in page.text


def test_charts_of_hostile_labels_are_well_formed(hostile_report: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", hostile_report, re.S):
        ElementTree.fromstring(drawing)  # noqa: S314  ours


@pytest.mark.parametrize(
    ("labels", "rows"),
    [(("no", "yes"), 40), ([f"topic {number}: the customer complains" for number in range(200)], 3000)],
)
def test_few_labels_and_many(tmp_path: Path, labels: list[str], rows: int) -> None:
    store = Store(tmp_path)
    for model in ("ann", "lstm"):
        write_full_run(store, model, labels=labels, rows=rows)
    html, _ = draw_page(store)
    text = parse_page(html).text
    assert "could not be drawn" not in text
    assert ("Test has only 40 rows" in text) == (rows == 40)
    assert len(html) < 1_500_000


def test_the_chart_of_speed_shows_single_models_cascades_and_ensembles(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    (comparison,) = compare(collect(store).complete, every=True)
    analysis = analyse(store, comparison)
    (chart,) = [chart for chart in report_charts(analysis)["cost"] if chart.name == "speed"]
    axes = chart.draw().axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["cascade", "ensemble"]
    front = [[scored.candidate.rows_per_second, scored.accuracy] for scored in analysis.composites.front]
    assert np.asarray(axes.lines[0].get_xydata()).tolist() == front
    assert "the line may fall" in chart.caption
    assert "best run on validation" in chart.caption
    assert "minilm" in " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", html))


def test_the_chart_of_speed_of_one_run_speaks_of_no_cascade(store: Store) -> None:
    write_full_run(store, "ann")
    (comparison,) = compare(collect(store).complete)
    chart = report_charts(analyse(store, comparison))["cost"][0]
    assert chart.draw().axes[0].get_legend() is None
    assert "cascade" not in chart.caption
    assert "Not shown" not in chart.caption


def test_a_label_without_test_rows_has_no_score(store: Store) -> None:
    run = write_full_run(store, "ann", labels=("no", "yes", "never"))
    content = json.loads(run.metrics.read_text())
    content["test"]["per_class"]["never"] = {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    run.metrics.write_text(json.dumps(content))
    (comparison,) = compare(collect(store).complete)
    (chart,) = report_charts(analyse(store, comparison))["labels"]
    *scores, last = [text.get_text() for text in chart.draw().axes[0].texts]
    assert all(scores)
    assert last == ""
    assert "no score" in chart.caption


def test_fifty_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for variant in range(10):
        for model in ("ann", "lstm", "bert", "minilm", "albert"):
            write_full_run(store, model, variant=str(variant), rows=500)
    html, files = draw_page(store)
    page = parse_page(html)
    assert "Comparison of 50 runs" in page.text
    assert html.count('data-value="albert"') == 10
    # Side by side are the twelve best.
    assert page.count("svg") == 8 + 12
    assert len(html) < 2_000_000
    assert "could not be drawn" not in page.text
    assert not [name for name in files if "confusion" in name]


def test_the_labels_of_the_reference_task_are_in_the_charts(usual_report: tuple[Store, str]) -> None:
    charts_text = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", usual_report[1]))
    for word in (*SIX, "ann", "lstm", "minilm"):
        assert word in charts_text
    assert set(MODELS) >= {"ann", "lstm", "minilm"}
