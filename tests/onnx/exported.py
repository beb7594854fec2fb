"""Tiny transformers as training exports them: what the other precisions are made from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.onnx.session import Classifier
from emotion.store.atomic import write_json
from tests.pretrained import write_pretrained

TEXTS = [
    f"{start} {feeling} {end}"
    for start in ("i feel", "she was so", "what a day,", "we are never", "they said he is")
    for feeling in ("wonderful", "furious", "afraid of it", "in love", "sad, very sad", "surprised")
    for end in ("today", "again!", "and left the house", "?")
]

# The same width by the names of the other families.
WIDE = {
    "distilbert": {"dim": 64, "hidden_dim": 256},
    "mobilebert": {"intra_bottleneck_size": 64, "embedding_size": 64},
}


@dataclass
class Exported:
    """A model folder, the float32 model in it, and the labels that this gives its texts."""

    folder: Path
    exact: Classifier
    labels: NDArray[np.int32]


def export(family: str, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Export a model of random weights."""
    from emotion.models.config_json import encoder_config, read_config
    from emotion.models.hf_folder import load_weights
    from emotion.models.transformer import build_transformer, input_names
    from emotion.onnx.export import to_onnx
    from emotion.text.pretrained import load_tokenizer

    folder = tmp_path_factory.mktemp("model")
    # Wide enough that the tables of words are not most of the file.
    sizes = {"hidden_size": 64, "intermediate_size": 256, "initializer_range": 0.1} | WIDE.get(family, {})
    source = write_pretrained(tmp_path_factory.mktemp("source"), family, TEXTS, **sizes)
    config = encoder_config(read_config(source))
    model = build_transformer(config, 2, family)
    load_weights(model, config, source, same_labels=True)
    (folder / "model.onnx").write_bytes(to_onnx(model, 17, apart=True))
    load_tokenizer(source, config.vocabulary, config.max_length, 0, TEXTS).save(folder, input_names(config))
    write_json(folder / "config.json", read_config(source))
    exact = Classifier.load(folder, 1)
    return Exported(folder, exact, exact.logits(TEXTS).argmax(axis=1).astype(np.int32))
