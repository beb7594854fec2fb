"""Tensor names: how each family's checkpoints, in PyTorch's layout, call the weights of our encoders.

Our names are the paths of Keras' variables without the leaf. `{i}` is the number of a block, `{g}` and `{j}` its
group and place in it (ALBERT), `{f}` that of a feed-forward (MobileBERT).
"""

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
    "encoder/layer_{i}/narrow_input/dense": "encoder.layer.{i}.bottleneck.input.dense",
    "encoder/layer_{i}/narrow_input/norm": "encoder.layer.{i}.bottleneck.input.LayerNorm",
    "encoder/layer_{i}/narrow_shared/dense": "encoder.layer.{i}.bottleneck.attention.dense",
    "encoder/layer_{i}/narrow_shared/norm": "encoder.layer.{i}.bottleneck.attention.LayerNorm",
    "encoder/layer_{i}/feedforward_{f}/intermediate": "encoder.layer.{i}.ffn.{f}.intermediate.dense",
    "encoder/layer_{i}/feedforward_{f}/output": "encoder.layer.{i}.ffn.{f}.output.dense",
    "encoder/layer_{i}/feedforward_{f}/norm": "encoder.layer.{i}.ffn.{f}.output.LayerNorm",
    "encoder/layer_{i}/last/intermediate": "encoder.layer.{i}.intermediate.dense",
    "encoder/layer_{i}/last/output": "encoder.layer.{i}.output.dense",
    "encoder/layer_{i}/last/norm": "encoder.layer.{i}.output.LayerNorm",
    "encoder/layer_{i}/widen": "encoder.layer.{i}.output.bottleneck.dense",
    "encoder/layer_{i}/widen_norm": "encoder.layer.{i}.output.bottleneck.LayerNorm",
}
_ROBERTA_HEAD = {"head/pooler": "classifier.dense", "head/classifier": "classifier.out_proj"}

# Within the encoder, whose names a checkpoint may carry with or without the family's prefix.
ENCODER_NAMES = {
    "bert": _BERT_ENCODER,
    "distilbert": _DISTILBERT_ENCODER,
    "albert": _ALBERT_ENCODER,
    "mobilebert": _MOBILEBERT_ENCODER,
    "roberta": _BERT_ENCODER,
    "electra": {**_BERT_ENCODER, "embeddings/projection": "embeddings_project"},
}
# Beside the encoder, never with the prefix. The pooler of these two belongs to the encoder.
POOLER_NAMES = {"bert": "pooler.dense", "albert": "pooler", "mobilebert": "pooler.dense"}
HEAD_NAMES = {
    "bert": {"head/classifier": "classifier"},
    "distilbert": {"head/pooler": "pre_classifier", "head/classifier": "classifier"},
    "albert": {"head/classifier": "classifier"},
    "mobilebert": {"head/classifier": "classifier"},
    "roberta": _ROBERTA_HEAD,
    "electra": _ROBERTA_HEAD,
}
# Keras' leaf to PyTorch's, and the older name that the first checkpoints of normalisations carry.
LEAVES = {"kernel": "weight", "bias": "bias", "embeddings": "weight", "gamma": "weight", "beta": "bias"}
OLD_LEAVES = {"gamma": "gamma", "beta": "beta"}
# Buffers that old versions of PyTorch models stored: no weights.
BUFFERS = ("position_ids", "token_type_ids")
