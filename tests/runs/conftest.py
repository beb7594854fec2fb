"""Fixtures of the jobs' tests."""

from pathlib import Path

import pytest

from emotion import hardware


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine have 8 of 16 GB free, and no container a limit: a test that means another says so."""
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "no-cgroup")
    monkeypatch.setattr(hardware, "_machine", lambda: (8 * 10**9, 16 * 10**9))


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Leave the figures out, which take seconds a run: test_illustrated.py draws them."""
    if request.module.__name__ != "tests.runs.test_illustrated":
        monkeypatch.setattr("emotion.runs.run.draw_run", lambda _run, _metrics: [])
