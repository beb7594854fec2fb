"""Trainings that are small: rows whose label a word decides, models, steps, and a listener that remembers."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.models.backend import prepare
from emotion.models.compute import Compute, Precision
from emotion.models.config_json import encoder_config
from emotion.params.schema import AnnTable, LstmTable, TrainingTable, WordParams, WordTextTable
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from emotion.training.checkpoints import Checkpoints
from emotion.training.progress import Epoch, TrainingProgress

if TYPE_CHECKING:
    from emotion.training.fit import Fitting
    from emotion.training.step import Step

State = dict[str, NDArray[Any]]

TIMES = {"seconds", "seconds_left", "samples_per_second"}
PLACES, WORDS, LABELS = 6, 12, 3
ANN = AnnTable(embedding_dim=16, hidden=[16])
LSTM = LstmTable(embedding_dim=16, units=8, hidden=[16])
BERT = {
    "model_type": "bert",
    "vocab_size": WORDS,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 8,
    "initializer_range": 0.3,
}
STILL: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def examples(rows: int, seed: int, *, turned: bool = False, shortest: int = PLACES) -> Examples:
    """One of the words 2, 3 and 4 decides the label; the others mean nothing. `turned` labels are wrong ones."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, LABELS, rows).astype(np.int32)
    ids = random.integers(5, WORDS, (rows, PLACES)).astype(np.int32)
    lengths = random.integers(shortest, PLACES + 1, rows).astype(np.int32)
    ids[np.arange(rows), random.integers(0, PLACES, rows) % lengths] = labels + 2
    ids *= np.arange(PLACES) < lengths[:, None]
    return Examples(Encoded(ids, lengths, pad=0), ((labels + turned) % LABELS).astype(np.int32))


def build_words(model: AnnTable | LstmTable) -> Any:
    """Build an ANN or LSTM for the rows of `examples`."""
    from emotion.models.build import build_model

    return build_model(WordParams(model=model, text=WordTextTable(max_length=PLACES)), WORDS, LABELS)


def build_bert(precision: Precision = "float32", **changes: Any) -> Any:
    """Build a BERT of one layer for the rows of `examples`."""
    from emotion.models.transformer import build_transformer

    return build_transformer(encoder_config(BERT | changes), LABELS, "bert", precision)


def make_step(
    model: Any,
    params: TrainingTable,
    *,
    steps: int = 100,
    weights: NDArray[np.float32] | None = None,
    compute: Compute | None = None,
    micro: int = 10_000,
) -> "Step":
    """Make the step of one device; every label counts the same unless `weights` say otherwise."""
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.step import Step

    counts = np.ones(model.output_shape[-1], np.float32) if weights is None else weights
    return Step(model, params, steps, counts, compute or Compute(), single_replica(), micro)


def state(step: "Step") -> State:
    """Copy all that a training goes on from."""
    return {name: variable.numpy().copy() for name, variable in step.state().items()}


def reset(step: "Step", values: State) -> None:
    """Put a copy back."""
    for name, variable in step.state().items():
        variable.assign(values[name])


def differing(one: State, other: State) -> list[str]:
    """Names of what is not the same to the bit."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]


class Heard:
    """A listener that remembers, and passes each event with its standing to `at`."""

    def __init__(self, at: Callable[[str, TrainingProgress], object] = lambda _event, _standing: None) -> None:
        self.at = at
        self.notes: list[tuple[str, str]] = []
        self.start = (0, 0)
        self.before: list[Epoch] = []
        self.rows: list[int] = []
        self.steps: list[int] = []
        self.epochs: list[Epoch] = []
        self.checkpoints: list[int] = []

    def note(self, event: str, message: str) -> None:
        self.notes.append((event, message))

    def on_start(self, standing: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        self.start, self.before = (standing.epochs, rows), list(epochs)
        self.at("start", standing)

    def on_step(self, standing: TrainingProgress, rows: int) -> None:
        self.rows.append(rows)
        self.steps.append(standing.step)
        self.at("step", standing)

    def on_epoch(self, standing: TrainingProgress, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self.at("epoch", standing)

    def on_checkpoint(self, standing: TrainingProgress, seconds: float) -> None:
        assert seconds > 0
        self.checkpoints.append(standing.step)
        self.at("checkpoint", standing)


def fitting(
    step: "Step",
    train: Examples,
    validation: Examples,
    params: TrainingTable,
    folder: Path,
    *,
    heard: Heard | None = None,
    every: str = "1h",
) -> "Fitting":
    """Make what trains, or goes on training, with checkpoints in `folder`."""
    from emotion.training.checkpoint_policy import CheckpointPolicy
    from emotion.training.fit import Fitting

    listener = heard or Heard()
    keeper = CheckpointPolicy(
        Checkpoints(folder, {"name": "small"}), every, lambda line: listener.note("warning", line)
    )
    return Fitting(step, train, validation, params, keeper, listener)


def history(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """Figures of epochs without their times."""
    return [{key: value for key, value in asdict(epoch).items() if key not in TIMES} for epoch in epochs]


def ready() -> None:
    """Load TensorFlow as the program does, seeded."""
    prepare(1, 0)
