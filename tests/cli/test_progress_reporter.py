"""How the progress of a training is reported to a log."""

import json
import time

import pytest

from emotion.cli.console import LogFormat
from emotion.cli.progress_reporter import ProgressReporter
from emotion.training.progress import Epoch, TrainingProgress


def progress(step: int) -> TrainingProgress:
    """The progress of three epochs of four steps after a step."""
    return TrainingProgress((step + 3) // 4, 3, step, 12, 1.25, 5000.0, 2.0, 65.0, 1)


def test_the_rows_of_an_epoch_are_those_of_train(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = ProgressReporter(LogFormat.JSON)
    reporter.on_start(progress(0), 35, [])
    for step in range(1, 5):
        reporter.on_step(progress(step), 10)
    assert (reporter.done, reporter.rows) == (35, 35)
    reporter.on_epoch(progress(4), Epoch(1, 1.25, 0.5, 1.0, 0.625, 5000.0, 2.0, 4.0, best=True))
    reporter.on_step(progress(5), 10)
    assert reporter.done == 10
    capsys.readouterr()


def test_what_goes_on_within_an_epoch_counts_on_from_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reporter = ProgressReporter(LogFormat.JSON)
    reporter.on_start(progress(5), 40, [])
    for step in (6, 7):
        reporter.on_step(progress(step), 10)
        now[0] += 10
    reporter.on_step(progress(8), 10)
    reporter.on_epoch(progress(8), Epoch(2, 1.25, 0.5, 1.0, 0.625, 5000.0, 2.0, 4.0, best=True))
    reporter.on_step(progress(9), 10)
    now[0] += 10
    reporter.on_step(progress(10), 10)
    reporter.on_checkpoint(progress(10), 0.25)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(event["event"], event.get("done"), event.get("per_second")) for event in events] == [
        ("epoch 2/3", 30, 2),
        ("epoch 2/3", 40, 2),
        ("epoch", None, None),
        ("epoch 3/3", 20, 2),
        ("checkpoint", None, None),
    ]
    assert events[0]["figures"] == "loss 1.2500, 65 s left"
    assert events[-1] == {"event": "checkpoint", "step": 10, "seconds": 0.25}


def test_steps_after_the_last_checkpoint_are_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A second Ctrl-C waits for no checkpoint."""
    reporter = ProgressReporter(LogFormat.TEXT)
    reporter.on_start(progress(2), 40, [])
    reporter.on_step(progress(3), 10)
    reporter.on_checkpoint(progress(3), 0.1)
    reporter.on_step(progress(4), 10)
    reporter.stopped("Ctrl-C", earlier_checkpoint=True, hint=False)
    assert capsys.readouterr().err == "stopped by Ctrl-C at step 4 of 12; the checkpoint has 3 steps\n"
