"""`emotion put`, `fetch` and `runs --cluster`: missing files, and commands that run in the cluster."""

import json
from pathlib import Path

import pytest

from emotion.cli import console
from emotion.cli.transfer import _progress
from emotion.store.archive import FileEntry
from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion

pytestmark = pytest.mark.usefixtures("lent_store")


def test_nothing_to_put_is_reported(emotion: Emotion, tmp_path: Path) -> None:
    assert emotion("put", tmp_path / "none", "mine").returncode == 66
    (tmp_path / "bare").mkdir()
    assert emotion("put", tmp_path / "bare", "mine").returncode == 66


def test_what_is_not_there_is_reported(emotion: Emotion, tmp_path: Path) -> None:
    for name in ("ann/none", "none", "comparison", "predictions/none"):
        done = emotion("fetch", name, tmp_path / "here")
        assert done.returncode == 66, done.stderr
        assert "emotion runs list --cluster" in done.stderr


def test_the_clusters_runs_are_listed_and_removed(api: ApiServer, emotion: Emotion) -> None:
    write_run(Store(api.store), make_metrics())
    listed = emotion("runs", "list", "--cluster", "--json")
    assert listed.returncode == 0, listed.stderr
    (run,) = json.loads(listed.stdout)
    refused = emotion("runs", "rm", run["run"], "--cluster")
    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    assert emotion("runs", "rm", run["run"], "--cluster", "--yes").returncode == 0
    assert not list(api.store.glob("runs/*/*/metrics.json"))
    missing = emotion("runs", "rm", "none", "--cluster", "--yes")
    assert missing.returncode == 66
    assert "no run 'none'" in missing.stderr
    assert "command terminated" not in missing.stderr


def test_progress_is_in_files_and_bytes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(console, "STEP_SECONDS", 0.0)
    files = [FileEntry("a.csv", 1_500_000, ""), FileEntry("b.csv", 2_500_000, "")]
    with _progress("to /store/data/mine", files) as advance:
        advance(1_500_000, 1)
        advance(600_000, 0)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("to /store/data/mine: 1 of 4 MB, ")
    assert first.endswith(", 1 of 2 files")
    assert second.startswith("to /store/data/mine: 2 of 4 MB, ")
    assert second.endswith(", 1 of 2 files")
