"""Fixtures of the tests of runs."""

from pathlib import Path

import pytest

from emotion import hardware
from tests.runs.jobs import write_data


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give the machine 8 of 16 GB free and no container a limit, unless a test says otherwise."""
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "no-cgroup")
    monkeypatch.setattr(hardware, "_machine", lambda: (8 * 10**9, 16 * 10**9))


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Draw no figures, which take seconds per run, unless the test uses the fixture `figures`."""
    if "figures" not in request.fixturenames:
        monkeypatch.setattr("emotion.runs.train_job.draw_run", lambda _run, _metrics: [])


@pytest.fixture
def figures() -> None:
    """Let runs draw their figures."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a small data set of two labels."""
    return write_data(tmp_path / "data")
