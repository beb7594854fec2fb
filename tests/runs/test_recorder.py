"""The recorder: progress.json and history.csv while a run trains and after it resumes."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import TryAgainError
from emotion.runs.recorder import Recorder
from emotion.store.layout import Store
from emotion.training.progress import Epoch, TrainingProgress
from tests.runs.jobs import RecordingListener

FIRST = Epoch(1, 1.25, 0.5, 1.0, 0.625, 5000.0, 2.0, 4.0, best=True)
START = TrainingProgress(1, 3, 0, 30, math.nan, None, 0.0, 0.0, 0)


def make_recorder(folder: Path, check: Callable[[], None] = lambda: None) -> tuple[Recorder, RecordingListener]:
    listener = RecordingListener()
    return Recorder(Store(folder).run("ann", "mine"), listener, check), listener


def read_progress(recorder: Recorder) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(recorder.run.progress.read_text())
    return content


def test_progress_tells_where_training_stands(tmp_path: Path) -> None:
    recorder, listener = make_recorder(tmp_path)
    recorder.on_start(START, 90, [])
    content = read_progress(recorder)
    assert (content["state"], content["epoch"], content["epochs"], content["loss"]) == ("training", 1, 3, None)
    assert (content["last_epoch"], content["checkpoints"], content["checkpoint_step"]) == (None, 0, None)
    progress = replace(START, epoch=2, step=10, loss=1.25, samples_per_second=5000.0, seconds_left=4.0)
    recorder.on_epoch(progress, FIRST)
    recorder.on_checkpoint(progress, 0.5)
    content = read_progress(recorder)
    assert (content["step"], content["steps"], content["seconds_left"]) == (10, 30, 4.0)
    assert content["last_epoch"]["validation_accuracy"] == 0.625
    assert (content["checkpoints"], content["checkpoint_step"], content["lost_steps"]) == (1, 10, 0)
    recorder.state("exporting")
    assert read_progress(recorder) == content | {"state": "exporting"}
    assert (listener.start, listener.epochs) == ((3, 90), [FIRST])


def test_a_training_that_diverged_can_still_be_told(tmp_path: Path) -> None:
    """JSON has no NaN and no infinity."""
    recorder, _ = make_recorder(tmp_path)
    recorder.on_start(replace(START, loss=float("nan")), 90, [])
    recorder.on_epoch(START, replace(FIRST, loss=float("nan"), validation_loss=float("inf")))
    content = read_progress(recorder)
    assert (content["loss"], content["last_epoch"]["loss"], content["last_epoch"]["validation_loss"]) == (None,) * 3


def test_what_was_lost_since_the_checkpoint_is_counted_over_all_attempts(tmp_path: Path) -> None:
    lost = []
    for resumes, (checkpoint, reached) in enumerate([(0, 14), (10, 25), (20, 27)]):
        recorder, listener = make_recorder(tmp_path)
        recorder.on_start(replace(START, step=checkpoint, resumes=resumes), 90, [FIRST] if resumes else [])
        lost.append(read_progress(recorder)["lost_steps"])
        assert ("later steps were lost" in listener.messages("resume")) == bool(resumes)
        recorder.on_checkpoint(replace(START, step=reached, resumes=resumes), 0.1)
    assert lost == [0, 4, 9]
    assert read_progress(recorder)["checkpoints"] == 3
    assert len(recorder.run.history.read_text().splitlines()) == 2


@pytest.mark.parametrize("before", ["", "{", "[]", '{"step": "many", "checkpoints": null}'])
def test_a_progress_that_cannot_be_read_is_no_obstacle(tmp_path: Path, before: str) -> None:
    recorder, listener = make_recorder(tmp_path)
    recorder.run.folder.mkdir(parents=True)
    recorder.run.progress.write_text(before)
    recorder.on_start(replace(START, step=10, resumes=1), 90, [])
    assert "no steps were lost" in listener.messages("resume")
    assert (read_progress(recorder)["checkpoints"], read_progress(recorder)["lost_steps"]) == (0, 0)


def test_nothing_is_written_into_a_folder_that_is_held_no_more(tmp_path: Path) -> None:
    def lost() -> None:
        raise TryAgainError("taken over")

    recorder, listener = make_recorder(tmp_path, lost)
    writes: list[Callable[[], None]] = [
        lambda: recorder.on_step(START, 3),
        lambda: recorder.on_epoch(START, FIRST),
        lambda: recorder.state("exporting"),
    ]
    for write in writes:
        with pytest.raises(TryAgainError):
            write()
    assert not recorder.run.folder.exists()
    assert (listener.rows, listener.epochs) == (0, [])


def test_a_mark_changes_the_state_alone(tmp_path: Path) -> None:
    recorder, _ = make_recorder(tmp_path)
    recorder.mark("stopped")
    assert not recorder.run.folder.exists()
    recorder.on_start(START, 90, [])
    before = read_progress(recorder)
    later, _ = make_recorder(tmp_path)
    later.mark("stopped")
    assert read_progress(recorder) == before | {"state": "stopped"}


def test_a_run_that_another_process_holds_is_not_marked(tmp_path: Path) -> None:
    def lost() -> None:
        raise TryAgainError("taken over")

    recorder, _ = make_recorder(tmp_path)
    recorder.on_start(START, 90, [])
    make_recorder(tmp_path, lost)[0].mark("stopped")
    assert read_progress(recorder)["state"] == "training"
