"""Hugging Face's tensor names: the names of our models' weights in every family's pretrained models.

The tables map the paths of Keras variables, without the leaf (`kernel`, `bias`), to the names of PyTorch modules. `{i}`
is the index of a block, `{g}` and `{j}` its group and its index in the group (ALBERT), `{f}` the index of a
feed-forward network (MobileBERT). `tensor_names` assembles the names.
"""

import re
from collections.abc import Iterator

from emotion.models.config import FAMILIES, EncoderConfig

_BERT_EMBEDDINGS = {
    "embeddings/word": "embeddings.word_embeddings",
    "embeddings/position": "embeddings.position_embeddings",
    "embeddings/token_type": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
}
_BERT_ATTENTION = {
    "encoder/layer_{i}/query": "encoder.layer.{i}.attention.self.query",
    "encoder/layer_{i}/key": "encoder.layer.{i}.attention.self.key",
    "encoder/layer_{i}/value": "encoder.layer.{i}.attention.self.value",
    "encoder/layer_{i}/attention_output": "encoder.layer.{i}.attention.output.dense",
    "encoder/layer_{i}/attention_norm": "encoder.layer.{i}.attention.output.LayerNorm",
}
_BERT_ENCODER = {
    **_BERT_EMBEDDINGS,
    **_BERT_ATTENTION,
    "encoder/layer_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
    "encoder/layer_{i}/output": "encoder.layer.{i}.output.dense",
    "encoder/layer_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
}
_DISTILBERT_ENCODER = {
    **_BERT_EMBEDDINGS,
    "encoder/layer_{i}/query": "transformer.layer.{i}.attention.q_lin",
    "encoder/layer_{i}/key": "transformer.layer.{i}.attention.k_lin",
    "encoder/layer_{i}/value": "transformer.layer.{i}.attention.v_lin",
    "encoder/layer_{i}/attention_output": "transformer.layer.{i}.attention.out_lin",
    "encoder/layer_{i}/attention_norm": "transformer.layer.{i}.sa_layer_norm",
    "encoder/layer_{i}/intermediate": "transformer.layer.{i}.ffn.lin1",
    "encoder/layer_{i}/output": "transformer.layer.{i}.ffn.lin2",
    "encoder/layer_{i}/output_norm": "transformer.layer.{i}.output_layer_norm",
}
_ALBERT_LAYER = "encoder.albert_layer_groups.{g}.albert_layers.{j}"
_ALBERT_ENCODER = {
    **_BERT_EMBEDDINGS,
    "embeddings/projection": "encoder.embedding_hidden_mapping_in",
    "encoder/layer_{i}/query": f"{_ALBERT_LAYER}.attention.query",
    "encoder/layer_{i}/key": f"{_ALBERT_LAYER}.attention.key",
    "encoder/layer_{i}/value": f"{_ALBERT_LAYER}.attention.value",
    "encoder/layer_{i}/attention_output": f"{_ALBERT_LAYER}.attention.dense",
    "encoder/layer_{i}/attention_norm": f"{_ALBERT_LAYER}.attention.LayerNorm",
    "encoder/layer_{i}/intermediate": f"{_ALBERT_LAYER}.ffn",
    "encoder/layer_{i}/output": f"{_ALBERT_LAYER}.ffn_output",
    "encoder/layer_{i}/output_norm": f"{_ALBERT_LAYER}.full_layer_layer_norm",
}
_MOBILEBERT_ENCODER = {
    **_BERT_EMBEDDINGS,
    "embeddings/transformation": "embeddings.embedding_transformation",
    **_BERT_ATTENTION,
    "encoder/layer_{i}/input_bottleneck/dense": "encoder.layer.{i}.bottleneck.input.dense",
    "encoder/layer_{i}/input_bottleneck/norm": "encoder.layer.{i}.bottleneck.input.LayerNorm",
    "encoder/layer_{i}/shared_bottleneck/dense": "encoder.layer.{i}.bottleneck.attention.dense",
    "encoder/layer_{i}/shared_bottleneck/norm": "encoder.layer.{i}.bottleneck.attention.LayerNorm",
    "encoder/layer_{i}/feedforward_{f}/intermediate": "encoder.layer.{i}.ffn.{f}.intermediate.dense",
    "encoder/layer_{i}/feedforward_{f}/output": "encoder.layer.{i}.ffn.{f}.output.dense",
    "encoder/layer_{i}/feedforward_{f}/norm": "encoder.layer.{i}.ffn.{f}.output.LayerNorm",
    "encoder/layer_{i}/last/intermediate": "encoder.layer.{i}.intermediate.dense",
    "encoder/layer_{i}/last/output": "encoder.layer.{i}.output.dense",
    "encoder/layer_{i}/last/norm": "encoder.layer.{i}.output.LayerNorm",
    "encoder/layer_{i}/output_bottleneck": "encoder.layer.{i}.output.bottleneck.dense",
    "encoder/layer_{i}/output_bottleneck_norm": "encoder.layer.{i}.output.bottleneck.LayerNorm",
}
_ROBERTA_HEAD = {"head/pooler": "classifier.dense", "head/classifier": "classifier.out_proj"}

# The encoder: pretrained models have these names with or without the family's prefix.
ENCODER_NAMES = {
    "bert": _BERT_ENCODER,
    "distilbert": _DISTILBERT_ENCODER,
    "albert": _ALBERT_ENCODER,
    "mobilebert": _MOBILEBERT_ENCODER,
    "roberta": _BERT_ENCODER,
    "electra": {**_BERT_ENCODER, "embeddings/projection": "embeddings_project"},
}
# The pooler: in these families it belongs to the encoder and may have the prefix, too.
POOLER_NAMES = {"bert": "pooler.dense", "albert": "pooler", "mobilebert": "pooler.dense"}
# The head: names never have the prefix.
HEAD_NAMES = {
    "bert": {"head/classifier": "classifier"},
    "distilbert": {"head/pooler": "pre_classifier", "head/classifier": "classifier"},
    "albert": {"head/classifier": "classifier"},
    "mobilebert": {"head/classifier": "classifier"},
    "roberta": _ROBERTA_HEAD,
    "electra": _ROBERTA_HEAD,
}
# Keras' leaf to PyTorch's leaf, and older names of normalizations in early pretrained models.
LEAVES = {"kernel": "weight", "bias": "bias", "embeddings": "weight", "gamma": "weight", "beta": "bias"}
OLD_LEAVES = {"gamma": "gamma", "beta": "beta"}
# Buffers that old versions of PyTorch models stored, which are not weights.
BUFFERS = ("position_ids", "token_type_ids")


def tensor_names(path: str, config: EncoderConfig) -> Iterator[str]:
    """Give possible tensor names for the Keras variable at `path`; we write the first name."""
    layer, _, leaf = path.rpartition("/")
    family = FAMILIES[config.family]
    key = re.sub(r"layer_\d+", "layer_{i}", re.sub(r"feedforward_\d+", "feedforward_{f}", layer))
    prefixes = (f"{family}.", "")
    if key in HEAD_NAMES[family]:
        name, prefixes = HEAD_NAMES[family][key], ("", "")
    elif key == "head/pooler":
        name = POOLER_NAMES[family]
    else:
        name = ENCODER_NAMES[family][key].format(**_indices(layer, config))
    for prefix in dict.fromkeys(prefixes):
        yield f"{prefix}{name}.{LEAVES[leaf]}"
        if leaf in OLD_LEAVES:
            yield f"{prefix}{name}.{OLD_LEAVES[leaf]}"


def _indices(layer: str, config: EncoderConfig) -> dict[str, int]:
    block = int(found[1]) if (found := re.search(r"layer_(\d+)", layer)) else 0
    feedforward = int(found[1]) if (found := re.search(r"feedforward_(\d+)", layer)) else 0
    return {"i": block, "g": block // config.group_size, "j": block % config.group_size, "f": feedforward}
