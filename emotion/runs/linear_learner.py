"""The learner of the linear model: TF-IDF and a linear classifier, fitted by scikit-learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import Dataset
from emotion.evaluation.metrics_file import WeightsSource
from emotion.onnx.export import word_config
from emotion.onnx.linear_graph import linear_graph
from emotion.params.schema import LinearParams
from emotion.runs.learned_words import LearnedWords
from emotion.store.atomic import write_bytes, write_json, write_text
from emotion.text.encoded import Encoded
from emotion.text.vocabulary import learn_tokenizer
from emotion.training.label_weights import label_weights
from emotion.training.linear import Candidate, LinearFit, LinearModel, Split, fit_linear


class LinearLearner(LearnedWords):
    """A linear model for a data set; see `emotion.runs.learner.Learner`."""

    weights: WeightsSource | None = None
    precision = "float32"

    def __init__(self, params: LinearParams, data: Dataset) -> None:
        self.params, self.data = params, data
        self.tokenizer = learn_tokenizer(data.splits["train"].texts, params.text, None)
        self.max_length = params.text.max_length
        self.model: LinearModel

    def fit(self, train: Split, validation: Split, tell: Callable[[Candidate], Any]) -> LinearFit:
        """Fit the model; `tell` gets every candidate."""
        weights = label_weights(self.params.training.class_weights, self.data.labels, train.labels)
        words = self.tokenizer.get_vocab_size()
        fitted = fit_linear(train, validation, words, weights, self.params.text, self.params.training, tell)
        self.model = fitted.model
        return fitted

    def split(self, name: str) -> Split:
        """Token ids and labels of a split."""
        return Split(self.encode(self.data.splits[name].texts), self.data.encoded(name))

    def architecture(self) -> dict[str, Any]:
        """Describe the parts as layers, as `emotion.models.build.architecture` does."""
        features, labels = self.model.features, len(self.data.labels)
        bigrams = 0 if features.bigrams is None else len(features.bigrams) - 1
        detail = f"{features.words:,} words" + (f", {bigrams:,} bigrams" if bigrams else "")
        size = int(np.count_nonzero(features.weights))
        total = (size + 1) * labels
        layers = [
            _layer("input_ids", "InputLayer", "", [None, None], 0),
            _layer("tfidf", "TF-IDF", detail, [None, size], 0),
            _layer("classifier", "Linear", "one label against all others", [None, labels], total),
        ]
        return {"name": "linear", "parameters": {"total": total, "trainable": total}, "layers": layers}

    def save(self, folder: Path) -> None:
        """Write model.safetensors: feature weights, coefficients, bias and the table of bigrams."""
        from safetensors.numpy import save

        model, bigrams = self.model, self.model.features.bigrams
        tensors: dict[str, NDArray[Any]] = {
            "idf": model.features.weights,
            "coefficients": model.coefficients,
            "bias": model.bias,
        }
        if bigrams is not None:
            tensors |= {"bigrams.keys": bigrams.keys, "bigrams.slots": bigrams.slots}
        write_bytes(folder / "model.safetensors", save(tensors))

    def export(self, folder: Path, card: dict[str, Any]) -> Callable[[Encoded], NDArray[np.float32]]:
        """Write model.onnx, tokenizer.json and config.json; return the trained model's logits of texts."""
        model, features = self.model, self.model.features
        graph = linear_graph(
            features.weights, model.coefficients, model.bias, features.bigrams, self.params.export.opset
        )
        write_bytes(folder / "model.onnx", graph)
        write_text(folder / "tokenizer.json", self.tokenizer.to_str(pretty=True))
        write_json(folder / "config.json", word_config(self.params, self.data.labels) | card)
        return model.logits


def _layer(name: str, kind: str, detail: str, shape: list[int | None], parameters: int) -> dict[str, Any]:
    return {"name": name, "type": kind, "detail": detail, "output_shape": shape, "parameters": parameters}
