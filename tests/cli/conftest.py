"""A store with runs in every state, `emotion runs` on that store, and the fixtures of a cluster."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.store.atomic import write_json
from emotion.store.layout import Store
from tests.builders import make_metrics, write_run
from tests.cluster.conftest import api, emotion, environment, lent_store, start

__all__ = ["api", "emotion", "environment", "lent_store", "start"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A complete run, one in its third epoch, one that has just begun, and a damaged one."""
    store = Store(tmp_path / "store")
    run = write_run(store, make_metrics("ann", "done", data__sample=True, validation__accuracy=0.8765))
    write_json(run.params, {"seed": 1, "params": {"training": {"epochs": 10}}})
    write_json(store.run("ann", "going").progress, {"state": "training", "epochs": 10, "epoch": 3})
    write_json(store.run("lstm", "begun").params, {"seed": 2})
    broken = store.run("lstm", "broken")
    broken.folder.mkdir(parents=True)
    broken.metrics.write_text('{"model": ')
    return store


def invoke_runs(store: Store, *args: str, answer: str | None = None) -> str:
    arguments = ["runs", *args, "--store", str(store.folder)]
    done = CliRunner().invoke(app, arguments, input=answer, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout
