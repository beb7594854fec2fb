"""Transformers as models: published sizes, repeatable dropout, precision, and the head's first token."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.models.backend import load_keras, prepare
from emotion.models.config import EncoderConfig
from emotion.models.config_json import encoder_config

BERT = {
    "model_type": "bert",
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
DISTILBERT = {
    "model_type": "distilbert",
    "vocab_size": 30522,
    "dim": 768,
    "n_layers": 6,
    "n_heads": 12,
    "hidden_dim": 3072,
    "max_position_embeddings": 512,
}
ALBERT = {
    "model_type": "albert",
    "vocab_size": 30000,
    "embedding_size": 128,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_hidden_groups": 1,
    "inner_group_num": 1,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
MOBILEBERT = {
    "model_type": "mobilebert",
    "vocab_size": 30522,
    "embedding_size": 128,
    "hidden_size": 512,
    "num_hidden_layers": 24,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "intra_bottleneck_size": 128,
    "num_feedforward_networks": 4,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "classifier_activation": False,
}
MINILM = {**BERT, "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 20,
    # Large enough that the sixth digit of a result is not all that differs.
    "initializer_range": 0.2,
}
FEED_FORWARD = {"intermediate_size": 24, "embedding_size": 16, "intra_bottleneck_size": 8}
STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "dropout": 0.0, "attention_dropout": 0.0}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {},
    "distilbert": {"hidden_dim": 24},
    "albert": {"hidden_dropout_prob": 0.1},
    "mobilebert": {"hidden_dropout_prob": 0.1},
    "roberta": {},
    "electra": {},
}


def small(family: str, **changed: Any) -> EncoderConfig:
    return encoder_config({"model_type": family, **SMALL, **FEED_FORWARD, **FAMILIES[family], **changed})


def build(config: EncoderConfig, labels: int = 3, precision: str = "float32") -> Any:
    from emotion.models.transformer import build_transformer

    prepare(1, 0)
    return build_transformer(config, labels, config.family, precision)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Any:
    return build(small(request.param))


def rows(model: Any, length: int = 9) -> dict[str, NDArray[np.int32]]:
    """Draw rows of different lengths, padded."""
    random = np.random.default_rng(0)
    mask = (np.arange(length) < random.integers(2, length + 1, (8, 1))).astype(np.int32)
    ids = random.integers(2, 40, (8, length)).astype(np.int32)
    known = {"input_ids": ids * mask + (1 - mask), "attention_mask": mask, "token_type_ids": mask * (ids % 2)}
    return {tensor.name: known[tensor.name] for tensor in model.inputs}


def drawn(model: Any, seed: int, step: int, row: int = 0) -> NDArray[np.float32]:
    """Logits in training, as at a step of a training with a seed, from a row on."""
    model.dropout_seed.start(seed, step, row)
    return np.asarray(model(rows(model), training=True))


@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        (BERT, 109_486_854),
        (DISTILBERT, 66_958_086),
        (ALBERT, 11_688_198),
        (MOBILEBERT, 24_584_966),
        (MINILM, 22_715_526),
    ],
    ids=["bert", "distilbert", "albert", "mobilebert", "minilm"],
)
def test_published_sizes(content: dict[str, Any], parameters: int) -> None:
    model = build(encoder_config(content), labels=6)
    assert model.count_params() == parameters
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == parameters
    assert np.asarray(model({tensor.name: np.ones((1, 3), np.int32) for tensor in model.inputs})).shape == (1, 6)
    load_keras().backend.clear_session()


def test_inputs_are_those_of_the_tokenizer() -> None:
    from emotion.models.transformer import input_names

    assert input_names(small("bert")) == ("input_ids", "attention_mask", "token_type_ids")
    assert input_names(small("bert", type_vocab_size=1)) == ("input_ids", "attention_mask")
    assert input_names(small("distilbert")) == ("input_ids", "attention_mask")
    for family in ("bert", "distilbert"):
        assert {tensor.name for tensor in build(small(family)).inputs} == set(input_names(small(family)))


def test_every_weight_starts_from_other_numbers(model: Any) -> None:
    tables = [np.asarray(weight) for weight in model.weights if weight.path.endswith(("/kernel", "/embeddings"))]
    assert len({table.ravel()[:4].tobytes() for table in tables}) == len(tables)
    # A truncated normal distribution's spread is 0.88 of the given one.
    assert np.concatenate([table.ravel() for table in tables]).std() == pytest.approx(0.2 * 0.88, rel=0.1)


def test_the_seed_decides_the_first_weights() -> None:
    first, same = (build(small("bert")).get_weights() for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))


def test_the_head_reads_the_first_token_of_the_whole_encoder(model: Any) -> None:
    inputs = rows(model)
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    hidden = model.get_layer("embeddings")(ids, inputs.get("token_type_ids", np.zeros_like(ids)))
    hidden = np.asarray(model.get_layer("encoder")(hidden, model.get_layer("mask_bias")(mask)))
    logits = np.asarray(model.get_layer("head")(hidden.reshape(*ids.shape, -1)[:, 0]))
    np.testing.assert_allclose(np.asarray(model(inputs)), logits, atol=2e-6)
    assert np.ptp(logits, axis=0).min() > 0.01


def test_inference_drops_nothing(model: Any) -> None:
    inputs = rows(model)
    first = np.asarray(model(inputs))
    model.dropout_seed.start(1, 2, 3)
    np.testing.assert_array_equal(np.asarray(model(inputs)), first)
    np.testing.assert_array_equal(np.asarray(model(inputs, training=False)), first)


def test_dropout_is_a_function_of_seed_step_and_row(model: Any) -> None:
    first = drawn(model, seed=3, step=7)
    np.testing.assert_array_equal(drawn(model, seed=3, step=7), first)
    others = [drawn(model, 3, 8), drawn(model, 4, 7), drawn(model, 3, 7, 1), np.asarray(model(rows(model)))]
    assert all(np.abs(first - other).max() > 1e-3 for other in others)


def test_dropout_is_the_same_in_a_compiled_function() -> None:
    import tensorflow as tf

    model = build(small("bert"))
    inputs = rows(model)

    def train(step: Any, row: Any) -> Any:
        model.dropout_seed.start(5, step, row)
        return model(inputs, training=True)

    compiled = tf.function(train, input_signature=[tf.TensorSpec([], "int32")] * 2)
    calls = [(0, 0), (1, 0), (1, 4)]
    found = [np.asarray(compiled(*call)) for call in calls]
    for (step, row), logits in zip(calls, found, strict=True):
        np.testing.assert_allclose(drawn(model, 5, step, row), logits, atol=2e-6)
    assert min(np.abs(found[1] - other).max() for other in (found[0], found[2])) > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_head_drops_at_a_rate_of_its_own(family: str) -> None:
    key = {"distilbert": "seq_classif_dropout", "albert": "classifier_dropout_prob"}.get(family, "classifier_dropout")
    model = build(small(family, num_hidden_layers=1, **STILL, **{key: 0.5}))
    assert np.abs(drawn(model, 0, 0) - np.asarray(model(rows(model)))).max() > 1e-3


def test_rates_of_zero_drop_nothing() -> None:
    model = build(small("bert", **STILL))
    np.testing.assert_array_equal(drawn(model, 0, 0), np.asarray(model(rows(model))))


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.1), ("float16", 0.01)])
def test_reduced_precision_gives_nearly_the_same(model: Any, precision: str, tolerance: float) -> None:
    reduced = build(small(model.name), precision=precision)
    reduced.set_weights(model.get_weights())
    assert {weight.dtype for weight in reduced.weights} == {"float32"}
    logits, exact = np.asarray(reduced(rows(model))), np.asarray(model(rows(model)))
    assert logits.dtype == np.float32
    assert 0 < np.abs(logits - exact).max() < tolerance * np.abs(exact).max()
    assert np.isfinite(drawn(reduced, 0, 0)).all()


def test_the_precision_of_other_models_stays() -> None:
    keras = load_keras()
    build(small("bert"), precision="bfloat16")
    assert keras.config.dtype_policy().name == "float32"
