"""Reads and writes Hugging Face's folder layout, config.json and model.safetensors, without PyTorch.

`hf_names.py` has the tensor names; `config_json.py` parses config.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.errors import BadDataError, InputMissingError
from emotion.formatting import first_items
from emotion.models.config import EncoderConfig
from emotion.models.hf_names import BUFFERS, tensor_names
from emotion.store.atomic import replacing, write_json

WEIGHTS = "model.safetensors"
MOST_NAMED = 8
FLOATS = ("float32", "float16", "bfloat16", "float64")
# Class names in transformers, by `model_type`.
CLASSES = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "albert": "Albert",
    "mobilebert": "MobileBert",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "camembert": "Camembert",
    "electra": "Electra",
}


@dataclass
class LoadingInfo:
    """Result of loading pretrained tensors: `tensors` is the number of loaded tensors.

    `new` are weights of the head that the pretrained model does not have, or has for other labels. `unused` are tensors
    without a weight in our model, such as pretraining heads.
    """

    tensors: int = 0
    new: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.tensors} tensors loaded"]
        if self.new:
            parts.append(f"newly initialized: {', '.join(self.new)}")
        if self.unused:
            parts.append(f"not used: {', '.join(first_items(self.unused, MOST_NAMED))}")
        return "; ".join(parts)


def load_weights(model: Any, config: EncoderConfig, folder: Path, *, same_labels: bool) -> LoadingInfo:
    """Load model.safetensors into `model`, with the pretrained head if it has the `same_labels`.

    Raises:
        InputMissingError: model.safetensors is missing.
        BadDataError: the file is damaged, a weight of the encoder is missing, or a tensor has the wrong shape.
    """
    path = folder / WEIGHTS
    loaded = LoadingInfo()
    missing: list[str] = []
    with _Tensors(path) as tensors:
        unused = {name for name in tensors.names if name.rpartition(".")[2] not in BUFFERS}
        for variable in model.weights:
            names = list(tensor_names(variable.path, config))
            found = next((name for name in names if name in tensors.names), None)
            if found is None or (variable.path.startswith("head/classifier/") and not same_labels):
                (loaded.new if variable.path.startswith("head/") else missing).append(names[0])
            else:
                variable.assign(_converted(path, found, tensors.read(found), variable))
                loaded.tensors += 1
                unused.discard(found)
    if missing:
        raise BadDataError(
            f"{path} has no values for {len(missing)} weights of a {config.family} encoder:"
            f" {', '.join(first_items(missing, MOST_NAMED))}",
            "config.json and model.safetensors do not match, or the file belongs to another kind of model",
        )
    loaded.unused = sorted(unused - set(loaded.new))
    return loaded


def _converted(path: Path, name: str, tensor: NDArray[Any], variable: Any) -> NDArray[np.float32]:
    """Convert a tensor to Keras' layout, float32: PyTorch stores the transposed matrix of a dense layer."""
    if tensor.dtype.name not in FLOATS:
        raise BadDataError(
            f"{path}: {name} is {tensor.dtype.name}, not {' or '.join(FLOATS)}",
            "a quantized checkpoint cannot be trained: use the original checkpoint",
        )
    layout = tensor.T if variable.path.endswith("/kernel") else tensor
    if layout.shape != tuple(variable.shape):
        raise BadDataError(
            f"{path}: {name} has shape {tensor.shape}, but in config.json"
            f" {tuple(variable.shape)[::-1] if layout is not tensor else tuple(variable.shape)}",
            "config.json and model.safetensors do not match: fetch the checkpoint again",
        )
    values = layout.astype(np.float32)
    if not np.isfinite(values).all():
        raise BadDataError(f"{path}: {name} has values that are not finite numbers", "fetch the checkpoint again")
    return values


class _Tensors:
    """An open safetensors file; tensors are read one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "_Tensors":
        from safetensors import SafetensorError, safe_open

        self._errors = (SafetensorError, OSError)
        try:
            self._file: Any = safe_open(self.path, framework="numpy")
        except FileNotFoundError as error:
            raise InputMissingError(
                f"no such file: {self.path}", "a checkpoint has config.json and this file"
            ) from error
        except self._errors as error:
            raise self._damaged(error) from error
        self.names = set(self._file.keys())  # type: ignore[no-untyped-call]
        return self

    def read(self, name: str) -> NDArray[Any]:
        """Read a tensor in its stored dtype."""
        try:
            return np.asarray(self._file.get_tensor(name))
        except (*self._errors, TypeError, AttributeError, KeyError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> BadDataError:
        return BadDataError(
            f"{self.path} is not a complete safetensors file: {error!s:.200}", "fetch the checkpoint again"
        )

    def __exit__(self, *_: object) -> None:
        self._file.__exit__(None, None, None)


def save_pretrained(
    folder: Path, model: Any, config: EncoderConfig, content: Mapping[str, Any], labels: Sequence[str]
) -> None:
    """Write config.json and model.safetensors, which AutoModelForSequenceClassification can open with PyTorch.

    `content` is the config.json of the pretrained model at the start of training.
    """
    from safetensors.numpy import save_file

    tensors = {
        next(tensor_names(variable.path, config)): np.ascontiguousarray(
            variable.numpy().T if variable.path.endswith("/kernel") else variable.numpy()
        )
        for variable in model.weights
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary, {"format": "pt"})
    write_json(folder / "config.json", classifier_config(content, labels))


def classifier_config(content: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Turn a pretrained model's config.json into the config.json of a classifier with `labels`."""
    foreign = {"_name_or_path", "auto_map", "torch_dtype", "transformers_version", "num_labels"}
    names = {str(index): label for index, label in enumerate(labels)}
    return {
        **{key: value for key, value in content.items() if key not in foreign},
        "architectures": [f"{CLASSES[content['model_type']]}ForSequenceClassification"],
        "problem_type": "single_label_classification",
        "dtype": "float32",
        "id2label": names,
        "label2id": {label: int(index) for index, label in names.items()},
    }
