"""The forward pass: logits in the order of the texts, in batches of a limited number of tokens, until a stop."""

from typing import Any

import numpy as np
import pytest

from emotion.models import lstm
from emotion.models.backend import prepare
from emotion.models.config_json import encoder_config
from emotion.params.schema import LstmTable
from emotion.text.encoded import Encoded
from tests.training.small import ANN, LENGTH, build_words, examples


def forward(model: Any, tokens: int = 17_500) -> Any:
    from emotion.training.forward import Forward

    return Forward(model, tokens)


def transformer() -> Any:
    from emotion.models.transformer import build_transformer

    prepare(1, 0)
    content = {
        "model_type": "bert",
        "vocab_size": 40,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
    }
    return build_transformer(encoder_config(content), 3, "bert")


def draw_texts(rows: int) -> Encoded:
    """Draw texts of 1 to 32 tokens in random order."""
    random = np.random.default_rng(3)
    lengths = random.integers(1, 33, rows).astype(np.int32)
    real = np.arange(32) < lengths[:, None]
    return Encoded(np.where(real, random.integers(1, 40, (rows, 32)), 0).astype(np.int32), lengths, pad=0)


def test_prediction_in_parts_equals_prediction_at_once() -> None:
    from emotion.training.forward import EVALUATION_TOKENS

    prepare(1, 0)
    model = build_words(ANN)
    texts = examples(EVALUATION_TOKENS // LENGTH + 7, 3).texts
    logits = forward(model).predict(texts)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, np.asarray(model({"input_ids": texts.ids})), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tokens", [1, 40, 17_500])
def test_logits_are_in_the_order_of_the_texts_whatever_their_lengths(tokens: int) -> None:
    model, texts = transformer(), draw_texts(60)
    found = forward(model, tokens)
    logits = found.predict(texts)
    rows = [texts.rows(np.asarray([row], np.int64)) for row in range(60)]
    alone = np.concatenate([np.asarray(model(row.inputs(found.inputs))) for row in rows])
    np.testing.assert_allclose(logits, alone, atol=2e-6)
    assert len(np.unique(logits.round(4), axis=0)) > 55


@pytest.mark.parametrize("tokens", [1, 40, 17_500])
def test_rows_of_a_model_that_reads_padding_get_none(tokens: int) -> None:
    prepare(1, 0)
    model, texts = lstm.build(LstmTable(embedding_dim=4, units=3), 40, None, 3), draw_texts(60)
    logits = forward(model, tokens).predict(texts)
    rows = [texts.ids[row, : texts.lengths[row]] for row in range(60)]
    alone = np.concatenate([np.asarray(model({"input_ids": row[None]})) for row in rows])
    np.testing.assert_allclose(logits, alone, atol=2e-6)


def test_a_row_without_tokens_is_one_of_padding() -> None:
    prepare(1, 0)
    model = lstm.build(LstmTable(embedding_dim=4, units=3), 40, None, 3)
    texts = Encoded(np.zeros((2, 5), np.int32), np.zeros(2, np.int32), pad=0)
    expected = np.asarray(model({"input_ids": np.zeros((2, 1), np.int32)}))
    np.testing.assert_allclose(forward(model).predict(texts), expected, atol=2e-6)


def test_rows_that_are_not_reached_before_a_stop_have_no_logits() -> None:
    model, texts = transformer(), draw_texts(60)
    whole = forward(model, 64).predict(texts)
    stops = iter([False, False, True])
    logits = forward(model, 64).predict(texts, lambda: next(stops))
    reached = np.isfinite(logits).all(axis=1)
    assert 0 < reached.sum() < 60
    assert np.isnan(logits[~reached]).all()
    np.testing.assert_array_equal(logits[reached], whole[reached])
    assert texts.lengths[reached].max() <= texts.lengths[~reached].min()


def test_a_forward_pass_takes_a_limited_number_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of similar length run together: few long rows, or many short ones."""
    found, texts, sizes = forward(transformer(), 64), draw_texts(200), []
    run = found._run

    def watched(inputs: dict[str, Any]) -> Any:
        sizes.append(inputs["input_ids"].shape)
        return run(inputs)

    monkeypatch.setattr(found, "_run", watched)
    found.predict(texts)
    assert sum(rows for rows, _ in sizes) == 200
    assert all(rows * length <= 64 for rows, length in sizes)
    assert len(sizes) < 100
