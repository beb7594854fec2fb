"""Fitting a job's model: stop and resume, a training that is complete already, and split batches."""

import json
from pathlib import Path

import pytest

from emotion.runs.train_job import train_job
from emotion.store.lease_file import newest_holder
from tests.events import read_scalars
from tests.runs.jobs import RecordingListener, plan, trained


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
    assert (progress["state"], progress["epoch"], progress["epochs"]) == ("stopped", 2, 2)
    assert (progress["step"], progress["steps"], progress["checkpoint_step"]) == (1, 2, 1)
    assert progress["last_epoch"]["epoch"] == 1
    listener = RecordingListener()
    metrics = trained(plan(tmp_path, data, "resources.wait=1"), listener)
    assert job.complete() == metrics
    assert (whole.resumes, metrics.resumes, metrics.epochs) == (0, 1, 2)
    assert metrics.validation == whole.validation
    assert len(job.run.history.read_text().splitlines()) == 3
    assert (listener.start, listener.rows, [epoch.epoch for epoch in listener.epochs]) == ((2, 24), 24, [2])
    assert "resuming from the checkpoint after step 1 of 2 (epoch 2 of 2)" in listener.messages("resume")
    progress = json.loads(job.run.progress.read_text())
    assert (progress["state"], progress["resumes"], progress["lost_steps"]) == ("complete", 1, 0)
    assert progress["checkpoints"] == 2


def test_scalars_for_tensorboard_may_be_switched_off_and_make_no_other_run(tmp_path: Path, data: Path) -> None:
    job, without = plan(tmp_path, data), plan(tmp_path, data, "resources.tensorboard=false")
    assert without.run == job.run
    with pytest.raises(KeyboardInterrupt):
        train_job(without, RecordingListener(stop=1))
    assert not job.run.tensorboard.exists()
    trained(job, RecordingListener())
    assert {step for tag, step, _ in read_scalars(job.run.tensorboard) if tag == "epoch/loss"} == {2}


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
    scalars = [(tag, step) for tag, step, _ in read_scalars(job.run.tensorboard)]
    assert len(scalars) == len(set(scalars)) == 2 * 4 + 2 * 5


def test_batches_are_split_as_the_parameters_say_and_metrics_tell(tmp_path: Path, data: Path) -> None:
    whole, listener = trained(plan(tmp_path / "whole", data), RecordingListener()), RecordingListener()
    split = trained(plan(tmp_path / "split", data, "resources.micro_batch=5"), listener)
    assert (whole.micro_batch, split.micro_batch) == (24, 5)
    assert "batches of 24 are split into parts of 5 (as set in the parameters)" in listener.messages("memory")
    assert split.validation.loss == pytest.approx(whole.validation.loss, rel=0.1)
