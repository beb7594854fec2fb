"""The learner of the transformers: it starts from pretrained weights, with the pretrained model's tokenizer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.data.dataset import Dataset
from emotion.errors import BadDataError
from emotion.evaluation.metrics_file import WeightsSource
from emotion.models.activations import transformer_row
from emotion.models.build import architecture
from emotion.models.compute import Compute
from emotion.models.config_json import encoder_config, read_config
from emotion.models.hf_folder import classifier_config, load_weights, save_pretrained
from emotion.models.transformer import build_transformer, input_names
from emotion.onnx.export import to_onnx
from emotion.params.schema import TransformerParams
from emotion.store.atomic import write_bytes, write_json
from emotion.store.layout import Store
from emotion.text.coverage import coverage
from emotion.text.encoded import Encoded, encode
from emotion.text.pretrained import fit_tokenizer, load_tokenizer
from emotion.text.wordpiece import learn_wordpiece
from emotion.training.memory import Memory, estimate
from emotion.weights.catalog import PRETRAINED
from emotion.weights.find import Weights, find_weights

# Largest ONNX file: the format is a protocol buffer.
MAX_BYTES = 2**31


class TransformerLearner:
    """A transformer for a data set; see `emotion.runs.learner.Learner`."""

    def __init__(
        self, params: TransformerParams, data: Dataset, store: Store, compute: Compute, tell: Callable[[str], None]
    ) -> None:
        self.params, self.labels, self.compute = params, data.labels, compute
        self.weights: WeightsSource | None = None
        texts, wanted = data.splits["train"].texts, params.text.max_length
        known = PRETRAINED.get(params.model.checkpoint)
        if known and params.model.init == "random":
            # The registry has the architecture, so no file of the pretrained model is needed.
            self.content = known.config
            self.config = encoder_config(self.content)
            wordpiece = learn_wordpiece(texts, self.config.vocabulary)
            self.tokenizer = fit_tokenizer(wordpiece, self.config.max_length, wanted, texts)
            self.model = self._build(compute.precision)
            self.loaded = "random weights, and a tokenizer learned from train"
        else:
            found = find_weights(params.model.checkpoint, params.model.revision, store, tell)
            self.weights = _weights_source(found)
            self.content = read_config(found.folder)
            self.config = encoder_config(self.content)
            most = self.config.max_length
            self.tokenizer = load_tokenizer(found.folder, self.config.vocabulary, most, wanted, texts)
            self.model = self._build(compute.precision)
            self.loaded = "random weights" if params.model.init == "random" else str(self._load(found.folder))
        self.max_length = self.tokenizer.max_length

    def _build(self, precision: str) -> Any:
        model = build_transformer(self.config, len(self.labels), self.params.model.name, precision)
        size = 4 * model.count_params()
        if size >= MAX_BYTES:
            raise BadDataError(
                f"{self.params.model.checkpoint} needs {size / 1e9:.1f} GB, and an ONNX file holds at most 2.1 GB",
                "use a smaller checkpoint",
            )
        return model

    def _load(self, folder: Path) -> Any:
        same = self.content.get("id2label") == classifier_config(self.content, self.labels)["id2label"]
        return load_weights(self.model, self.config, folder, same_labels=same)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Convert texts to token ids, padded to the longest text."""
        return encode(self.tokenizer.backend, texts)

    def notes(self) -> list[str]:
        """Give lines about the loaded weights, the length, the precision and XLA."""
        taken = "as set in the parameters" if self.params.text.max_length else "99.5 % of train's texts fit"
        most = self.config.max_length
        return [
            self.loaded,
            f"texts are cut to {self.max_length} tokens ({taken}; the model reads at most {most})",
            self.compute.reason,
        ]

    def warnings(self, texts: Sequence[str]) -> list[str]:
        """Warn of many unknown tokens and many cut texts."""
        return coverage(self.tokenizer.backend, texts, self.tokenizer.unknown_id).warnings()

    @property
    def precision(self) -> str:
        """The precision of training."""
        return self.compute.precision

    def architecture(self) -> dict[str, Any]:
        """Describe the layers."""
        return architecture(self.model)

    def memory(self, length: int) -> Memory:
        """Estimate the memory of training, with rows of `length` tokens."""
        row = transformer_row(self.config, length, self.compute.precision)
        return estimate(self.model.count_params(), row, average=bool(self.params.training.average))

    def save(self, folder: Path) -> None:
        """Write config.json, model.safetensors and the tokenizer, which transformers can open with PyTorch."""
        save_pretrained(folder, self.model, self.config, self.content, self.labels)
        self.tokenizer.save(folder, input_names(self.config))

    def export(self, folder: Path, card: dict[str, Any]) -> Callable[[Encoded], NDArray[np.float32]]:
        """Write model.onnx, the tokenizer and config.json, which AutoTokenizer and optimum can open."""
        from emotion.training.forward import Forward

        exact = self.model
        if self.compute.precision != "float32":
            exact = self._build("float32")
            exact.set_weights(self.model.get_weights())
        write_bytes(folder / "model.onnx", to_onnx(exact, self.params.export.opset, apart=True))
        self.tokenizer.save(folder, input_names(self.config))
        write_json(folder / "config.json", classifier_config(self.content, self.labels) | card)
        return Forward(exact).predict


def _weights_source(found: Weights) -> WeightsSource:
    return WeightsSource(
        checkpoint=found.repository or str(found.folder),
        source=str(found.source),
        revision=found.revision,
        verified=found.verified,
        sha256=dict(found.digests),
    )
