"""`emotion prefetch`: fetches data and weights into the store; no other command needs a network."""

from typing import Annotated

import typer

from emotion.cli import console, weights
from emotion.cli.options import DEFAULT_STORE, StoreOption
from emotion.models.registry import find_model


def prefetch(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Models that will be trained [dim](default: all)[/]."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    data: Annotated[bool, typer.Option("--data/--no-data", help="Fetch the emotion data set.")] = True,
    pretrained: Annotated[bool, typer.Option("--weights/--no-weights", help="Fetch checkpoints.")] = True,
) -> None:
    """Fetch the emotion data set and the models' checkpoints into the store.

    Skips files that exist and are right.
    The cluster's prefetch job runs this command.
    See also [bold]emotion data fetch[/] and [bold]emotion weights fetch[/].

    [bold]Examples[/]

      emotion prefetch --store store

      emotion prefetch bert minilm --no-data
    """
    from emotion.data.fetch import fetch

    chosen = [find_model(name) for name in models or []]
    if data:
        folder = store / "data" / "emotion"
        fetched = fetch(folder, None, force=False, on_step=console.say)
        console.say(f"wrote {folder}" if fetched.written else f"{folder} has the data: nothing to do")
        for file in fetched.different:
            console.warn(f"{file} is not the original")
    names = [info.name for info in chosen if info.pretrained]
    if pretrained and (names or not chosen):
        weights.fetch(names or None, store)
