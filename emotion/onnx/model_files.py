"""Reads a model's files once, and compares them with the digests from their export."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from emotion.errors import BadDataError
from emotion.onnx.digests import read_digests
from emotion.records.text_io import stamp, unreadable

TOKENIZER = "tokenizer.json"
CONFIG = "config.json"


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model: content of small files, and path of the graph.

    `digest` is the SHA-256 over the bytes of graph, tokenizer.json and config.json, as 64 hex digits. `verified` is
    True if all files have the digests from their export. `graph_stamp` is the graph's `stamp` before reading.
    """

    graph: Path
    tokenizer: bytes
    config: bytes
    digest: str
    verified: bool
    graph_stamp: tuple[int, int, int]

    def check_unchanged(self) -> None:
        """Check, after opening the graph, that its digest belongs to the same bytes.

        The graph may have a gigabyte, so it is read twice instead of kept in memory.

        Raises:
            BadDataError: another process has changed the graph meanwhile.
        """
        if stamp(self.graph) != self.graph_stamp:
            raise BadDataError(f"{self.graph} changed while it was read", "start again when the file is complete")


def read_files(graph: Path) -> ModelFiles:
    """Read the files of the model with the graph `graph`.

    Raises:
        InputMissingError: a file cannot be read.
        BadDataError: a file has changed since its export, or the file of digests is damaged.
    """
    digests = read_digests(graph.parent)
    tokenizer, config = graph.with_name(TOKENIZER), graph.with_name(CONFIG)
    graph_stamp = stamp(graph)
    whole = _hashed(graph)
    found = {graph: whole.hexdigest()}
    contents = {}
    for path in (tokenizer, config):
        contents[path] = _read(path)
        found[path] = hashlib.sha256(contents[path]).hexdigest()
        whole.update(contents[path])
    if digests is not None:
        for path, digest in found.items():
            digests.check(path, digest)
    return ModelFiles(graph, contents[tokenizer], contents[config], whole.hexdigest(), digests is not None, graph_stamp)


def _hashed(path: Path) -> "hashlib._Hash":
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise unreadable(path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
