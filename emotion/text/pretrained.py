"""The tokenizer of a checkpoint: loaded by transformers, cut to a length that the data asks for, saved again."""

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

# Of train's texts so many per cent fit into the length that is taken where none is given.
FITTING = 99.5
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


@dataclass(frozen=True)
class PretrainedTokenizer:
    """A tokenizer as the `tokenizers` library runs it, and as transformers saves it. Cuts to `max_length`."""

    backend: Tokenizer
    wrapped: Any
    max_length: int

    @property
    def unknown_id(self) -> int | None:
        """What stands for text that the tokenizer does not know; one of bytes has none."""
        found = self.wrapped.unk_token_id
        return int(found) if found is not None else None

    def save(self, folder: Path, inputs: Sequence[str]) -> None:
        """Write tokenizer.json, with cutting and padding in it, and what AutoTokenizer reads beside it.

        `inputs` are the names of what the model takes: ALBERT's gives no token types of its own accord.
        """
        self.wrapped.model_max_length = self.max_length
        self.wrapped.model_input_names = self.wrapped.init_kwargs["model_input_names"] = list(inputs)
        # How it was loaded here is nothing for those who load it next.
        for key in ("local_files_only", "is_local", "trust_remote_code"):
            self.wrapped.init_kwargs.pop(key, None)
        with scratch_folder() as drafts:
            self.wrapped.save_pretrained(drafts)
            for path in drafts.iterdir():
                if path.name != "tokenizer.json":
                    write_bytes(folder / path.name, path.read_bytes())
        write_text(folder / "tokenizer.json", self.backend.to_str(pretty=True))


def load_tokenizer(folder: Path, vocabulary: int, most: int, wanted: int, texts: Sequence[str]) -> PretrainedTokenizer:
    """Load a checkpoint's tokenizer for a model of `vocabulary` ids and at most `most` tokens a text.

    `wanted` tokens are taken, special ones counted; with 0 as many as 99.5 % of `texts` need.

    Raises:
        BadDataError: the tokenizer is damaged, or has ids that the model does not.
        BadParametersError: as `fit_tokenizer`.
    """
    wrapped = _load(folder)
    largest = max(wrapped.backend_tokenizer.get_vocab(with_added_tokens=True).values())
    if largest >= vocabulary:
        raise BadDataError(
            f"{folder}: the tokenizer has ids up to {largest}, and config.json a vocabulary of {vocabulary}",
            "they are of different checkpoints: fetch the checkpoint again",
        )
    if wrapped.pad_token_id is None:
        raise BadDataError(f"{folder}: the tokenizer has no padding token", "fetch the checkpoint again")
    return fit_tokenizer(wrapped, most, wanted, texts)


def fit_tokenizer(wrapped: Any, most: int, wanted: int, texts: Sequence[str]) -> PretrainedTokenizer:
    """Have a tokenizer of transformers cut texts to `wanted` tokens, or with 0 to what 99.5 % of `texts` need.

    Raises:
        BadParametersError: more tokens are wanted than the model has positions for, or no more than special ones.
    """
    if wanted > most:
        raise BadParametersError(
            f"[text] max_length is {wanted}, and the model has positions for {most} tokens",
            f"set it to {most} or less, or to 0 to have it chosen from the data",
        )
    backend: Tokenizer = wrapped.backend_tokenizer
    specials = backend.num_special_tokens_to_add(is_pair=False)
    if 0 < wanted <= specials:
        raise BadParametersError(
            f"[text] max_length is {wanted}, and {specials} of a text's tokens are special tokens",
            f"set it to {specials + 1} or more, or to 0 to have it chosen from the data",
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
    except BaseException as error:  # the Rust library panics with a BaseException of its own
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
