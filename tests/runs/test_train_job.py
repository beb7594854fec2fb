"""Training jobs end to end: stop and resume, what a complete run leaves, other holders, workers, and parity."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

from emotion.data.origin import CARD
from emotion.errors import CheckFailedError, TryAgainError
from emotion.runs.train_job import train_job
from emotion.store.lease import hold
from emotion.store.lease_file import newest_holder
from tests.runs.jobs import RecordingListener, left_behind, plan, trained


def test_what_is_stopped_is_incomplete_and_goes_on(tmp_path: Path, data: Path) -> None:
    whole = trained(plan(tmp_path / "whole", data), RecordingListener())
    job = plan(tmp_path, data)
    with pytest.raises(KeyboardInterrupt):
        train_job(job, RecordingListener(stop=1))
    assert not job.run.complete
    holder = newest_holder(job.run.folder)
    assert holder is not None
    assert holder.ended == "stopped"
    assert len(job.run.history.read_text().splitlines()) == 2
    progress = json.loads(job.run.progress.read_text())
    assert (progress["state"], progress["epoch"], progress["epochs"]) == ("training", 2, 2)
    assert (progress["step"], progress["steps"], progress["checkpoint_step"]) == (1, 2, 1)
    assert progress["last_epoch"]["epoch"] == 1
    listener = RecordingListener()
    metrics = trained(plan(tmp_path, data, "resources.wait=1"), listener)
    assert job.complete() == metrics
    assert (whole.resumes, metrics.resumes, metrics.epochs) == (0, 1, 2)
    assert metrics.validation == whole.validation
    assert len(job.run.history.read_text().splitlines()) == 3
    assert (listener.start, listener.rows, [epoch.epoch for epoch in listener.epochs]) == ((2, 24), 24, [2])
    assert "going on from the checkpoint after step 1 of 2 (epoch 2 of 2)" in listener.messages("resume")
    progress = json.loads(job.run.progress.read_text())
    assert (progress["state"], progress["resumes"], progress["lost_steps"]) == ("complete", 1, 0)
    assert progress["checkpoints"] == 2


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


def test_a_run_that_was_killed_after_training_is_exported_alone(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan(tmp_path, data)
    with monkeypatch.context() as patched:
        patched.setattr("emotion.runs.train_job.check_parity", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train_job(job, RecordingListener())
    listener = RecordingListener()
    metrics = trained(job, listener)
    assert (listener.rows, metrics.epochs, metrics.resumes) == (0, 2, 1)
    assert metrics.training_seconds > 0


def test_batches_are_split_as_the_parameters_say_and_metrics_tell(tmp_path: Path, data: Path) -> None:
    whole, listener = trained(plan(tmp_path / "whole", data), RecordingListener()), RecordingListener()
    split = trained(plan(tmp_path / "split", data, "resources.micro_batch=5"), listener)
    assert (whole.micro_batch, split.micro_batch) == (24, 5)
    assert "batches of 24 are split into parts of 5 (as the parameters say)" in listener.messages("memory")
    assert split.validation.loss == pytest.approx(whole.validation.loss, rel=0.1)


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
    with pytest.raises(CheckFailedError, match="differs from the trained one") as caught:
        train_job(job, RecordingListener())
    assert caught.value.exit_code == 70
    assert not job.run.metrics.exists()
    assert json.loads(job.run.progress.read_text())["state"] != "complete"
    assert left_behind(tmp_path) == []
