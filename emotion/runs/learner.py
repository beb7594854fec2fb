"""The interface of what a job trains: a model with its tokenizer, which can be saved and exported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from emotion.evaluation.metrics_file import WeightsSource
from emotion.models.compute import Compute
from emotion.text.encoded import Encoded
from emotion.training.memory import Memory


class Learner(Protocol):
    """A Keras model and its tokenizer, which cuts texts to `max_length` tokens."""

    model: Any
    compute: Compute
    max_length: int
    weights: WeightsSource | None

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Convert texts to token ids, the model's input."""

    def notes(self) -> list[str]:
        """Give lines that a person should read before training starts."""

    def warnings(self, texts: Sequence[str]) -> list[str]:
        """Warn if the tokenizer does not fit `texts`, validation's."""

    def memory(self, length: int) -> Memory:
        """Estimate the memory of training, with rows of `length` tokens."""

    def save(self, folder: Path) -> None:
        """Write the trained weights into `folder`, the run's `weights/`."""

    def export(self, folder: Path, card: dict[str, Any]) -> Any:
        """Write the portable model with `card` in its config.json; return the trained model in float32, for parity."""
