"""Converts the config.json of any family's pretrained model into our encoder's configuration."""

import os
from pathlib import Path
from typing import Any

from emotion.errors import BadDataError
from emotion.models.config import FAMILIES, Activation, EncoderConfig, Head, MobileConfig
from emotion.store.layout import read_json

# Families with positions that start after the padding id (fairseq's convention).
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert")
# More layers than any model has: a wrong number must cause an error instead of filling memory.
MAX_LAYERS = 1000
# Families with a separate embedding size.
FACTORIZED_EMBEDDINGS = ("albert", "electra", "mobilebert")
ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "linear",
}


def read_config(folder: Path) -> dict[str, Any]:
    """Read the config.json in `folder`, unchanged.

    Raises:
        InputMissingError: the file is missing.
        BadDataError: the file is not JSON, or its architecture is not supported.
    """
    path = folder / "config.json"
    content = read_json(path)
    if str(content.get("model_type")) not in FAMILIES:
        raise BadDataError(
            f"{path}: model_type is {content.get('model_type')!r}, which is not supported",
            f"supported architectures: {', '.join(FAMILIES)}",
        )
    return content


def encoder_config(content: dict[str, Any]) -> EncoderConfig:
    """Convert the content of a config.json of any family; defaults are Hugging Face's.

    Raises:
        BadDataError: a value is impossible, or our encoder does not support it.
    """
    try:
        return _encoder_config(_with_defaults(content))
    except BadDataError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise BadDataError(f"config.json cannot be used: {' '.join(str(error).split())[:300]}") from error


def _with_defaults(content: dict[str, Any]) -> Any:
    """Parse with the family's class in transformers; code of the pretrained model never runs."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers import CONFIG_MAPPING

    family = str(content["model_type"])
    foreign = {"auto_map", "quantization_config", "dtype", "torch_dtype"}
    try:
        return CONFIG_MAPPING[family].from_dict({key: value for key, value in content.items() if key not in foreign})
    except Exception as error:  # transformers has its own error classes for validation
        raise BadDataError(f"config.json cannot be used: {' '.join(str(error).split())[:300]}") from error


def _encoder_config(found: Any) -> EncoderConfig:
    family = str(found.model_type)
    config = EncoderConfig(
        family=family,
        vocabulary=_size(found, "vocab_size"),
        positions=_size(found, "max_position_embeddings"),
        first_position=_pad_id(found) + 1 if family in OFFSET_POSITIONS else 0,
        token_types=0 if family == "distilbert" else _size(found, "type_vocab_size"),
        embedding_size=_size(found, "embedding_size" if family in FACTORIZED_EMBEDDINGS else "hidden_size"),
        hidden_size=_size(found, "hidden_size"),
        # ALBERT always has a projection; ELECTRA has one only if the sizes differ; MobileBERT has its own.
        projection=family == "albert" or (family == "electra" and found.embedding_size != found.hidden_size),
        order=_order(found),
        group_size=_size(found, "inner_group_num") if family == "albert" else 1,
        heads=_size(found, "num_attention_heads"),
        intermediate_size=_size(found, "hidden_dim" if family == "distilbert" else "intermediate_size"),
        activation=_activation(found.activation if family == "distilbert" else found.hidden_act),
        epsilon=1e-12 if family == "distilbert" else float(found.layer_norm_eps),
        dropout=_share(found, "dropout" if family == "distilbert" else "hidden_dropout_prob"),
        attention_dropout=_share(
            found, "attention_dropout" if family == "distilbert" else "attention_probs_dropout_prob"
        ),
        initializer_range=float(found.initializer_range),
        pad_id=_pad_id(found),
        head=_head(found),
        mobile=_mobile(found) if family == "mobilebert" else None,
    )
    return _checked(config, found)


def _checked(config: EncoderConfig, found: Any) -> EncoderConfig:
    """Raise BadDataError for values that our encoder does not support."""
    size = config.mobile.intra_bottleneck_size if config.mobile else config.hidden_size
    wrong = [
        f"{text} is not supported"
        for text, asked in (
            (f"position_embedding_type {getattr(found, 'position_embedding_type', '')!r}", _relative(found)),
            ("is_decoder", getattr(found, "is_decoder", False)),
            ("add_cross_attention", getattr(found, "add_cross_attention", False)),
        )
        if asked
    ]
    if size % config.heads:
        wrong.append(f"a hidden size of {size} is not a multiple of {config.heads} heads")
    if config.max_length < 2:  # noqa: PLR2004  the two special tokens
        wrong.append(f"{config.positions} positions leave no room for text")
    if not 0 <= config.epsilon < 1:
        wrong.append(f"layer_norm_eps is {config.epsilon}")
    if not 0 <= config.initializer_range < 1:
        wrong.append(f"initializer_range is {config.initializer_range}")
    if not 0 <= config.pad_id < config.vocabulary:
        wrong.append(f"pad_token_id {config.pad_id} is outside the vocabulary of {config.vocabulary}")
    if wrong:
        raise BadDataError(f"config.json cannot be used: {'; '.join(wrong)}")
    return config


def _relative(found: Any) -> bool:
    return getattr(found, "position_embedding_type", None) not in {None, "absolute"}


def _size(found: Any, name: str, most: int = 1 << 24) -> int:
    value = getattr(found, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise BadDataError(f"config.json cannot be used: {name} is {value!r}, not a whole number from 1 to {most}")
    return value


def _share(found: Any, name: str) -> float:
    value = float(getattr(found, name))
    if not 0 <= value < 1:
        raise BadDataError(f"config.json cannot be used: {name} is {value}, not from 0 to below 1")
    return value


def _pad_id(found: Any) -> int:
    return int(found.pad_token_id or 0)


def _activation(name: Any) -> Activation:
    if name not in ACTIVATIONS:
        raise BadDataError(
            f"config.json cannot be used: the activation {name!r} is not supported",
            f"supported are {', '.join(ACTIVATIONS)}",
        )
    return ACTIVATIONS[name]


def _order(found: Any) -> tuple[int, ...]:
    layers = _size(found, "num_hidden_layers", MAX_LAYERS)
    if found.model_type != "albert":
        return tuple(range(layers))
    size = _size(found, "inner_group_num", MAX_LAYERS)
    groups = _size(found, "num_hidden_groups", MAX_LAYERS)
    # Two divisions with rounding, as in Hugging Face's ALBERT: the pretrained weights come from it.
    return tuple(int(layer / (layers / groups)) * size + block for layer in range(layers) for block in range(size))


def _head(found: Any) -> Head:
    family = found.model_type
    if family == "distilbert":
        return Head("relu", drop_first=False, dropout=_share(found, "seq_classif_dropout"))
    if family == "albert":
        return Head("tanh", drop_first=False, dropout=_share(found, "classifier_dropout_prob"))
    own = found.classifier_dropout is not None
    dropout = _share(found, "classifier_dropout" if own else "hidden_dropout_prob")
    if family == "electra":
        return Head("gelu", drop_first=True, dropout=dropout)
    if family == "mobilebert":
        return Head("tanh" if found.classifier_activation else None, drop_first=False, dropout=dropout)
    return Head("tanh", drop_first=family in OFFSET_POSITIONS, dropout=dropout)


def _mobile(found: Any) -> MobileConfig:
    if found.normalization_type not in {"no_norm", "layer_norm"}:
        raise BadDataError(f"config.json cannot be used: normalization_type is {found.normalization_type!r}")
    return MobileConfig(
        intra_bottleneck_size=_size(found, "intra_bottleneck_size")
        if found.use_bottleneck
        else _size(found, "hidden_size"),
        feedforwards=_size(found, "num_feedforward_networks", MAX_LAYERS),
        trigrams=bool(found.trigram_input),
        use_bottleneck=bool(found.use_bottleneck),
        use_bottleneck_attention=bool(found.use_bottleneck_attention),
        key_query_shared_bottleneck=bool(found.key_query_shared_bottleneck),
        no_norm=found.normalization_type == "no_norm",
    )
