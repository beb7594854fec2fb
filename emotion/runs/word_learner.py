"""The learner of ANN and LSTM: random weights, and a tokenizer learned from train."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from emotion.data.dataset import Dataset
from emotion.evaluation.metrics_file import WeightsSource
from emotion.models.activations import word_row
from emotion.models.build import architecture, build_model
from emotion.models.compute import Compute
from emotion.onnx.export import to_onnx, word_config
from emotion.params.schema import WordParams
from emotion.runs.learned_words import LearnedWords
from emotion.store.atomic import write_bytes, write_json, write_text
from emotion.store.scratch import MIN_BYTES, scratch_folder
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import learn_tokenizer, with_short_padding
from emotion.training.memory import Memory, estimate

# Bytes of a float32.
FLOAT = 4


class WordLearner(LearnedWords):
    """An ANN or LSTM for a data set; see `emotion.runs.learner.Learner`."""

    weights: WeightsSource | None = None

    def __init__(self, params: WordParams, data: Dataset) -> None:
        self.params, self.labels = params, data.labels
        self.tokenizer: Tokenizer = learn_tokenizer(data.splits["train"].texts, params.text, params.padded_length)
        self.model = build_model(params, self.tokenizer.get_vocab_size(), len(data.labels))
        self.compute = Compute()
        self.max_length = params.text.max_length

    @property
    def precision(self) -> str:
        """The precision of training."""
        return self.compute.precision

    def architecture(self) -> dict[str, Any]:
        """Describe the layers."""
        return architecture(self.model)

    def memory(self, length: int) -> Memory:
        """Estimate the memory of training, with rows of `length` words."""
        row = word_row(self.params.model, length)
        return estimate(self.model.count_params(), row, average=bool(self.params.training.average))

    def save(self, folder: Path) -> None:
        """Write model.weights.h5 for Keras."""
        with scratch_folder(FLOAT * self.model.count_params() + MIN_BYTES) as scratch:
            file = scratch / "model.weights.h5"
            self.model.save_weights(file)
            content = file.read_bytes()
        write_bytes(folder / file.name, content)

    def export(self, folder: Path, card: dict[str, Any]) -> Callable[[Encoded], NDArray[np.float32]]:
        """Write model.onnx, tokenizer.json and config.json."""
        from emotion.training.forward import Forward

        model, tokenizer = self.model, self.tokenizer
        if self.params.model.name == "ann" and self.params.text.padding == "right":
            from emotion.models.without_padding import without_padding

            model, tokenizer = without_padding(model), with_short_padding(tokenizer, self.max_length)
        write_bytes(folder / "model.onnx", to_onnx(model, self.params.export.opset))
        write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
        write_json(folder / "config.json", word_config(self.params, self.labels) | card)
        return Forward(self.model).predict
