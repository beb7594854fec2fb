"""Steps in micro-batches: the weights of a whole batch, a stop that changes nothing, and memory that runs out."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from emotion.errors import TryAgainError
from emotion.models.compute import Compute
from emotion.params.schema import TrainingTable
from emotion.training.batches import Examples
from tests.training.small import (
    ANN,
    LSTM,
    STILL,
    State,
    build_bert,
    build_words,
    differing,
    examples,
    make_step,
    ready,
    reset,
    state,
)

BATCHES = [examples(7, seed, shortest=2) for seed in range(4)]
COUNTS = np.asarray([2.0, 0.5, 0.5], np.float32)
TARGETS = np.asarray([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.0, 0.6, 0.4]], np.float32)
FLOAT32 = Compute()
RECIPE = TrainingTable(
    learning_rate=0.01, weight_decay=0.1, clip_norm=0.5, label_smoothing=0.1, average=0.9, schedule="linear"
)


@dataclass
class Baseline:
    """A step, its start, and the result of four whole batches."""

    step: Any
    compute: Compute
    start: State
    losses: list[float]
    end: State

    def run(self, micro_batch: int) -> tuple[list[float], State]:
        """Train from the start, with `micro_batch` rows at once."""
        reset(self.step, self.start)
        self.step.micro_batch = micro_batch
        return losses(self.step), state(self.step)


def losses(step: Any) -> list[float]:
    """Train on the batches; a student learns targets that are not their labels."""
    found = [replace(batch, targets=TARGETS[batch.labels]) if step.soft else batch for batch in BATCHES]
    return [step(batch, number).loss for number, batch in enumerate(found)]


def make(model: Any, compute: Compute = FLOAT32) -> Baseline:
    step = make_step(model, RECIPE, steps=8, weights=COUNTS, compute=compute)
    start = state(step)
    return Baseline(step, compute, start, losses(step), state(step))


def make_student(model: Any) -> Baseline:
    """Make a step whose batches have targets."""
    step = make_step(model, RECIPE, steps=8, weights=COUNTS, soft=True)
    start = state(step)
    return Baseline(step, FLOAT32, start, losses(step), state(step))


MODELS: dict[str, Callable[[], Baseline]] = {
    "ann": lambda: make(build_words(ANN)),
    "lstm": lambda: make(build_words(LSTM)),
    "student": lambda: make_student(build_words(LSTM)),
    "bert": lambda: make(build_bert(**STILL)),
    "xla": lambda: make(build_bert(**STILL), Compute(xla=True)),
    "float16": lambda: make(build_bert("float16", **STILL), Compute("float16")),
    "bfloat16": lambda: make(build_bert("bfloat16", **STILL), Compute("bfloat16")),
}
DROPPING = ANN.model_copy(update={"feature_dropout": 0.3, "embedding_dropout": 0.3})
# Tolerances for the losses, and for the weights as a share of their change.
ROUNDING = {"float16": (5e-4, 0.05), "bfloat16": (5e-3, 0.2)}


@pytest.fixture(scope="module")
def baselines() -> dict[str, Baseline]:
    return {}


@pytest.fixture
def baseline(request: pytest.FixtureRequest, baselines: dict[str, Baseline]) -> Baseline:
    """Give a step at its start, made once per model."""
    ready()
    name = request.param
    if name not in baselines:
        baselines[name] = MODELS[name]()
    found = baselines[name]
    reset(found.step, found.start)
    found.step.micro_batch = 10_000
    return found


def distance(state: State, other: State) -> float:
    """Compute the distance of the weights and their average, without moments."""
    names = [name for name in state if name.startswith(("weight/", "average/"))]
    return float(np.sqrt(sum(np.square(state[name] - other[name]).sum() for name in names)))


@pytest.mark.parametrize("baseline", MODELS, indirect=True)
def test_parts_give_the_weights_of_the_whole_batch(baseline: Baseline, request: pytest.FixtureRequest) -> None:
    rounding, share = ROUNDING.get(request.node.callspec.params["baseline"], (2e-6, 5e-5))
    assert distance(baseline.start, baseline.end) > 0.1
    # XLA compiles for every number of rows.
    for micro_batch in (1,) if baseline.compute.xla else (1, 2, 3, 5, 7):
        found, end = baseline.run(micro_batch)
        np.testing.assert_allclose(found, baseline.losses, rtol=rounding)
        assert distance(end, baseline.end) < share * distance(baseline.start, baseline.end), micro_batch
        assert end["done/0"] == 4


def test_with_dropout_the_same_parts_give_the_same_bits_and_other_parts_others() -> None:
    ready()
    step = make_step(build_words(DROPPING), RECIPE, steps=8)
    baseline = Baseline(step, FLOAT32, state(step), [], {})
    (first, once), (again, twice), (_, other) = (baseline.run(micro_batch) for micro_batch in (3, 3, 7))
    assert first == again
    assert differing(once, twice) == []
    assert distance(once, other) > 1e-3


def test_every_part_draws_for_itself() -> None:
    """A row that appears four times draws four losses."""
    ready()
    step: Any = make_step(build_words(DROPPING), RECIPE, steps=8, micro_batch=1)
    start = state(step)

    def loss(times: int) -> float:
        reset(step, start)
        row = BATCHES[0].texts.rows(np.zeros(times, np.int64))
        return float(step(Examples(row, np.resize(BATCHES[0].labels[:1], times)), 0).loss)

    assert loss(1) == loss(1)
    assert abs(loss(4) - loss(1)) > 1e-3


@pytest.mark.parametrize("baseline", ["lstm", "float16"], indirect=True)
def test_a_stop_within_a_batch_leaves_all_as_it_was(baseline: Baseline) -> None:
    baseline.step.micro_batch = 2
    for polls in range(4):
        stops = iter([False] * polls + [True])
        assert baseline.step(BATCHES[0], 0, lambda stops=stops: next(stops)) is None
        assert differing(state(baseline.step), baseline.start) == []
        assert baseline.step.weights_unchanged
    found = losses(baseline.step)
    assert (found, differing(state(baseline.step), baseline.run(2)[1])) == (baseline.run(2)[0], [])


def short_of_memory(monkeypatch: pytest.MonkeyPatch, step: Any, most: int) -> list[int]:
    """Make a step fail with more than `most` rows at once; give the rows of all attempts."""
    import tensorflow as tf

    attempts = []

    def attempt(work: Callable[..., Any], inputs: Any, *arguments: Any) -> Any:
        attempts.append(len(inputs["input_ids"]))
        if attempts[-1] > most:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return work(inputs, *arguments)

    for name in ("_run_whole", "_run_part"):
        monkeypatch.setattr(step, name, partial(attempt, getattr(step, name)))
    return attempts


@pytest.mark.parametrize("baseline", ["ann", "bert"], indirect=True)
def test_memory_that_runs_out_halves_the_parts_until_they_fit(
    monkeypatch: pytest.MonkeyPatch, baseline: Baseline
) -> None:
    attempts = short_of_memory(monkeypatch, baseline.step, most=2)
    found = losses(baseline.step)
    assert attempts[:6] == [7, 3, 1, 2, 2, 2]
    assert baseline.step.micro_batch == 2
    np.testing.assert_allclose(found, baseline.losses, rtol=2e-6)
    assert distance(state(baseline.step), baseline.end) < 5e-5 * distance(baseline.start, baseline.end)
    monkeypatch.undo()
    assert differing(state(baseline.step), baseline.run(2)[1]) == []


@pytest.mark.parametrize("baseline", ["ann"], indirect=True)
def test_a_row_that_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch, baseline: Baseline) -> None:
    short_of_memory(monkeypatch, baseline.step, most=0)
    with pytest.raises(TryAgainError, match="out of memory with 1 rows at once") as caught:
        baseline.step(BATCHES[0], 0)
    assert caught.value.exit_code == 75
    assert baseline.step.weights_unchanged
    assert differing(state(baseline.step), baseline.start) == []


@pytest.mark.parametrize("baseline", ["ann"], indirect=True)
@pytest.mark.parametrize(("micro_batch", "work"), [(7, "_run_whole"), (3, "_run_update")])
def test_an_update_that_was_begun_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, baseline: Baseline, micro_batch: int, work: str
) -> None:
    import tensorflow as tf

    done = getattr(baseline.step, work)

    def late(*arguments: Any) -> None:
        done(*arguments)
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    monkeypatch.setattr(baseline.step, work, late)
    baseline.step.micro_batch = micro_batch
    with pytest.raises(TryAgainError, match="out of memory"):
        baseline.step(BATCHES[0], 0)
    assert not baseline.step.weights_unchanged
    assert baseline.step.micro_batch == micro_batch
    assert state(baseline.step)["done/0"] == 1


# The activations of 512 rows of 2,000 words take 260 MB a tensor. On one core no thread takes room of its own.
SHORT = """
import os, resource
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from emotion.models import ann
from emotion.params.schema import AnnTable, TrainingTable
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from tests.training.small import make_step, ready, reset, state

ready()
model = ann.build(AnnTable(embedding_dim=64, hidden=[4]), vocabulary=50, length=2000, labels=3)
step = make_step(model, TrainingTable(learning_rate=0.01), steps=8)
random = np.random.default_rng(1)
ids = random.integers(0, 50, (512, 2000)).astype(np.int32)
batch = Examples(Encoded(ids, np.full(512, 2000, np.int32), 0), random.integers(0, 3, 512).astype(np.int32))
start = state(step)
few = Examples(batch.texts.rows(np.arange(4)), batch.labels[:4])
for step.micro_batch in (4, 2):
    step(few, 0)
reset(step, start)
step.micro_batch = 512
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (taken + 200_000_000, hard))
loss = step(batch, 0).loss
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
micro_batch, parts = step.micro_batch, state(step)
reset(step, start)
step.micro_batch = 512
loss -= step(batch, 0).loss
distance = max(np.abs(parts[name] - array).max() for name, array in state(step).items())
print(micro_batch, step.micro_batch, abs(loss), distance)
"""


def test_a_process_that_gets_no_more_memory_trains_on_in_parts() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT], check=False, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    micro_batch, whole, loss, weights = map(float, done.stdout.split())
    assert 1 <= micro_batch <= 256 < whole
    assert loss < 1e-5
    assert weights < 1e-4
