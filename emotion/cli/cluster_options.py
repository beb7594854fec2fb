"""Options of the commands that drive a cluster, each written once."""

from pathlib import Path
from typing import Annotated

import typer

NAMESPACE = "emotion"
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", envvar="EMOTION_NAMESPACE", help="Where the setup was applied.")
]
Context = Annotated[
    str | None, typer.Option(envvar="EMOTION_CONTEXT", help="kubectl's context [dim](default: the current one)[/].")
]
StoreClaim = Annotated[
    str | None,
    typer.Option(metavar="CLAIM", envvar="EMOTION_STORE_CLAIM", help="Claim of the store [dim](default: emotion)[/]."),
]
Overlay = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        envvar="EMOTION_OVERLAY",
        help="What your cluster needs: local, cluster, or a copy of that folder.",
    ),
]
Data = Annotated[str, typer.Option(metavar="NAME", help="Data set of the store: what [bold]emotion put[/] was given.")]
Image = Annotated[str | None, typer.Option(help="Image [dim](default: k8s/components/images)[/].")]
ClassifyImage = Annotated[str | None, typer.Option(help="Image that compares and moves files.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs a pod; 0 is none [dim](default: 1 for transformers)[/].")]
Workers = Annotated[int, typer.Option(min=1, help="Pods that train one model together.")]
Queue = Annotated[str | None, typer.Option(envvar="EMOTION_QUEUE", help="Kueue's queue.")]
Spot = Annotated[bool, typer.Option("--spot", help="On spot nodes alone.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one training parameter; repeatable."),
]
InCluster = Annotated[
    bool, typer.Option("--cluster", help="In the store of a cluster, through a pod that is removed afterwards.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def overlay_folder(name: str | None) -> Path | None:
    """The overlay's folder."""
    from emotion.cluster.job_spec import find_overlay

    return find_overlay(name) if name else None
