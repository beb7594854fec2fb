"""Fetches the `emotion` data set from the Hugging Face hub and compares it with the published digests."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.data.origin import LICENCE, PUBLISHED, REPOSITORY, SOURCE
from emotion.data.parquet import read_columns
from emotion.data.split_files import SPLITS
from emotion.data.write import FILES, as_lines, check_overwrite, found_digests, read_card, write_splits
from emotion.errors import BadDataError
from emotion.hub import prepare_client, probe_file, translate_errors
from emotion.reader import for_reader

# Label names by number, for a copy without names.
LABELS = ("sadness", "joy", "love", "anger", "fear", "surprise")
BY_HAND = (
    f"fetch it manually: download the three files in split/ of {SOURCE}, put them into the folder as"
    " train.parquet, validation.parquet and test.parquet (or as .txt with text;label lines), then run"
    " `emotion data check`; `emotion data sample` generates a corpus without a network"
)

SUBMITTER_HINT = (
    "name a mirror as HF_ENDPOINT in the ConfigMap hub; or upload the data from another machine:"
    " emotion put DIR emotion{flags}"
)


@dataclass(frozen=True)
class Fetched:
    """The card of the files, and whether this fetch wrote the files."""

    card: dict[str, Any]
    written: bool

    @property
    def different(self) -> list[str]:
        """Files with a digest that differs from the published digest."""
        return [file for file, digests in self.card["sha256"].items() if not digests["equal"]]


def fetch(folder: Path, revision: str | None, *, force: bool, on_step: Callable[[str], None]) -> Fetched:
    """Write train.txt, validation.txt and test.txt with their card. `on_step` gets one line per step.

    Raises:
        UsageError: the folder has other files with these names, and `force` is not set.
        UnavailableError: the hub cannot be reached, or has no such revision.
        BadDataError: `text;label` lines cannot hold the hub's copy.
        CannotWriteError: the folder, or the hub's cache, cannot be written.
    """
    found = found_digests(folder)
    card = read_card(folder)
    if found == PUBLISHED or _is_ours(card, found, revision):
        return Fetched(_card(str(card.get("revision", "")), found), written=False)
    check_overwrite(folder, PUBLISHED, force=force)
    parquet = _download(revision or "main", on_step)
    contents = {FILES[split]: as_lines(FILES[split], _rows(parquet[split])) for split in SPLITS}
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    check_overwrite(folder, digests, force=force)
    card = _card(_commit(parquet["train"]), digests)
    write_splits(folder, contents, card)
    return Fetched(card, written=True)


def _is_ours(card: dict[str, Any], found: dict[str, str], revision: str | None) -> bool:
    """Whether an earlier fetch wrote these files, although they differ from the published files."""
    return found.keys() == PUBLISHED.keys() and card == _card(revision or str(card.get("revision")), found)


def _card(revision: str, digests: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "emotion",
        "sample": False,
        "source": SOURCE,
        "revision": revision,
        "licence": LICENCE,
        "sha256": {
            file: {"published": published, "found": digests[file], "equal": digests[file] == published}
            for file, published in PUBLISHED.items()
        },
    }


def _rows(path: Path) -> list[tuple[str, str]]:
    rows = []
    for number, (text, label) in enumerate(read_columns(path, "text", "label"), start=1):
        name = LABELS[label] if isinstance(label, int) and 0 <= label < len(LABELS) else label
        if not (isinstance(text, str) and isinstance(name, str)):
            raise BadDataError(f"{path}: row {number} is not text and label: {text!r:.40}, {label!r:.40}")
        rows.append((text, name))
    return rows


def _download(revision: str, on_step: Callable[[str], None]) -> dict[str, Path]:
    """Give the paths of one commit's three Parquet files, from the hub or from the client's cache."""
    prepare_client()
    with translate_errors(REPOSITORY, for_reader(BY_HAND, SUBMITTER_HINT)):
        local = probe_file(REPOSITORY, _hub_path("train"), revision, "dataset", on_step) is None
        first, *others = SPLITS
        files = {first: _file(first, revision, on_step, local=local)}
        # All files are from the same commit, although the branch may move meanwhile.
        commit = _commit(files[first])
        return files | {split: _file(split, commit, on_step, local=local) for split in others}


def _file(split: str, revision: str, on_step: Callable[[str], None], *, local: bool) -> Path:
    from huggingface_hub import hf_hub_download

    on_step(f"{'looking for' if local else 'fetching'} {split} at {revision}")
    path = hf_hub_download(REPOSITORY, _hub_path(split), repo_type="dataset", revision=revision, local_files_only=local)
    return Path(path)


def _commit(path: Path) -> str:
    """Give the commit of a file in the client's cache. Its path ends in snapshots/<commit>/split/<file>."""
    return path.parts[-3]


def _hub_path(split: str) -> str:
    return f"split/{split}-00000-of-00001.parquet"
