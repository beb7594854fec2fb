"""Options of the commands that drive a cluster, written once."""

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
        str, typer.Option("--namespace", "-n", envvar="EMOTION_NAMESPACE", help="Namespace with the setup.")
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
        """The options as part of a command line, with a space in front; "" if all are defaults."""
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
            help="Overlay for your cluster: local, cluster, or a folder like k8s/overlays/cluster.",
        ),
    ] = None
    image: Annotated[str | None, typer.Option(help="Image [dim](default: k8s/components/images)[/].")] = None

    @property
    def pod_flags(self) -> str:
        """Like `flags`, plus claim and overlay, for commands that create pods with the same store."""
        named = {"--store-claim": self.store_claim, "--overlay": self.overlay}
        given = (f" {option} {shlex.quote(value)}" for option, value in named.items() if value)
        return self.flags + "".join(given)

    def job_spec(self, job: str) -> "JobSpec":
        """Specify a job with these options."""
        from emotion.cluster.job_spec import JobSpec, find_overlay

        overlay = find_overlay(self.overlay) if self.overlay else None
        return JobSpec(job, claim=self.store_claim, image=self.image, overlay=overlay)


Data = Annotated[str, typer.Option(metavar="NAME", help="Data set in the store, as named for [bold]emotion put[/].")]
ClassifyImage = Annotated[str | None, typer.Option(help="Image that compares and moves files.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs per pod [dim](default: 1 for transformers, else 0)[/].")]
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
MaxParallel = Annotated[
    int | None, typer.Option(min=1, help="Points that train at the same time [dim](default: all)[/].")
]
InCluster = Annotated[bool, typer.Option("--cluster", help="Use a cluster's store, through a temporary pod.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
