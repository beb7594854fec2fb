"""Options of the commands that drive a cluster, each written once."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from emotion.cluster.kubectl import DEFAULT_NAMESPACE, Kubectl

if TYPE_CHECKING:
    from emotion.cluster.job_spec import JobSpec


@dataclass(frozen=True)
class ClusterOptions:
    """Options that choose a cluster and a namespace."""

    namespace: Annotated[
        str, typer.Option("--namespace", "-n", envvar="EMOTION_NAMESPACE", help="Where the setup was applied.")
    ] = DEFAULT_NAMESPACE
    context: Annotated[
        str | None, typer.Option(envvar="EMOTION_CONTEXT", help="kubectl's context [dim](default: the current one)[/].")
    ] = None

    @property
    def kubectl(self) -> Kubectl:
        """Give kubectl for this namespace."""
        return Kubectl(self.namespace, self.context)

    @property
    def flags(self) -> str:
        """The options as part of a command line for people, with a space in front; "" where all are defaults."""
        return self.kubectl.flags


@dataclass(frozen=True)
class PodOptions(ClusterOptions):
    """Options of the commands that create pods."""

    store_claim: Annotated[
        str | None,
        typer.Option(
            metavar="CLAIM", envvar="EMOTION_STORE_CLAIM", help="Claim of the store [dim](default: emotion)[/]."
        ),
    ] = None
    overlay: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            envvar="EMOTION_OVERLAY",
            help="What your cluster needs: local, cluster, or a copy of that folder.",
        ),
    ] = None
    image: Annotated[str | None, typer.Option(help="Image [dim](default: k8s/components/images)[/].")] = None

    @property
    def pod_flags(self) -> str:
        """Like `flags`, with the store's claim and the overlay, for commands that create pods of the same store."""
        named = {"--store-claim": self.store_claim, "--overlay": self.overlay}
        given = (f" {option} {shlex.quote(value)}" for option, value in named.items() if value)
        return self.flags + "".join(given)

    def job_spec(self, job: str) -> "JobSpec":
        """Specify a job with these options."""
        from emotion.cluster.job_spec import JobSpec, find_overlay

        overlay = find_overlay(self.overlay) if self.overlay else None
        return JobSpec(job, claim=self.store_claim, image=self.image, overlay=overlay)


Data = Annotated[str, typer.Option(metavar="NAME", help="Data set of the store: what [bold]emotion put[/] was given.")]
ClassifyImage = Annotated[str | None, typer.Option(help="Image that compares and moves files.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs a pod; 0 is none [dim](default: 1 for transformers)[/].")]
GpuResource = Annotated[
    str,
    typer.Option(
        metavar="NAME", envvar="EMOTION_GPU_RESOURCE", help="Resource of a GPU, such as nvidia.com/mig-1g.10gb."
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Pods that train one model together.")]
Queue = Annotated[str | None, typer.Option(envvar="EMOTION_QUEUE", help="Kueue's queue.")]
Spot = Annotated[bool, typer.Option("--spot", help="Run only on spot nodes.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override one training parameter; repeatable."),
]
Seeds = Annotated[str, typer.Option(metavar="N-M", help="Train once per seed: 1-3, or 1,5,9.")]
MaxParallel = Annotated[int | None, typer.Option(min=1, help="Points at work at once [dim](default: all)[/].")]
InCluster = Annotated[
    bool, typer.Option("--cluster", help="In the store of a cluster, through a pod that is removed afterwards.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
