"""The config.json of all families becomes one configuration; impossible values are errors."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import BadDataError, InputMissingError
from emotion.models.config import FAMILIES, MobileConfig
from emotion.models.config_json import encoder_config, read_config

# As BERT was first published, with keys that nothing reads any more.
BERT = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "output_past": True,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "pruned_heads": {},
    "torch_dtype": "float32",
    "transformers_version": "4.6.0.dev0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 30522,
}
SMALL = {"vocab_size": 50, "hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 3}


def small(family: str, **changed: Any) -> dict[str, Any]:
    return {"model_type": family, **SMALL, **changed}


def test_bert_as_it_was_published() -> None:
    config = encoder_config(BERT)
    assert (config.vocabulary, config.positions, config.token_types) == (30522, 512, 2)
    assert (config.embedding_size, config.hidden_size, config.intermediate_size) == (768, 768, 3072)
    assert (config.heads, config.order, config.group_size) == (12, tuple(range(12)), 1)
    assert (config.activation, config.epsilon, config.initializer_range) == ("gelu", 1e-12, 0.02)
    assert (config.dropout, config.attention_dropout, config.head.dropout) == (0.1, 0.1, 0.1)
    assert (config.max_length, config.pad_id, config.projection, config.mobile) == (512, 0, False, None)


def test_what_a_configuration_leaves_out_is_what_transformers_takes() -> None:
    assert encoder_config({"model_type": "bert"}) == encoder_config(BERT)


@pytest.mark.parametrize(
    ("family", "pooler", "drop_first", "activation"),
    [
        ("bert", "tanh", False, "gelu"),
        ("distilbert", "relu", False, "gelu"),
        ("albert", "tanh", False, "gelu_tanh"),
        ("mobilebert", "tanh", False, "relu"),
        ("roberta", "tanh", True, "gelu"),
        ("xlm-roberta", "tanh", True, "gelu"),
        ("camembert", "tanh", True, "gelu"),
        ("electra", "gelu", True, "gelu"),
    ],
)
def test_heads_and_activations_of_the_families(family: str, pooler: str, drop_first: bool, activation: str) -> None:
    config = encoder_config({"model_type": family})
    assert (config.head.pooler, config.head.drop_first) == (pooler, drop_first)
    assert config.activation == activation


@pytest.mark.parametrize("family", FAMILIES)
def test_small_sizes_of_every_family(family: str) -> None:
    config = encoder_config(small(family))
    assert (config.family, config.vocabulary, config.hidden_size, config.heads) == (family, 50, 16, 4)
    assert len(config.order) == 3


def test_distilbert_has_names_of_its_own() -> None:
    old = {"tie_weights_": True, "sinusoidal_pos_embds": False, "qa_dropout": 0.3}
    config = encoder_config(
        {
            "model_type": "distilbert",
            "vocab_size": 50,
            "dim": 24,
            "n_heads": 3,
            "n_layers": 2,
            "hidden_dim": 20,
            "dropout": 0.2,
            "attention_dropout": 0.3,
            "seq_classif_dropout": 0.4,
            "activation": "relu",
            **old,
        }
    )
    assert (config.hidden_size, config.embedding_size, config.intermediate_size) == (24, 24, 20)
    assert (config.heads, config.order, config.token_types, config.activation) == (3, (0, 1), 0, "relu")
    assert (config.dropout, config.attention_dropout, config.head.dropout) == (0.2, 0.3, 0.4)


def test_albert_repeats_its_blocks() -> None:
    old = {"net_structure_type": 0, "gap_size": 0, "num_memory_blocks": 0, "down_scale_factor": 1}
    config = encoder_config(small("albert", num_hidden_layers=4, embedding_size=8, classifier_dropout_prob=0.2, **old))
    assert (config.order, config.group_size, config.projection) == ((0, 0, 0, 0), 1, True)
    assert (config.embedding_size, config.head.dropout) == (8, 0.2)
    groups = small("albert", num_hidden_layers=4, num_hidden_groups=2, inner_group_num=3)
    assert encoder_config(groups).order == (0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5)
    assert encoder_config(groups).group_size == 3
    # Divided exactly, layer 9 would be of group 7; PyTorch's own rounding makes it 6.
    assert encoder_config(small("albert", num_hidden_layers=18, num_hidden_groups=14)).order[9] == 6


def test_mobilebert_has_bottlenecks() -> None:
    config = encoder_config({"model_type": "mobilebert"})
    assert config.mobile == MobileConfig(
        intra_bottleneck_size=128,
        feedforwards=4,
        trigrams=True,
        use_bottleneck=True,
        use_bottleneck_attention=False,
        key_query_shared_bottleneck=True,
        no_norm=True,
    )
    changed = small("mobilebert", use_bottleneck=False, classifier_activation=False, normalization_type="layer_norm")
    config = encoder_config(changed)
    assert config.head.pooler is None
    assert config.mobile is not None
    assert (config.mobile.intra_bottleneck_size, config.mobile.no_norm) == (16, False)


def test_roberta_counts_positions_behind_the_padding() -> None:
    config = encoder_config({"model_type": "roberta", "max_position_embeddings": 514})
    assert (config.pad_id, config.first_position, config.max_length) == (1, 2, 512)
    config = encoder_config({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 0})
    assert (config.first_position, config.max_length) == (1, 513)


def test_electra_projects_where_the_sizes_differ() -> None:
    assert encoder_config(small("electra", embedding_size=8)).projection
    assert not encoder_config(small("electra", embedding_size=16)).projection


def test_the_classifier_may_have_a_dropout_of_its_own() -> None:
    for family in ("bert", "mobilebert", "roberta", "electra"):
        content = small(family, hidden_dropout_prob=0.1)
        assert encoder_config(content).head.dropout == 0.1
        assert encoder_config({**content, "classifier_dropout": 0.0}).head.dropout == 0.0


@pytest.mark.parametrize("key", ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"])
@pytest.mark.parametrize("value", ["16", 16.0, None, True, -16, 0, 10**30, [16], {}])
def test_sizes_that_are_none(key: str, value: object) -> None:
    with pytest.raises(BadDataError, match=key):
        encoder_config(small("bert", **{key: value}))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (small("bert", hidden_size=18), "18 is not a multiple of 4 heads"),
        (small("mobilebert", intra_bottleneck_size=10), "10 is not a multiple of 4 heads"),
        (small("bert", hidden_act="mish"), "mish"),
        (small("bert", hidden_act=["gelu"]), "hidden_act"),
        (small("distilbert", activation="mish"), "mish"),
        (small("bert", is_decoder=True), "is_decoder"),
        (small("bert", add_cross_attention=True), "add_cross_attention"),
        (small("bert", position_embedding_type="relative_key_query"), "relative_key_query"),
        (small("bert", max_position_embeddings=1), "1 positions leave no room"),
        (small("roberta", max_position_embeddings=3), "3 positions leave no room"),
        (small("bert", type_vocab_size=-1), "type_vocab_size"),
        (small("bert", type_vocab_size=10**12), "type_vocab_size"),
        (small("bert", num_hidden_layers=1 << 24), "num_hidden_layers"),
        (small("albert", inner_group_num=1 << 24), "inner_group_num"),
        (small("albert", num_hidden_groups=0), "num_hidden_groups"),
        (small("mobilebert", num_feedforward_networks=0), "num_feedforward_networks"),
        (small("mobilebert", normalization_type="rms"), "rms"),
        (small("bert", pad_token_id=50), "pad_token_id"),
        (small("bert", pad_token_id=-1), "pad_token_id"),
        (small("bert", hidden_dropout_prob=1.0), "hidden_dropout_prob"),
        (small("bert", hidden_dropout_prob=float("nan")), "hidden_dropout_prob"),
        (small("bert", attention_probs_dropout_prob=-0.1), "attention_probs_dropout_prob"),
        (small("bert", classifier_dropout=2), "classifier_dropout"),
        (small("bert", layer_norm_eps=float("nan")), "layer_norm_eps"),
        (small("bert", layer_norm_eps="tiny"), "layer_norm_eps"),
        (small("bert", initializer_range=float("inf")), "initializer_range"),
        (small("bert", id2label="joy"), "config.json"),
    ],
)
def test_impossible_values(content: dict[str, Any], named: str) -> None:
    with pytest.raises(BadDataError, match=named) as caught:
        encoder_config(content)
    assert caught.value.exit_code == 65
    assert len(caught.value.message) < 500
    assert "\n" not in caught.value.message


def test_all_that_does_not_fit_is_said_at_once() -> None:
    with pytest.raises(BadDataError) as caught:
        encoder_config(small("bert", hidden_size=18, is_decoder=True, pad_token_id=99))
    assert all(text in caught.value.message for text in ("is_decoder", "4 heads", "pad_token_id 99"))


@pytest.mark.parametrize("family", ["gpt2", "", None, ["bert"], {"bert": 1}, 7])
def test_other_architectures_are_answered_with_ours(tmp_path: Path, family: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family}))
    with pytest.raises(BadDataError, match="model_type") as caught:
        read_config(tmp_path)
    assert "mobilebert" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model_type": "be', b"\xff\xfe", b"\x80\x05]"])
def test_what_is_no_json_object(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BadDataError, match=r"config\.json"):
        read_config(tmp_path)


def test_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        read_config(tmp_path)


def test_code_of_a_pretrained_model_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "foreign_code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    foreign = {
        "auto_map": {"AutoConfig": "foreign_code.Config", "AutoModel": f"{tmp_path}--foreign_code.Config"},
        "trust_remote_code": True,
        "attn_implementation": "foreign_code",
        "_attn_implementation": "foreign/code",
        "quantization_config": {"quant_method": "foreign_code"},
    }
    (tmp_path / "config.json").write_text(json.dumps(small("bert", **foreign)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert encoder_config(read_config(tmp_path)) == encoder_config(small("bert"))
    assert not (tmp_path / "ran").exists()
    assert "foreign_code" not in sys.modules


def test_reading_a_configuration_imports_no_framework() -> None:
    code = (
        "import sys; from emotion.models.config_json import encoder_config; encoder_config({'model_type': 'bert'});"
        "print({'tensorflow', 'keras', 'torch'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
