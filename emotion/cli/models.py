"""`emotion models`: what can be trained."""

from emotion.cli import console
from emotion.cli.options import DEFAULT_STORE, JsonOption, StoreOption


def models(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the models: what they are, how large, and whether what they start from is in the store.

    Parameters are counted for the reference task: a vocabulary of 8,126 words and six labels.

    [bold]Example[/]

      emotion models --json
    """
    from emotion.doctor import checkpoint_present
    from emotion.models.registry import MODELS
    from emotion.store import Store

    records = [
        {
            "name": info.name,
            "description": info.description,
            "parameters": {"total": info.parameters, "trainable": info.parameters},
            "checkpoint": info.checkpoint,
            "present": checkpoint_present(info, Store(store)),
        }
        for info in MODELS.values()
    ]
    if as_json:
        console.data_json(records)
        return
    rows = [
        (
            info.name,
            info.description,
            f"{info.parameters:,}",
            _start(info.checkpoint, present=bool(record["present"])),
        )
        for info, record in zip(MODELS.values(), records, strict=True)
    ]
    console.table("", ["model", "what it is", "parameters", "starts from"], rows, numbers=2)


def _start(checkpoint: str | None, *, present: bool) -> str:
    if checkpoint is None:
        return "scratch"
    return checkpoint if present else f"{checkpoint} (absent)"
