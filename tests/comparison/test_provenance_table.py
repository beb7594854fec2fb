"""The table of a run's provenance, in the report."""

from emotion.comparison.compare import collect
from emotion.store.layout import Store
from tests.comparison.report_pages import parse_page


def test_how_each_run_was_made_is_told(usual_report: tuple[Store, str]) -> None:
    store, html = usual_report
    page = parse_page(html)
    assert page.count("details") == 5
    for run in collect(store).complete:
        assert run.data.digests.test in page.text
    for word in ("seed", "tensorflow-cpu 2.21.0", "a processor", "0123456789abcdef", "training.epochs 8", "license"):
        assert word in page.text
