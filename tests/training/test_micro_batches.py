"""A batch in parts: the same weights as at once, a stop that leaves all as it was, and memory that runs out."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
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
FLOAT32 = Compute()
RECIPE = TrainingTable(
    learning_rate=0.01, weight_decay=0.1, clip_norm=0.5, label_smoothing=0.1, average=0.9, schedule="linear"
)


@dataclass
class Subject:
    """A step, what it starts from, and what four whole batches make of that."""

    step: Any
    compute: Compute
    start: State
    losses: list[float]
    end: State

    def run(self, micro: int) -> tuple[list[float], State]:
        """Train from the start, so many rows at once."""
        reset(self.step, self.start)
        self.step.micro = micro
        return losses(self.step), state(self.step)


def losses(step: Any) -> list[float]:
    return [step(batch, number).loss for number, batch in enumerate(BATCHES)]


def make(model: Any, compute: Compute = FLOAT32) -> Subject:
    step = make_step(model, RECIPE, steps=8, weights=COUNTS, compute=compute)
    start = state(step)
    return Subject(step, compute, start, losses(step), state(step))


MODELS: dict[str, Callable[[], Subject]] = {
    "ann": lambda: make(build_words(ANN)),
    "lstm": lambda: make(build_words(LSTM)),
    "bert": lambda: make(build_bert(**STILL)),
    "xla": lambda: make(build_bert(**STILL), Compute(xla=True)),
    "float16": lambda: make(build_bert("float16", **STILL), Compute("float16")),
    "bfloat16": lambda: make(build_bert("bfloat16", **STILL), Compute("bfloat16")),
}
DROPPING = ANN.model_copy(update={"feature_dropout": 0.3, "embedding_dropout": 0.3})
# Rounding of the losses; and of the weights, as a share of the way that they went.
ROUNDING = {"float16": (5e-4, 0.05), "bfloat16": (5e-3, 0.2)}


@pytest.fixture(scope="module")
def subjects() -> dict[str, Subject]:
    return {}


@pytest.fixture
def subject(request: pytest.FixtureRequest, subjects: dict[str, Subject]) -> Subject:
    """Give a step at its start; each is made once."""
    ready()
    name = request.param
    if name not in subjects:
        subjects[name] = MODELS[name]()
    found = subjects[name]
    reset(found.step, found.start)
    found.step.micro = 10_000
    return found


def distance(one: State, other: State) -> float:
    """Distance of the weights, their moments left out."""
    names = [name for name in one if name.startswith(("weight/", "average/"))]
    return float(np.sqrt(sum(np.square(one[name] - other[name]).sum() for name in names)))


@pytest.mark.parametrize("subject", MODELS, indirect=True)
def test_parts_give_the_weights_of_the_whole_batch(subject: Subject, request: pytest.FixtureRequest) -> None:
    rounding, share = ROUNDING.get(request.node.callspec.params["subject"], (2e-6, 5e-5))
    assert distance(subject.start, subject.end) > 0.1
    # XLA compiles each number of rows anew.
    for micro in (1,) if subject.compute.xla else (1, 2, 3, 5, 7):
        found, end = subject.run(micro)
        np.testing.assert_allclose(found, subject.losses, rtol=rounding)
        assert distance(end, subject.end) < share * distance(subject.start, subject.end), micro
        assert end["done/0"] == 4


def test_with_dropout_the_same_parts_give_the_same_bits_and_other_parts_others() -> None:
    ready()
    step = make_step(build_words(DROPPING), RECIPE, steps=8)
    subject = Subject(step, FLOAT32, state(step), [], {})
    (first, once), (again, twice), (_, other) = (subject.run(micro) for micro in (3, 3, 7))
    assert first == again
    assert differing(once, twice) == []
    assert distance(once, other) > 1e-3


def test_every_part_draws_for_itself() -> None:
    """Of a row that is there four times, four losses are drawn."""
    ready()
    step: Any = make_step(build_words(DROPPING), RECIPE, steps=8, micro=1)
    start = state(step)

    def loss(times: int) -> float:
        reset(step, start)
        row = BATCHES[0].texts.rows(np.zeros(times, np.int64))
        return float(step(Examples(row, np.resize(BATCHES[0].labels[:1], times)), 0).loss)

    assert loss(1) == loss(1)
    assert abs(loss(4) - loss(1)) > 1e-3


@pytest.mark.parametrize("subject", ["lstm", "float16"], indirect=True)
def test_a_stop_within_a_batch_leaves_all_as_it_was(subject: Subject) -> None:
    subject.step.micro = 2
    for polls in range(4):
        answers = iter([False] * polls + [True])
        assert subject.step(BATCHES[0], 0, lambda answers=answers: next(answers)) is None
        assert differing(state(subject.step), subject.start) == []
        assert subject.step.whole
    found = losses(subject.step)
    assert (found, differing(state(subject.step), subject.run(2)[1])) == (subject.run(2)[0], [])


def short_of_memory(monkeypatch: pytest.MonkeyPatch, step: Any, most: int) -> list[int]:
    """Let a step fail with more than so many rows at once; give the rows of each attempt."""
    import tensorflow as tf

    attempts = []

    def attempt(work: Callable[..., Any], inputs: Any, *arguments: Any) -> Any:
        attempts.append(len(inputs["input_ids"]))
        if attempts[-1] > most:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return work(inputs, *arguments)

    for name in ("_whole", "_part"):
        monkeypatch.setattr(step, name, partial(attempt, getattr(step, name)))
    return attempts


@pytest.mark.parametrize("subject", ["ann", "bert"], indirect=True)
def test_memory_that_runs_out_halves_the_parts_until_they_fit(
    monkeypatch: pytest.MonkeyPatch, subject: Subject
) -> None:
    attempts = short_of_memory(monkeypatch, subject.step, most=2)
    found = losses(subject.step)
    assert attempts[:6] == [7, 3, 1, 2, 2, 2]
    assert subject.step.micro == 2
    np.testing.assert_allclose(found, subject.losses, rtol=2e-6)
    assert distance(state(subject.step), subject.end) < 5e-5 * distance(subject.start, subject.end)
    monkeypatch.undo()
    assert differing(state(subject.step), subject.run(2)[1]) == []


@pytest.mark.parametrize("subject", ["ann"], indirect=True)
def test_a_row_that_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    short_of_memory(monkeypatch, subject.step, most=0)
    with pytest.raises(TryAgainError, match="out of memory with 1 rows at once") as caught:
        subject.step(BATCHES[0], 0)
    assert caught.value.exit_code == 75
    assert subject.step.whole
    assert differing(state(subject.step), subject.start) == []


@pytest.mark.parametrize("subject", ["ann"], indirect=True)
@pytest.mark.parametrize(("micro", "work"), [(7, "_whole"), (3, "_finish")])
def test_an_update_that_was_begun_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, micro: int, work: str
) -> None:
    import tensorflow as tf

    done = getattr(subject.step, work)

    def late(*arguments: Any) -> None:
        done(*arguments)
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")

    monkeypatch.setattr(subject.step, work, late)
    subject.step.micro = micro
    with pytest.raises(TryAgainError, match="out of memory"):
        subject.step(BATCHES[0], 0)
    assert not subject.step.whole
    assert subject.step.micro == micro
    assert state(subject.step)["done/0"] == 1


# The activations of 512 rows of 2,000 words take 260 MB a tensor. On one core no thread takes room of its own.
SHORT = """
import os, resource
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from emotion.models import ann
from emotion.params.schema import AnnParams, TrainingParams
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from tests.training.small import make_step, ready, reset, state

ready()
model = ann.build(AnnParams(embedding_dim=64, hidden=[4]), vocabulary=50, length=2000, labels=3)
step = make_step(model, TrainingParams(learning_rate=0.01), steps=8)
random = np.random.default_rng(1)
ids = random.integers(0, 50, (512, 2000)).astype(np.int32)
batch = Examples(Encoded(ids, np.full(512, 2000, np.int32), 0), random.integers(0, 3, 512).astype(np.int32))
start = state(step)
few = Examples(batch.texts.rows(np.arange(4)), batch.labels[:4])
for step.micro in (4, 2):
    step(few, 0)
reset(step, start)
step.micro = 512
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (taken + 200_000_000, hard))
loss = step(batch, 0).loss
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
micro, parts = step.micro, state(step)
reset(step, start)
step.micro = 512
loss -= step(batch, 0).loss
print(micro, step.micro, abs(loss), max(np.abs(parts[name] - each).max() for name, each in state(step).items()))
"""


def test_a_process_that_gets_no_more_memory_trains_on_in_parts() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT], check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    micro, whole, loss, weights = map(float, done.stdout.split())
    assert 1 <= micro <= 256 < whole
    assert loss < 1e-5
    assert weights < 1e-4
