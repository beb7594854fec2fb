"""Makes comparison.html: one page with the model to deploy and the certainty of this choice."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.comparison.analysis import Analysis
from emotion.comparison.charts import Chart, report_charts
from emotion.comparison.choices import RULE, search_notes, show_share, word_choices
from emotion.comparison.provenance_table import provenance_rows
from emotion.comparison.recommendation import recommend
from emotion.comparison.run_details import Recipe
from emotion.comparison.significance_text import describe_tests, show_p
from emotion.comparison.table import COLUMNS, SAMPLE_NOTE
from emotion.evaluation.metrics_file import Metrics
from emotion.formatting import printable
from emotion.plots import style
from emotion.plots.fonts import find_fonts

PAGE = Path(__file__).with_name("page")


@dataclass(frozen=True)
class DrawnChart:
    """A chart on the page as our own trusted markup, or the reason why it could not be drawn."""

    chart: Chart
    svg: str
    failure: str = ""


def draw_report(
    analysis: Analysis, advance: Callable[[int], Any], warn: Callable[[str], Any] = lambda _: None
) -> dict[str, bytes]:
    """Make comparison.html and its charts as PNG and SVG, contents by file name.

    If a chart cannot be drawn, the page shows the reason instead. `advance` receives 1 after every chart. `warn`
    receives warnings about letters without a font on this machine; the page uses the browser's fonts.
    """
    files: dict[str, bytes] = {}
    drawn: dict[str, list[DrawnChart]] = {}
    fonts = find_fonts(_names(analysis))
    for warning in fonts.warnings():
        warn(warning)
    with style.theme(fonts):
        for section, charts in report_charts(analysis).items():
            drawn[section] = []
            for chart in charts:
                drawn[section].append(_draw(chart, files))
                advance(1)
    return {"comparison.html": _page(analysis, drawn).encode()} | files


def _names(analysis: Analysis) -> list[str]:
    labels = [label for run in analysis.runs for label in run.metrics.data.labels]
    return [*labels, *(recipe.name for recipe in analysis.recipes)]


def _draw(chart: Chart, files: dict[str, bytes]) -> DrawnChart:
    """Draw a chart for the page, and as PNG and SVG into `files`."""
    try:
        figure = chart.draw()
        svg = style.inline_svg(figure, chart.name, f"{chart.title}. {chart.caption}")
        if chart.own_file:
            files |= {f"figures/{name}": content for name, content in style.rendered(figure, chart.name).items()}
    except Exception as error:  # noqa: BLE001  whatever the data holds, the other charts are drawn
        return DrawnChart(chart, "", f"{type(error).__name__}: {error}")
    return DrawnChart(chart, svg)


def _page(analysis: Analysis, drawn: dict[str, list[DrawnChart]]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = (PAGE / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        analysis=analysis,
        comparison=analysis.comparison,
        recommendation=recommend(analysis),
        choices=word_choices(analysis.composites),
        composites=_composites(analysis),
        composites_rule=Markup(RULE),  # noqa: S704  our own words
        search_notes=search_notes(analysis.composites),
        columns=COLUMNS,
        sample_note=SAMPLE_NOTE,
        rows=[_row(analysis, run.metrics) for run in analysis.runs],
        means=[_means(recipe) for recipe in analysis.recipes if len(recipe.runs) > 1],
        tests=_tests(analysis),
        tests_caption=Markup(describe_tests(len(analysis.tests))),  # noqa: S704  our own words
        drawn={
            section: [(chart.chart, Markup(chart.svg), chart.failure) for chart in charts]  # noqa: S704  our own drawing
            for section, charts in drawn.items()
        },
        provenance=[provenance_rows(run) for run in analysis.runs],
        missing=[(run.name, reason) for run in analysis.runs for reason in run.missing],
        css=Markup((PAGE / "report.css").read_text(encoding="utf-8")),  # noqa: S704  our own style sheet
        script=Markup(script),  # noqa: S704  our own script
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _clean(value: Any) -> Any:
    """Remove invisible characters from foreign text."""
    from markupsafe import Markup

    return value if not isinstance(value, str) or isinstance(value, Markup) else printable(value)


def _row(analysis: Analysis, metrics: Metrics) -> dict[str, Any]:
    """Return a row of the table; a cell has a text to show and a value to sort by."""
    return {
        "winner": metrics is analysis.winner.metrics,
        "color": style.model_style(metrics.model)[0],
        "cells": [(column.show(metrics), column.value(metrics)) for column in COLUMNS],
    }


def _composites(analysis: Analysis) -> list[dict[str, Any]]:
    """Return the rows of the Pareto front's table, the slowest first."""
    best = analysis.composites.best_single.name
    return [
        {
            "name": scored.name,
            "kind": scored.candidate.kind,
            "cells": [
                f"{scored.candidate.rows_per_second:,.0f}",
                show_share(scored.candidate.share),
                f"{scored.candidate.validation_accuracy:.4f}",
                f"{scored.accuracy:.4f}",
                "{:.3f}-{:.3f}".format(*scored.interval),
                show_p(test.p) if (test := scored.against(best)) else "",
            ],
        }
        for scored in analysis.composites.front
    ]


def _means(recipe: Recipe) -> dict[str, Any]:
    """Return mean and range of a recipe's seeds."""

    def spread(value: Callable[[Metrics], float]) -> str:
        values = sorted(value(run.metrics) for run in recipe.runs)
        return f"{sum(values) / len(values):.4f} ({values[0]:.4f} to {values[-1]:.4f})"

    return {
        "name": recipe.name,
        "seeds": ", ".join(str(run.metrics.seed) for run in recipe.runs),
        "validation": spread(lambda metrics: metrics.validation.accuracy),
        "test": spread(lambda metrics: metrics.test.accuracy),
        "macro_f1": spread(lambda metrics: metrics.test.macro_f1),
    }


def _tests(analysis: Analysis) -> list[dict[str, Any]]:
    """Return the rows of the table of tests, the smallest p first; `points` is the winner's lead."""
    accuracy = {run.name: run.metrics.test.accuracy for run in analysis.runs}
    lead = {run: accuracy[analysis.winner.name] - accuracy[run] for run in accuracy}
    return [
        {"test": test, "points": f"{lead[run] * 100:+.1f}", "p": show_p(test.corrected)}
        for run, test in sorted(analysis.tests.items(), key=lambda pair: pair[1].p)
    ]
