"""The tokenizer of a pretrained model: the vocabulary comes with the model; the data decides the length.

Transformers with random weights learn their vocabulary in `wordpiece.py`, ANN and LSTM in `vocabulary.py`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from emotion.errors import BadDataError, BadParametersError
from emotion.store.atomic import write_bytes, write_text
from emotion.store.scratch import scratch_folder

# Without a length in the parameters, this percentage of train's texts fits into the chosen length.
FITTING = 99.5
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


@dataclass(frozen=True)
class PretrainedTokenizer:
    """A tokenizer of the `tokenizers` library with its transformers wrapper; it cuts texts to `max_length`."""

    backend: Tokenizer
    wrapped: Any
    max_length: int

    @property
    def unknown_id(self) -> int | None:
        """The id of unknown text; None for a byte-level tokenizer."""
        found = self.wrapped.unk_token_id
        return int(found) if found is not None else None

    def save(self, folder: Path, inputs: Sequence[str]) -> None:
        """Write tokenizer.json, with cutting and padding, and other files for AutoTokenizer.

        `inputs` are the names of the model's inputs: by default, ALBERT's tokenizer gives no token types.
        """
        self.wrapped.model_max_length = self.max_length
        self.wrapped.model_input_names = self.wrapped.init_kwargs["model_input_names"] = list(inputs)
        # The saved tokenizer must not contain options of this loading.
        for key in ("local_files_only", "is_local", "trust_remote_code"):
            self.wrapped.init_kwargs.pop(key, None)
        with scratch_folder() as scratch:
            self.wrapped.save_pretrained(scratch)
            for path in scratch.iterdir():
                if path.name != "tokenizer.json":
                    write_bytes(folder / path.name, path.read_bytes())
        write_text(folder / "tokenizer.json", self.backend.to_str(pretty=True))


def load_tokenizer(folder: Path, vocabulary: int, most: int, wanted: int, texts: Sequence[str]) -> PretrainedTokenizer:
    """Load the tokenizer in `folder` for a model with `vocabulary` ids and at most `most` tokens per text.

    Texts are cut to `wanted` tokens, including special tokens; 0 means the length that fits 99.5 % of `texts`.

    Raises:
        BadDataError: the tokenizer is damaged, or has ids outside of the model's vocabulary.
        BadParametersError: as in `fit_tokenizer`.
    """
    wrapped = _load(folder)
    largest = max(wrapped.backend_tokenizer.get_vocab(with_added_tokens=True).values())
    if largest >= vocabulary:
        raise BadDataError(
            f"{folder}: the tokenizer has ids up to {largest}, but config.json has a vocabulary of {vocabulary}",
            "they belong to different checkpoints: fetch the checkpoint again",
        )
    if wrapped.pad_token_id is None:
        raise BadDataError(f"{folder}: the tokenizer has no padding token", "fetch the checkpoint again")
    return fit_tokenizer(wrapped, most, wanted, texts)


def fit_tokenizer(wrapped: Any, most: int, wanted: int, texts: Sequence[str]) -> PretrainedTokenizer:
    """Make a transformers tokenizer cut texts to `wanted` tokens; 0 means the length that fits 99.5 % of `texts`.

    Raises:
        BadParametersError: `wanted` is more than `most`, or leaves room only for special tokens.
    """
    if wanted > most:
        raise BadParametersError(
            f"[text] max_length is {wanted}, but the model reads at most {most} tokens",
            f"set max_length to {most} or less, or to 0 for a length from the data",
        )
    backend: Tokenizer = wrapped.backend_tokenizer
    specials = backend.num_special_tokens_to_add(is_pair=False)
    if 0 < wanted <= specials:
        raise BadParametersError(
            f"[text] max_length is {wanted}, but every text has {specials} special tokens",
            f"set max_length to {specials + 1} or more, or to 0 for a length from the data",
        )
    backend.no_truncation()
    backend.no_padding()
    length = wanted or min(_fitting(backend, texts), most)
    backend.enable_truncation(length)
    backend.enable_padding(pad_id=wrapped.pad_token_id, pad_token=str(wrapped.pad_token))
    return PretrainedTokenizer(backend, wrapped, length)


def _load(folder: Path) -> Any:
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise BadDataError(f"{folder} has no tokenizer", f"a checkpoint has one of {', '.join(TOKENIZER_FILES)}")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers import AutoTokenizer

    try:
        wrapped = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        wrapped.backend_tokenizer.encode("a trial")
    except BaseException as error:  # a panic in the Rust library is a BaseException
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BadDataError(
            f"{folder}: the tokenizer cannot be loaded: {' '.join(str(error).split())[:300]}",
            "fetch the checkpoint again",
        ) from error
    return wrapped


def _fitting(backend: Tokenizer, texts: Sequence[str]) -> int:
    lengths = [len(encoding) for encoding in backend.encode_batch_fast(list(texts))]
    return max(int(np.percentile(lengths, FITTING, method="inverted_cdf")), 2)
