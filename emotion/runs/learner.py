"""What a job trains: a model with its tokenizer, and how both are saved and exported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from emotion.evaluation.metrics_file import WeightsSource
from emotion.models.compute import Compute
from emotion.text.encoded import Encoded
from emotion.training.memory import Memory


class Learner(Protocol):
    """A Keras model that takes what `encode` gives. `max_length` is what texts are cut to, in tokens."""

    model: Any
    compute: Compute
    max_length: int
    weights: WeightsSource | None

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Texts to token ids."""

    def notes(self) -> list[str]:
        """What a person should know before training starts."""

    def warnings(self, texts: Sequence[str]) -> list[str]:
        """What of `texts`, those of validation, does not fit the tokenizer."""

    def memory(self, length: int) -> Memory:
        """What training takes, with rows of `length` tokens."""

    def save(self, folder: Path) -> None:
        """Write the trained weights into the run's `weights/`."""

    def export(self, folder: Path, card: dict[str, Any]) -> Any:
        """Write the portable model; return the trained model in float32, which it has to equal."""
