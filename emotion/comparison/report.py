"""comparison.html: one file that answers which model to deploy, and how sure that is."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.comparison.analysis import Analysis
from emotion.comparison.charts import Chart, charts
from emotion.comparison.provenance_table import provenance_rows
from emotion.comparison.recommendation import recommend
from emotion.comparison.run_details import Recipe
from emotion.comparison.table import COLUMNS, SAMPLE_NOTE
from emotion.formatting import printable
from emotion.plots import style
from emotion.plots.fonts import find_fonts

PAGE = Path(__file__).with_name("page")


@dataclass(frozen=True)
class Drawn:
    """A chart as it stands in the page: trusted markup of our own, or the reason why there is none."""

    chart: Chart
    svg: str
    failure: str = ""


def draw_report(
    findings: Analysis, advance: Callable[[int], Any], warn: Callable[[str], Any] = lambda _: None
) -> dict[str, bytes]:
    """Make comparison.html and its charts as PNG and SVG, contents by name; `advance` counts charts as they are done.

    A chart that cannot be drawn is told in its place: nothing of a comparison is lost for it. `warn` hears of letters
    that no font of this machine has; in the page they are the browser's.
    """
    files: dict[str, bytes] = {}
    drawn: dict[str, list[Drawn]] = {}
    fonts = find_fonts(_names(findings))
    for warning in fonts.warnings():
        warn(warning)
    with style.theme(fonts):
        for section, wanted in charts(findings).items():
            drawn[section] = []
            for chart in wanted:
                drawn[section].append(_draw(chart, files))
                advance(1)
    return {"comparison.html": _page(findings, drawn).encode()} | files


def _names(findings: Analysis) -> list[str]:
    labels = [label for subject in findings.subjects for label in subject.metrics.data.labels]
    return [*labels, *(recipe.name for recipe in findings.recipes)]


def _draw(chart: Chart, files: dict[str, bytes]) -> Drawn:
    """Draw a chart for the page and, into `files`, for itself."""
    try:
        figure = chart.draw()
        svg = style.inline_svg(figure, chart.name, f"{chart.title}. {chart.caption}")
        if chart.alone:
            files |= {f"figures/{name}": content for name, content in style.rendered(figure, chart.name).items()}
    except Exception as error:  # noqa: BLE001  whatever is in the data, the other charts are worth having
        return Drawn(chart, "", f"{type(error).__name__}: {error}")
    return Drawn(chart, svg)


def _page(findings: Analysis, drawn: dict[str, list[Drawn]]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = (PAGE / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        findings=findings,
        comparison=findings.comparison,
        answer=recommend(findings),
        columns=COLUMNS,
        sample_note=SAMPLE_NOTE,
        rows=[_row(findings, each.metrics) for each in findings.subjects],
        means=[_means(recipe) for recipe in findings.recipes if len(recipe.subjects) > 1],
        tests=_tests(findings),
        drawn={
            section: [(each.chart, Markup(each.svg), each.failure) for each in found]  # noqa: S704  our own drawing
            for section, found in drawn.items()
        },
        made=[provenance_rows(subject) for subject in findings.subjects],
        missing=[(subject.name, reason) for subject in findings.subjects for reason in subject.missing],
        css=Markup((PAGE / "report.css").read_text(encoding="utf-8")),  # noqa: S704  our own style sheet
        script=Markup(script),  # noqa: S704  our own script
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _shown(value: Any) -> Any:
    """Take characters that cannot be seen out of other people's text."""
    from markupsafe import Markup

    return value if not isinstance(value, str) or isinstance(value, Markup) else printable(value)


def _row(findings: Analysis, metrics: Any) -> dict[str, Any]:
    """A row of the table: cells as they are shown and as they are sorted."""
    return {
        "best": metrics is findings.best.metrics,
        "color": style.model_style(metrics.model)[0],
        "cells": [(column.show(metrics), column.value(metrics)) for column in COLUMNS],
    }


def _means(recipe: Recipe) -> dict[str, Any]:
    """Mean and range of a recipe's seeds."""

    def spread(value: Callable[[Any], float]) -> str:
        values = sorted(value(subject.metrics) for subject in recipe.subjects)
        return f"{sum(values) / len(values):.4f} ({values[0]:.4f} to {values[-1]:.4f})"

    return {
        "name": recipe.name,
        "seeds": ", ".join(str(subject.metrics.seed) for subject in recipe.subjects),
        "validation": spread(lambda metrics: metrics.validation.accuracy),
        "test": spread(lambda metrics: metrics.test.accuracy),
        "macro_f1": spread(lambda metrics: metrics.test.macro_f1),
    }


def _tests(findings: Analysis) -> list[dict[str, Any]]:
    accuracy = {subject.name: subject.metrics.test.accuracy for subject in findings.subjects}
    best = accuracy[findings.best.name]
    return [
        {
            "run": run,
            "points": f"{(best - accuracy[run]) * 100:+.1f}",
            "test": test,
            "p": _p(test.corrected),
        }
        for run, test in sorted(findings.tests.items(), key=lambda pair: pair[1].p)
    ]


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"  # noqa: PLR2004
