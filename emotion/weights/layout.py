"""Which files make a checkpoint, and what to say of a folder or repository that lacks some."""

from collections.abc import Callable
from pathlib import Path

from emotion.errors import InputMissingError

CONFIG = "config.json"
MODEL = "model.safetensors"
H5 = "tf_model.h5"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
# All that is ever read of a checkpoint. The model comes last: with it a folder is whole.
FILES = (
    CONFIG,
    *TOKENIZERS,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    MODEL,
)
SAVE = "open it with transformers where you trust it, and save_pretrained(FOLDER, {}) writes one model.safetensors"


def is_whole(folder: Path) -> bool:
    """Tell whether a folder has a configuration, a tokenizer and a model."""
    return lacking(folder) is None


def lacking(folder: Path) -> InputMissingError | None:
    """Say what a folder lacks to be a checkpoint that can be read, or None where it is one."""
    if not folder.is_dir():
        return InputMissingError(f"no such folder: {folder}", "name a folder with config.json and model.safetensors")

    def has(name: str) -> bool:
        return (folder / name).is_file()

    wrong = missing(has) or (without_model(has) if not has(MODEL) else None)
    return InputMissingError(f"{folder} {wrong[0]}", wrong[1]) if wrong else None


def missing(has: Callable[[str], bool]) -> tuple[str, str] | None:
    """What a place lacks beside the model, and what to do; None where nothing."""
    if not has(CONFIG):
        return f"has no {CONFIG}", "name the folder or repository that a checkpoint was saved to"
    if not any(map(has, TOKENIZERS)):
        return f"has no tokenizer, none of {', '.join(TOKENIZERS)}", "put the tokenizer's files beside the model"
    return None


def without_model(has: Callable[[str], bool]) -> tuple[str, str]:
    """Say what a place without model.safetensors has instead, and what to do."""
    if has(f"{MODEL}.index.json"):
        return (
            f"has its weights in several files ({MODEL}.index.json): only one {MODEL} is read",
            SAVE.format('max_shard_size="100GB"'),
        )
    if has("pytorch_model.bin"):
        return (
            f"has no {MODEL}, only pytorch_model.bin, which is a pickle: it can run any code, and is never read",
            SAVE.format("safe_serialization=True"),
        )
    if has(H5):
        return f"has no {MODEL}, only {H5}", "`emotion weights fetch org/name` converts it on its way from the hub"
    return f"has no {MODEL}", "only safetensors are read"
