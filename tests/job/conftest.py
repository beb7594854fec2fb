"""Fixtures of the jobs' tests."""

import pytest


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Leave the figures out, which take seconds a run: test_illustrated.py draws them."""
    if request.module.__name__ != "tests.job.test_illustrated":
        monkeypatch.setattr("emotion.job.run.draw_run", lambda _run, _metrics: [])
