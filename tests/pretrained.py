"""Tiny pretrained models of all families, as on the hub: config.json, model.safetensors and a real tokenizer."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from emotion.store.atomic import write_json

VOCABULARY = 400
BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ALBERT = {**BERT, "pad_token": "<pad>", "unk_token": "<unk>"}
ROBERTA = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}
# CamemBERT's first ids: fairseq's, then SentencePiece's.
CAMEMBERT = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"]
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    # Large enough for different texts to have different logits.
    "initializer_range": 0.2,
}
FEW_TYPES = {"type_vocab_size": 1, "pad_token_id": 1, "max_position_embeddings": 66}
# Tokenizer classes by family, and sizes that differ from `SIZES`.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertTokenizer", {}),
    "distilbert": ("DistilBertTokenizer", {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}),
    "albert": ("AlbertTokenizer", {"embedding_size": 8}),
    "mobilebert": (
        "MobileBertTokenizer",
        {"embedding_size": 8, "intra_bottleneck_size": 8, "num_feedforward_networks": 2},
    ),
    "roberta": ("RobertaTokenizer", FEW_TYPES),
    "xlm-roberta": ("XLMRobertaTokenizer", FEW_TYPES),
    "camembert": ("CamembertTokenizer", FEW_TYPES),
    "electra": ("ElectraTokenizer", {"embedding_size": 8}),
}


def write_pretrained(folder: Path, family: str, texts: Sequence[str], **changes: Any) -> Path:
    """Write a model with random weights and a tokenizer learned from `texts`; return its folder.

    `changes` replace keys of config.json before the weights are made.
    """
    from emotion.models.backend import prepare
    from emotion.models.config_json import encoder_config
    from emotion.models.hf_folder import save_pretrained
    from emotion.models.transformer import build_transformer

    tokenizer = write_tokenizer(folder, family, texts)
    sizes = {**SIZES, **FAMILIES[family][1]}
    content = {"model_type": family, "vocab_size": tokenizer.get_vocab_size(), **sizes, **changes}
    config = encoder_config(content)
    # A seed that no training uses: its random weights would be the same.
    prepare(7, 0)
    save_pretrained(folder, build_transformer(config, 2, family), config, content, ["LABEL_0", "LABEL_1"])
    return folder


def write_tokenizer(folder: Path, family: str, texts: Sequence[str]) -> Tokenizer:
    """Write the family's tokenizer.json and tokenizer_config.json; return the tokenizer."""
    tokenizer, specials = TOKENIZERS.get(family, wordpiece)(texts)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": FAMILIES[family][0], "model_max_length": 512, **specials}
    )
    return tokenizer


def change_json(path: Path, **changes: Any) -> None:
    """Replace keys of a JSON file."""
    write_json(path, {**json.loads(path.read_text()), **changes})


Learned = tuple[Tokenizer, dict[str, str]]


def wordpiece(texts: Sequence[str]) -> Learned:
    """Learn a tokenizer like BERT's, uncased."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=BERT["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=[*BERT.values()], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = _template(tokenizer, "[CLS]", "[SEP]")
    return tokenizer, BERT


def bytes_in_pairs(texts: Sequence[str]) -> Learned:
    """Learn a tokenizer like RoBERTa's: byte-level BPE, which knows every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[*dict.fromkeys(ROBERTA.values())],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer, ROBERTA


def unigram(
    specials: Sequence[str], names: dict[str, str], normalizer: normalizers.Normalizer, first: str, last: str
) -> Callable[[Sequence[str]], Learned]:
    """Learn tokenizers like ALBERT's and XLM-RoBERTa's, which came from SentencePiece."""

    def learn(texts: Sequence[str]) -> Learned:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=VOCABULARY, special_tokens=[*specials], unk_token="<unk>", show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.post_processor = _template(tokenizer, first, last)
        return tokenizer, names

    return learn


def _template(tokenizer: Tokenizer, first: str, last: str) -> processors.TemplateProcessing:
    return processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B:1 {last}:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (first, last)],
    )


_UNCASED = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()])
_XLM_ROBERTA = [*dict.fromkeys(ROBERTA.values())]
# The others are like BERT's.
TOKENIZERS = {
    "albert": unigram([*ALBERT.values()], ALBERT, _UNCASED, "[CLS]", "[SEP]"),
    "roberta": bytes_in_pairs,
    "xlm-roberta": unigram(_XLM_ROBERTA, ROBERTA, normalizers.NFKC(), "<s>", "</s>"),
    "camembert": unigram(CAMEMBERT, ROBERTA, normalizers.NFKC(), "<s>", "</s>"),
}
