"""Training jobs end to end: what a complete run leaves, other holders, workers, parity, figures, and a model card."""

import json
import subprocess
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

from emotion.data.origin import CARD
from emotion.errors import CannotWriteError, CheckFailedError, TryAgainError
from emotion.evaluation.figures import draw_run
from emotion.evaluation.metrics_file import read_metrics
from emotion.onnx.digests import write_digests
from emotion.onnx.graphs import FILES
from emotion.onnx.session import Classifier
from emotion.runs.plan import TrainingJob
from emotion.runs.train_job import train_job
from emotion.store.atomic import sha256
from emotion.store.lease import hold
from tests.runs.jobs import RecordingListener, left_behind, plan, trained


def test_a_complete_run_leaves_no_checkpoint_lease_or_temporary_file(tmp_path: Path, data: Path) -> None:
    job = plan(tmp_path, data)
    stray = job.run.folder / ".0123abcd.progress.json"
    stray.parent.mkdir(parents=True)
    stray.write_text("half")
    metrics = trained(job, RecordingListener())
    assert not job.run.checkpoints.exists()
    assert list(job.run.folder.glob("lease-*")) == left_behind(tmp_path) == []
    listener = RecordingListener()
    assert train_job(plan(tmp_path, data), listener) == metrics
    assert listener.rows == 0


def test_a_run_that_another_holds_is_waited_for_and_then_left(tmp_path: Path, data: Path) -> None:
    job, listener = plan(tmp_path, data, "resources.wait=0"), RecordingListener()
    with hold(job.run.folder, 0, pytest.fail), pytest.raises(TryAgainError, match="is held by process") as caught:
        train_job(job, listener)
    assert caught.value.exit_code == 75
    assert listener.start == (0, 0)


def test_a_worker_that_is_not_the_chief_writes_nothing(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, listener = plan(tmp_path, data), RecordingListener()
    trained(job, RecordingListener())
    before = sorted(tmp_path.rglob("*"))
    task = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    assert train_job(job, listener) is None
    assert "nothing to do for worker 1" in listener.messages("complete")
    assert sorted(tmp_path.rglob("*")) == before


def test_metrics_tell_the_length_no_weights_and_where_the_data_is_from(tmp_path: Path, data: Path) -> None:
    (data / CARD).write_text(json.dumps({"name": "moods", "source": "a survey", "licence": "CC0-1.0"}))
    metrics = trained(plan(tmp_path, data, "text.max_length=9"), RecordingListener())
    assert (metrics.data.name, metrics.data.source, metrics.data.licence) == ("moods", "a survey", "CC0-1.0")
    assert (metrics.max_length, metrics.precision) == (9, "float32")
    assert metrics.weights is None
    assert metrics.onnx.int8 is None


def test_an_export_that_differs_fails_and_leaves_no_metrics(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emotion.onnx.export import to_onnx

    def perturbed(model: Any, opset: int) -> bytes:
        graph = onnx.load_from_string(to_onnx(model, opset))
        for weight in graph.graph.initializer:
            values = numpy_helper.to_array(weight)
            if values.dtype == "float32" and values.size > 1:
                weight.CopyFrom(numpy_helper.from_array(values + 0.01, weight.name))
        return bytes(graph.SerializeToString())

    monkeypatch.setattr("emotion.runs.word_learner.to_onnx", perturbed)
    job = plan(tmp_path, data)
    with pytest.raises(CheckFailedError, match="differs from the trained model") as caught:
        train_job(job, RecordingListener())
    assert caught.value.exit_code == 70
    assert not job.run.metrics.exists()
    assert json.loads(job.run.progress.read_text())["state"] == "failed"
    assert left_behind(tmp_path) == []


def test_a_training_that_diverges_says_so_and_at_which_step(tmp_path: Path, data: Path) -> None:
    changes = ["training.learning_rate=1.0", "training.batch_size=4", "training.average=0"]
    job = plan(tmp_path, data, *changes, "model.hidden=[128, 128]", "model.embedding_dim=128")
    with pytest.raises(CheckFailedError, match=r"the training diverged: the loss of step \d is [\d,]+") as caught:
        train_job(job, RecordingListener())
    assert caught.value.exit_code == 70
    assert "learning_rate (1 now)" in caught.value.hint
    assert "clip_norm (now 0, which means no limit)" in caught.value.hint
    assert json.loads(job.run.progress.read_text())["state"] == "failed"
    assert not job.run.complete
    assert not job.run.exported.exists()
    assert left_behind(tmp_path) == []


@pytest.fixture
def job(tmp_path: Path, data: Path) -> TrainingJob:
    return plan(tmp_path, data)


@pytest.mark.usefixtures("figures")
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
    # The exported ANN takes rows with little padding.
    assert json.loads((job.run.exported / "tokenizer.json").read_text())["padding"]["pad_to_multiple_of"] == 5
    assert listener.messages("warning") == ""


def checked_by_coreutils(folder: Path) -> list[str]:
    """Names of the files that SHA256SUMS says are unchanged."""
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [line.removesuffix(": OK") for line in done.stdout.splitlines()]


def test_a_run_has_the_digests_of_its_complete_model(job: TrainingJob) -> None:
    metrics, folder = trained(job, RecordingListener()), job.run.exported
    assert checked_by_coreutils(folder) == ["model.onnx", "tokenizer.json", "config.json"]
    assert metrics.onnx.digests == {name: sha256(folder / name) for name in checked_by_coreutils(folder)}
    assert read_metrics(job.run.metrics).onnx.digests == metrics.onnx.digests
    assert Classifier.load(folder).verified
    (folder / "README.md").write_text("a card that a person edited")
    assert Classifier.load(folder).verified


def test_a_training_that_is_killed_after_its_export_exports_again(
    job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("emotion.runs.train_job.write_card", killed)
        with pytest.raises(KeyboardInterrupt):
            train_job(job, RecordingListener())
    # An export of another process has other bytes.
    with (job.run.exported / "model.onnx").open("ab") as file:
        file.write(b"\xf8\x7f\x01")
    write_digests(job.run.exported, FILES)
    stale = sha256(job.run.exported / "model.onnx")
    metrics = trained(job, RecordingListener())
    assert metrics.onnx.digests is not None
    assert metrics.onnx.digests["model.onnx"] == sha256(job.run.exported / "model.onnx") != stale
    assert checked_by_coreutils(job.run.exported) == list(FILES)


@pytest.mark.usefixtures("figures")
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


@pytest.mark.usefixtures("figures")
def test_figures_that_cannot_be_written_leave_the_run_incomplete(job: TrainingJob) -> None:
    job.run.figures.parent.mkdir(parents=True)
    job.run.figures.write_text("a file in the way")
    with pytest.raises(CannotWriteError):
        train_job(job, RecordingListener())
    assert not job.run.complete
    job.run.figures.unlink()
    metrics = trained(job, RecordingListener())
    assert draw_run(job.run, metrics) == []
