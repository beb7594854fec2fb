"""The interface of a learner: a model with its tokenizer, which can be saved and exported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion.distillation.lesson import Lesson
from emotion.evaluation.metrics_file import Candidate, WeightsSource
from emotion.models.compute import Compute
from emotion.text.encoded import Encoded
from emotion.training.memory import Memory


class Learner(Protocol):
    """A model and its tokenizer, which cuts texts to `max_length` tokens."""

    max_length: int
    weights: WeightsSource | None

    @property
    def precision(self) -> str:
        """The precision of training: float32, bfloat16 or float16."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Convert texts to token ids, the model's input."""

    def notes(self) -> list[str]:
        """Return lines that a person should read before training starts."""

    def warnings(self, texts: Sequence[str]) -> list[str]:
        """Warn if the tokenizer does not fit `texts` from validation."""

    def architecture(self) -> dict[str, Any]:
        """Describe the layers, as `emotion.models.build.architecture` does."""

    def save(self, folder: Path) -> None:
        """Write the trained weights into `folder`, the run's `weights/`."""

    def export(self, folder: Path, card: dict[str, Any]) -> Callable[[Encoded], NDArray[np.float32]]:
        """Write the portable model with `card` in its config.json; return the trained model's logits of texts."""


class KerasLearner(Learner, Protocol):
    """A learner with a Keras model."""

    model: Any
    compute: Compute

    def memory(self, length: int) -> Memory:
        """Estimate the memory of training, with rows of `length` tokens."""


@dataclass(frozen=True)
class Trained:
    """A trained model with facts about its fitting; `began` is the start of fitting on the monotonic clock.

    `seconds` and `resumes` cover all attempts. A student has a `lesson`. Validation chose from `candidates`.
    """

    learner: Learner
    began: float
    seconds: float
    epochs: int
    best_epoch: int
    samples_per_second: float
    micro_batch: int = 0
    resumes: int = 0
    lesson: Lesson | None = None
    candidates: Sequence[Candidate] = ()
