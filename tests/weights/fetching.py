"""Fetching a toy checkpoint as a person does, in a process of its own."""

import hashlib
import json
import subprocess

from emotion.store.layout import Store
from emotion.weights.known import PretrainedModel
from tests.hub import Hub, run

TOY = "org/toy"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetch(
    hub: Hub,
    store: Store,
    *arguments: str,
    known: PretrainedModel | None = None,
    home: str = "cache",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run `emotion weights fetch`; `known` is what the table has of the toy checkpoint."""
    script = f"from emotion.weights.known import *\nCHECKPOINTS['{TOY}'] = {known!r}" if known else ""
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


def read_manifest(store: Store) -> dict[str, object]:
    content: dict[str, object] = json.loads((store.checkpoint(TOY) / "weights.json").read_bytes())
    return content
