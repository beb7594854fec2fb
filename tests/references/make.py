"""Makes the small references that our encoders are held against, with PyTorch; opens models that we wrote.

PyTorch is no dependency of the project, so the script has an environment of its own:

    python -m venv /tmp/reference
    /tmp/reference/bin/pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
    /tmp/reference/bin/python tests/references/make.py
    /tmp/reference/bin/python tests/references/make.py --check FOLDER --ids 2,5,9,3 2,7,3

Without options it writes a folder a case beside itself: config.json and model.safetensors as `save_pretrained` does,
and expected.safetensors with padded inputs, the last hidden states and the logits. PyTorch computes each row alone and
unpadded, since its MobileBERT reads the embedding of padding beside the last token: the same text has other logits in
another batch. Weights, biases and norms are all random, so that nothing can be left out or swapped unseen. Seeded: a
second run gives the same up to rounding.
"""

import argparse
import json
import sys
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Real tokens of each row; the longest leaves room for more padding in every case.
LENGTHS = (11, 7, 4, 2)
# Standard deviation of the weights; smaller where nothing normalises, or values grow from layer to layer.
SPREAD, MOBILE_SPREAD = 0.3, 0.18
SIZES = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 24,
}
# DistilBERT's names for the same.
DISTIL_SIZES = {
    "vocab_size": 60,
    "dim": 16,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 24,
    "max_position_embeddings": 24,
}
ALBERT = {"embedding_size": 8, "num_hidden_layers": 4}
MOBILE = {"embedding_size": 8, "intra_bottleneck_size": 12, "num_feedforward_networks": 3}
LAYER_NORM = {"normalization_type": "layer_norm", "layer_norm_eps": 0.05}
THREE_HEADS = {"hidden_size": 24, "num_attention_heads": 3}
# Family, number of labels, and what differs from SIZES. An epsilon of ordinary size would not show in the results.
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "bert": ("bert", 6, {}),
    "bert_gelu_new": ("bert", 2, {"hidden_act": "gelu_new", "layer_norm_eps": 0.05}),
    "bert_relu": ("bert", 4, {"hidden_act": "relu", "classifier_dropout": 0.3, "type_vocab_size": 1}),
    "bert_silu": ("bert", 3, {"hidden_act": "silu", "type_vocab_size": 3, **THREE_HEADS}),
    "distilbert": ("distilbert", 6, {}),
    "distilbert_relu": ("distilbert", 2, {"activation": "relu", "dim": 24, "n_heads": 3, "n_layers": 3}),
    "albert": ("albert", 6, ALBERT),
    "albert_groups": ("albert", 3, {**ALBERT, "num_hidden_groups": 2, "inner_group_num": 2, "hidden_act": "gelu"}),
    "albert_same_size": ("albert", 2, {"embedding_size": 16, "layer_norm_eps": 0.05}),
    "mobilebert": ("mobilebert", 6, MOBILE),
    "mobilebert_no_pooler": ("mobilebert", 2, {**MOBILE, "classifier_activation": False, "hidden_act": "gelu"}),
    "mobilebert_layer_norm": ("mobilebert", 3, {**MOBILE, **LAYER_NORM}),
    "mobilebert_no_trigram": ("mobilebert", 4, {**MOBILE, "trigram_input": False}),
    "mobilebert_no_trigram_same_size": ("mobilebert", 4, {**MOBILE, "trigram_input": False, "embedding_size": 16}),
    "mobilebert_no_bottleneck": ("mobilebert", 3, {**MOBILE, **LAYER_NORM, "use_bottleneck": False}),
    "mobilebert_bottleneck_attention": ("mobilebert", 3, {**MOBILE, "use_bottleneck_attention": True}),
    "mobilebert_attention_not_shared": (
        "mobilebert",
        3,
        {**MOBILE, "use_bottleneck_attention": True, "key_query_shared_bottleneck": False},
    ),
    # PyTorch's own runs like this only where the sizes are equal.
    "mobilebert_not_shared": (
        "mobilebert",
        3,
        {**MOBILE, "key_query_shared_bottleneck": False, "intra_bottleneck_size": 16},
    ),
    "mobilebert_one_feedforward": ("mobilebert", 2, {**MOBILE, "num_feedforward_networks": 1}),
    "roberta": ("roberta", 6, {"type_vocab_size": 1, "layer_norm_eps": 0.05}),
    "roberta_pad_0": ("roberta", 2, {"type_vocab_size": 2, "pad_token_id": 0}),
    "xlm_roberta": ("xlm-roberta", 3, {"type_vocab_size": 1}),
    "camembert": ("camembert", 4, {"type_vocab_size": 1, **THREE_HEADS}),
    "electra": ("electra", 6, {"embedding_size": 8, "layer_norm_eps": 0.05}),
    "electra_same_size": ("electra", 2, {"embedding_size": 16, "hidden_act": "relu"}),
}


def main() -> None:
    """Make the references, or check a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="open this model instead, print its logits")
    parser.add_argument("--ids", nargs="+", default=["2,5,9,3"], metavar="1,2,3", help="token ids, a row each")
    arguments = parser.parse_args()
    if arguments.check:
        rows = [[int(token) for token in row.split(",")] for row in arguments.ids]
        sys.stdout.write(json.dumps(check(arguments.check, rows)) + "\n")
        return
    for name, (family, labels, changed) in CASES.items():
        make(HERE / name, family, labels, changed)


def make(folder: Path, family: str, labels: int, changed: dict[str, Any]) -> None:
    """Write one case."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = DISTIL_SIZES if family == "distilbert" else SIZES
    config = AutoConfig.for_model(family, **{**sizes, **changed}, num_labels=labels, attn_implementation="eager")
    generator = torch.Generator().manual_seed(zlib.crc32(folder.name.encode()))
    model = AutoModelForSequenceClassification.from_config(config).eval()
    spread = MOBILE_SPREAD if family == "mobilebert" else SPREAD
    with torch.no_grad():
        for name, weight in model.named_parameters():
            # What a norm multiplies by is around 1, as training leaves it: the only vectors that are called weight.
            middle = 1.0 if weight.ndim == 1 and name.endswith("weight") else 0.0
            weight.copy_(middle + spread * torch.randn(weight.shape, generator=generator))
        inputs = _inputs(config, generator)
        hidden = torch.zeros(*inputs["input_ids"].shape, config.hidden_size)
        logits = torch.empty(len(LENGTHS), labels)
        for row, length in enumerate(LENGTHS):
            alone = {name: values[row : row + 1, :length] for name, values in inputs.items()}
            hidden[row, :length] = model.base_model(**alone).last_hidden_state[0]
            logits[row] = model(**alone).logits[0]
    model.save_pretrained(folder)
    save_file({**inputs, "last_hidden_state": hidden, "logits": logits}, folder / "expected.safetensors")


def _inputs(config: Any, generator: Any) -> dict[str, Any]:
    """Draw rows of `LENGTHS` tokens, padded right; token types end in another one where the family has it."""
    import torch

    positions = torch.arange(max(LENGTHS))[None, :]
    lengths = torch.tensor(LENGTHS)[:, None]
    mask = (positions < lengths).long()
    # Ids from 3 up are never padding.
    ids = torch.randint(3, config.vocab_size, (len(LENGTHS), max(LENGTHS)), generator=generator)
    inputs = {"input_ids": ids * mask + config.pad_token_id * (1 - mask), "attention_mask": mask}
    if hasattr(config, "type_vocab_size"):
        inputs["token_type_ids"] = (positions >= lengths // 2).long() * mask * (config.type_vocab_size - 1)
    return inputs


def check(folder: Path, rows: list[list[int]]) -> list[list[float]]:
    """Logits of `rows` by PyTorch from a model's folder; ends with a message where its names are not PyTorch's."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    wrong = {name: sorted(found) for name, found in report.items() if found}
    if wrong:
        sys.exit(f"{folder}: {wrong}")
    with torch.no_grad():
        return [model.eval()(torch.tensor([row])).logits[0].tolist() for row in rows]


if __name__ == "__main__":
    main()
