"""Toy weights on a hub of our own: fetched as a person does, in a process of its own, and found."""

import hashlib
import json
import subprocess
from contextlib import AbstractContextManager

from emotion.store.layout import Store
from emotion.weights.catalog import PretrainedModel
from emotion.weights.find import Weights, find_weights
from emotion.weights.verify import Manifest
from tests.hub import COMMIT, TOY_FILES, Hub, Repository, run, serving

TOY = "org/toy"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


DIGESTS = {name: digest(content) for name, content in TOY_FILES.items()}


def serving_toy() -> AbstractContextManager[Hub]:
    """Serve the toy weights, and files beside them that no fetch needs."""
    unneeded = {"README.md": b"read me", "pytorch_model.bin": b"pickle"}
    return serving({f"/{TOY}": Repository(TOY_FILES | unneeded)})


def fetch(
    hub: Hub,
    store: Store,
    *arguments: str,
    known: PretrainedModel | None = None,
    home: str = "cache",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run `emotion weights fetch`; `known` is the catalog's entry of the toy weights."""
    script = f"from emotion.weights.catalog import *\nPRETRAINED['{TOY}'] = {known!r}" if known else ""
    options = ["--store", str(store.folder), "--json"]
    return run(
        hub.endpoint,
        store.folder.parent / home,
        "weights",
        "fetch",
        *(arguments or [TOY]),
        *options,
        script=script,
        **environment,
    )


def find(store: Store, name: str = TOY, revision: str = "") -> Weights:
    return find_weights(name, revision, store, lambda _line: None)


def make_manifest(files: dict[str, str] = DIGESTS, revision: str = COMMIT) -> Manifest:
    return Manifest(repository=TOY, revision=revision, asked="main", files=files, verified=[], unverified=list(files))


def read_manifest(store: Store) -> dict[str, object]:
    content: dict[str, object] = json.loads((store.pretrained(TOY) / "weights.json").read_bytes())
    return content
