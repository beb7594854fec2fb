"""Small trainings: rows whose label a word decides, models, steps, a whole fit, and a recording listener."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion.models.backend import prepare
from emotion.models.compute import Compute, Precision
from emotion.models.config_json import encoder_config
from emotion.params.schema import AnnTable, LstmTable, TrainingTable, WordParams, WordTextTable, WordTrainingTable
from emotion.signals import DeferredSignals
from emotion.text.encoded import Encoded
from emotion.training.batches import Examples
from emotion.training.checkpoints import Checkpoints
from emotion.training.progress import Epoch, TrainingProgress

if TYPE_CHECKING:
    from emotion.training.fit import Fitted, Fitting
    from emotion.training.step import Step

State = dict[str, NDArray[Any]]

TIMES = {"seconds", "seconds_left", "samples_per_second"}
LENGTH, WORDS, LABELS = 6, 12, 3
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


def examples(rows: int, seed: int, *, turned: bool = False, shortest: int = LENGTH) -> Examples:
    """Make rows whose label is decided by one of the words 2, 3 and 4. `turned` labels are wrong."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, LABELS, rows).astype(np.int32)
    ids = random.integers(5, WORDS, (rows, LENGTH)).astype(np.int32)
    lengths = random.integers(shortest, LENGTH + 1, rows).astype(np.int32)
    ids[np.arange(rows), random.integers(0, LENGTH, rows) % lengths] = labels + 2
    ids *= np.arange(LENGTH) < lengths[:, None]
    return Examples(Encoded(ids, lengths, pad=0), ((labels + turned) % LABELS).astype(np.int32))


def build_words(model: AnnTable | LstmTable) -> Any:
    """Build an ANN or LSTM for the rows of `examples`."""
    from emotion.models.build import build_model

    training = WordTrainingTable(buckets=isinstance(model, LstmTable))
    return build_model(WordParams(model=model, text=WordTextTable(max_length=LENGTH), training=training), WORDS, LABELS)


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
    micro_batch: int = 10_000,
    soft: bool = False,
) -> "Step":
    """Make the step of one device; every label counts the same unless `weights` say otherwise."""
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.step import Step

    counts = np.ones(model.output_shape[-1], np.float32) if weights is None else weights
    return Step(model, params, steps, counts, compute or Compute(), single_replica(), micro_batch, soft=soft)


def state(step: "Step") -> State:
    """Copy all variables that training resumes from."""
    return {name: variable.numpy().copy() for name, variable in step.state().items()}


def reset(step: "Step", values: State) -> None:
    """Restore a copy."""
    for name, variable in step.state().items():
        variable.assign(values[name])


def differing(state: State, expected: State) -> list[str]:
    """Name the variables that are not equal to the bit."""
    assert state.keys() == expected.keys()
    return [name for name in state if state[name].tobytes() != expected[name].tobytes()]


class RecordingListener:
    """A listener that records all events and passes them, with the progress, to `at`."""

    def __init__(self, at: Callable[[str, TrainingProgress], object] = lambda _event, _progress: None) -> None:
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

    def on_start(self, progress: TrainingProgress, rows: int, epochs: Sequence[Epoch]) -> None:
        self.start, self.before = (progress.epochs, rows), list(epochs)
        self.at("start", progress)

    def on_step(self, progress: TrainingProgress, rows: int) -> None:
        self.rows.append(rows)
        self.steps.append(progress.step)
        self.at("step", progress)

    def on_epoch(self, progress: TrainingProgress, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self.at("epoch", progress)

    def on_checkpoint(self, progress: TrainingProgress, seconds: float) -> None:
        assert seconds > 0
        self.checkpoints.append(progress.step)
        self.at("checkpoint", progress)


def fitting(
    step: "Step",
    train: Examples,
    validation: Examples,
    params: TrainingTable,
    folder: Path,
    *,
    listener: RecordingListener | None = None,
    every: str = "1h",
) -> "Fitting":
    """Make a `Fitting` that starts or resumes training, with checkpoints and scalars in `folder`."""
    from emotion.training.checkpoint_policy import CheckpointPolicy
    from emotion.training.fit import Fitting, steps_per_epoch
    from emotion.training.scalars import Scalars

    recorder = listener or RecordingListener()
    checkpoints = Checkpoints(folder, {"name": "small"})
    policy = CheckpointPolicy(checkpoints, every, lambda line: recorder.note("warning", line))
    epoch_steps = steps_per_epoch(len(train), params)
    scalars = Scalars(
        folder / "tensorboard", epoch_steps, epoch_steps * params.epochs, lambda line: recorder.note("warning", line)
    )
    return Fitting(step, train, validation, params, policy, recorder, scalars)


def fit(
    model: AnnTable | LstmTable, train: Examples, validation: Examples, **training: Any
) -> "tuple[Any, Fitted, RecordingListener]":
    """Fit a new model; give it with the result and the recorded events."""
    from emotion.training.fit import steps_per_epoch
    from emotion.training.label_weights import label_weights

    params = WordTrainingTable(**{"epochs": 3, "batch_size": 20, "learning_rate": 0.02, "seed": 1, **training})
    prepare(params.seed, 0)
    built, listener = build_words(model), RecordingListener()
    weights = label_weights(params.class_weights, ["a", "b", "c"], train.labels)
    step = make_step(built, params, steps=steps_per_epoch(len(train), params) * params.epochs, weights=weights)
    with TemporaryDirectory() as folder:
        fitted = fitting(step, train, validation, params, Path(folder), listener=listener).run(DeferredSignals())
    return built, fitted, listener


def predict(model: Any, data: Examples) -> NDArray[np.int64]:
    """Predict the labels of rows."""
    from emotion.training.forward import Forward

    labels: NDArray[np.int64] = Forward(model).predict(data.texts).argmax(axis=1)
    return labels


def accuracy(model: Any, data: Examples) -> float:
    """Compute the share of correct predictions."""
    return float((predict(model, data) == data.labels).mean())


def history(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """Give the figures of epochs without times."""
    return [{key: value for key, value in asdict(epoch).items() if key not in TIMES} for epoch in epochs]


def ready() -> None:
    """Load TensorFlow as the program does, seeded."""
    prepare(1, 0)
