"""Fixtures of the models' tests: small pretrained models that PyTorch wrote, and our models for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from emotion.models.backend import prepare
from emotion.models.config import EncoderConfig
from emotion.models.config_json import encoder_config, read_config
from emotion.models.hf_folder import LoadingInfo, load_weights, save_pretrained

REFERENCES = Path(__file__).parent.parent / "references"
Tensors = dict[str, NDArray[Any]]


@dataclass
class Reference:
    """A pretrained model that PyTorch wrote, and our model for it; `folder` is for changed tensors."""

    content: dict[str, Any]
    config: EncoderConfig
    model: Any
    tensors: Tensors
    folder: Path

    def load(self, tensors: Tensors | None = None, *, same_labels: bool = True) -> LoadingInfo:
        """Load the file in the folder, or `tensors`."""
        if tensors is not None:
            save_file(
                {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, self.file, {"format": "pt"}
            )
        return load_weights(self.model, self.config, self.folder, same_labels=same_labels)

    def load_into_zeros(self, tensors: Tensors, *, same_labels: bool = True) -> LoadingInfo:
        """Load `tensors` after all weights are set to zero."""
        self.model.set_weights([np.zeros(weight.shape) for weight in self.model.get_weights()])
        return self.load(tensors, same_labels=same_labels)

    def written(self) -> Tensors:
        """Save the model; give its weights by their names in PyTorch."""
        save_pretrained(self.folder / "written", self.model, self.config, self.content, ["no", "yes"])
        written: Tensors = load_file(self.folder / "written" / "model.safetensors")
        return written

    @property
    def file(self) -> Path:
        """The file that `load` reads."""
        return self.folder / "model.safetensors"


def reference(case: str, folder: Path) -> Reference:
    from emotion.models.transformer import build_transformer

    prepare(1, 0)
    content = read_config(REFERENCES / case)
    config = encoder_config(content)
    labels = load_file(REFERENCES / case / "expected.safetensors")["logits"].shape[1]
    model = build_transformer(config, labels, case)
    return Reference(content, config, model, load_file(REFERENCES / case / "model.safetensors"), folder)


@pytest.fixture(scope="module")
def _bert(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture
def bert(_bert: Reference) -> Iterator[Reference]:
    yield _bert
    _bert.file.unlink(missing_ok=True)


@pytest.fixture(
    scope="module", params=["bert", "distilbert", "albert_groups", "mobilebert_layer_norm", "roberta", "electra"]
)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference(request.param, tmp_path_factory.mktemp("family"))
