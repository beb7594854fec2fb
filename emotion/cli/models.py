"""`emotion models`: lists the models."""

from typing import Any

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from emotion.models.registry import MODELS, ModelInfo
from emotion.store.layout import Store


def models(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the models with their sizes and the location of their checkpoints.

    Parameters are counted for six labels and for 8,126 words or the checkpoint's own vocabulary.
    A checkpoint is in the store, in an installed package, in the hub client's cache, or absent.
    `emotion weights fetch` fetches absent checkpoints.

    [bold]Example[/]

      emotion models --json
    """
    records = [_record(info, Store(store)) for info in MODELS.values()]
    if as_json:
        console.data_json(records)
        return
    rows = [
        (record["name"], record["description"], _start(record), f"{record['parameters']['total']:,}")
        for record in records
    ]
    console.table("", ["model", "description", "starts from", "parameters"], rows, numbers=1)


def _record(info: ModelInfo, store: Store) -> dict[str, Any]:
    from emotion.weights.locate import locate_weights

    location = locate_weights(info.pretrained.reference, store) if info.pretrained else None
    return {
        "name": info.name,
        "description": info.description,
        "parameters": {"total": info.parameters, "trainable": info.parameters},
        "checkpoint": info.pretrained.repository if info.pretrained else None,
        "present": info.pretrained is None or location is not None,
        "source": location.source if location else None,
    }


def _start(record: dict[str, Any]) -> str:
    return f"{record['checkpoint']} ({record['source'] or 'absent'})" if record["checkpoint"] else "scratch"
