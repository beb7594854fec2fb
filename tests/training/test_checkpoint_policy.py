"""When a checkpoint is due: by steps, by time for at most 2 % of the time, on a stop, and at the end."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from emotion.params.schema import TrainingTable
from emotion.training.checkpoints import Checkpoints
from emotion.training.progress_state import ProgressState
from tests.training.small import ANN, build_words, make_step, ready


class SlowCheckpoints(Checkpoints):
    """Checkpoints that take `seconds` to write, and a clock that advances meanwhile."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(folder, {})
        self.seconds, self.now = seconds, 1000.0

    def save(self, state: ProgressState, tensors: Iterable[tuple[str, NDArray[Any]]]) -> None:
        super().save(state, tensors)
        self.now += self.seconds


@pytest.fixture(scope="module")
def step() -> Any:
    ready()
    return make_step(build_words(ANN), TrainingTable())


def make_policy(store: Checkpoints, every: str, *, chief: bool = True) -> Any:
    from emotion.training.checkpoint_policy import CheckpointPolicy

    return CheckpointPolicy(store, every, pytest.fail, chief=chief)


def test_steps_are_counted_from_the_last_checkpoint(tmp_path: Path, step: Any) -> None:
    policy = make_policy(SlowCheckpoints(tmp_path, 0), "5 steps")
    policy.restart_interval(12)
    assert next(number for number in range(13, 30) if policy.due(number)) == 17
    policy.save(step, ProgressState(), None, 18)
    assert next(number for number in range(19, 40) if policy.due(number)) == 23


@pytest.mark.parametrize(
    ("every", "cost", "first", "then"),
    [("30s", 0.1, 30, 30), ("2m", 1, 120, 120), ("1h", 3, 3600, 3600), ("30s", 2, 30, 100), ("1s", 10, 1, 500)],
)
def test_by_time_the_pause_is_as_asked_or_fifty_times_the_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Any, every: str, cost: float, first: float, then: float
) -> None:
    store = SlowCheckpoints(tmp_path, cost)
    monkeypatch.setattr(time, "monotonic", lambda: store.now)
    policy = make_policy(store, every)
    for pause in (first, then, then):
        store.now += pause - 0.5
        assert not policy.due(1)
        store.now += 1
        assert policy.due(1)
        assert policy.save(step, ProgressState(), None, 1) == pytest.approx(cost)
        assert not policy.due(1)


def test_only_the_chief_writes(tmp_path: Path, step: Any) -> None:
    policy = make_policy(Checkpoints(tmp_path, {}), "1 steps", chief=False)
    policy.save(step, ProgressState(), None, 3)
    assert list(tmp_path.iterdir()) == []
    assert [policy.due(3), policy.due(4)] == [False, True]


@pytest.mark.parametrize("every", ["5 steps", "1h"])
def test_a_stop_and_the_end_of_training_do_not_wait_for_the_interval(tmp_path: Path, every: str) -> None:
    policy = make_policy(Checkpoints(tmp_path, {}), every)
    assert not policy.due(1)
    assert policy.due(1, stopping=True)
    assert policy.due(1, finished=True)
