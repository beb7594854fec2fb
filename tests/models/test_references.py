"""The encoders against PyTorch's own results, which tests/references/make.py stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from emotion.models.backend import prepare
from emotion.models.config import FAMILIES, EncoderConfig
from emotion.models.config_json import encoder_config, read_config
from emotion.models.hf_folder import LoadingInfo, load_weights, save_pretrained

FOLDERS = sorted(path.parent for path in (Path(__file__).parent.parent / "references").glob("*/config.json"))
# Ten times the largest difference measured.
TOLERANCE = 3e-5


@dataclass
class Case:
    """A stored reference, and our model with its weights."""

    folder: Path
    config: EncoderConfig
    model: Any
    loaded: LoadingInfo
    expected: dict[str, NDArray[Any]]

    def inputs(self, padding: int = 0) -> dict[str, NDArray[np.int32]]:
        """Give the stored rows with `padding` more tokens of padding, as the model takes them."""
        padded = {
            name: np.pad(
                self.expected[name].astype(np.int32),
                ((0, 0), (0, padding)),
                constant_values=self.config.pad_id if name == "input_ids" else 0,
            )
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name in self.expected
        }
        return {tensor.name: padded[tensor.name] for tensor in self.model.inputs}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def case(request: pytest.FixtureRequest) -> Case:
    from emotion.models.transformer import build_transformer

    prepare(1, 0)
    folder: Path = request.param
    config = encoder_config(read_config(folder))
    expected = load_file(folder / "expected.safetensors")
    model = build_transformer(config, expected["logits"].shape[1], config.family)
    return Case(folder, config, model, load_weights(model, config, folder, same_labels=True), expected)


def test_every_family_has_a_reference() -> None:
    assert {read_config(folder)["model_type"] for folder in FOLDERS} == set(FAMILIES)


def test_hidden_states_are_those_of_pytorch(case: Case) -> None:
    ids, mask = (case.expected[name].astype(np.int32) for name in ("input_ids", "attention_mask"))
    types = case.expected.get("token_type_ids", np.zeros_like(ids)).astype(np.int32)
    layers = {name: case.model.get_layer(name) for name in ("embeddings", "mask_bias", "encoder")}
    hidden = layers["encoder"](layers["embeddings"](ids, types), layers["mask_bias"](mask))
    expected = case.expected["last_hidden_state"]
    # Our hidden states have one row per token of the batch.
    assert np.abs(np.reshape(hidden, expected.shape) - expected)[mask == 1].max() < TOLERANCE


def test_logits_are_those_of_pytorch(case: Case) -> None:
    logits = np.asarray(case.model(case.inputs()))
    assert np.abs(logits - case.expected["logits"]).max() < TOLERANCE
    assert np.ptp(logits, axis=0).min() > 100 * TOLERANCE


def test_every_tensor_is_accounted_for(case: Case) -> None:
    stored = load_file(case.folder / "model.safetensors")
    assert case.loaded == LoadingInfo(tensors=len(stored), new=[], unused=[])


def test_more_padding_changes_nothing(case: Case) -> None:
    length = case.expected["input_ids"].shape[1]
    for padding in (1, case.config.max_length - length):
        logits = np.asarray(case.model(case.inputs(padding)))
        assert np.abs(logits - case.expected["logits"]).max() < TOLERANCE


def test_what_is_saved_is_what_pytorch_saved(case: Case, tmp_path: Path) -> None:
    labels = [f"label {index}" for index in range(case.expected["logits"].shape[1])]
    content = read_config(case.folder)
    save_pretrained(tmp_path, case.model, case.config, content, labels)
    theirs, ours = (load_file(folder / "model.safetensors") for folder in (case.folder, tmp_path))
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype == np.float32
        np.testing.assert_array_equal(ours[name], values)
    with safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        # transformers refuses files that do not say so.
        assert file.metadata() == {"format": "pt"}
    saved = read_config(tmp_path)
    assert saved["architectures"] == content["architectures"]
    assert list(saved["id2label"].values()) == labels
    assert encoder_config(saved) == case.config
