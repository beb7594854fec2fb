"""A run ends with figures, a model card and a temperature; a figure that fails does not fail the training."""

import json
from pathlib import Path

import pytest

from emotion.errors import CannotWriteError
from emotion.evaluation.figures import draw_run
from emotion.models.backend import prepare
from emotion.onnx.session import Classifier
from emotion.runs.plan import TrainingJob
from emotion.runs.train_job import train_job
from tests.runs.jobs import RecordingListener, plan, trained, write_data


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    prepare(1, 0)


@pytest.fixture
def job(tmp_path: Path) -> TrainingJob:
    return plan(tmp_path, write_data(tmp_path / "data"))


def test_a_run_ends_with_figures_a_card_and_a_temperature(job: TrainingJob) -> None:
    listener = RecordingListener()
    metrics = trained(job, listener)
    names = ("architecture", "calibration", "confusion", "precision_recall", "training")
    assert {path.name for path in job.run.figures.iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    }
    card = (job.run.exported / "README.md").read_text()
    assert card.startswith("---\n")
    assert f"{metrics.test.accuracy:.4f}" in card
    assert json.loads((job.run.exported / "config.json").read_text())["calibration_temperature"] == metrics.temperature
    assert Classifier.load(job.run.exported).temperature == metrics.temperature
    assert listener.messages("warning") == ""


def test_a_figure_that_cannot_be_drawn_is_told_and_costs_no_training(
    job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[str]:
        raise ZeroDivisionError("no width")

    monkeypatch.setattr("emotion.runs.train_job.draw_run", fail)
    listener = RecordingListener()
    trained(job, listener)
    assert job.run.complete
    assert "the figures could not be drawn: ZeroDivisionError: no width" in listener.messages("warning")


def test_figures_that_cannot_be_written_leave_the_run_incomplete(job: TrainingJob) -> None:
    job.run.figures.parent.mkdir(parents=True)
    job.run.figures.write_text("a file in the way")
    with pytest.raises(CannotWriteError):
        train_job(job, RecordingListener())
    assert not job.run.complete
    job.run.figures.unlink()
    metrics = trained(job, RecordingListener())
    assert draw_run(job.run, metrics) == []
