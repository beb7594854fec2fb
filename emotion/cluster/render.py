"""Renders an order, in a copy of jobs/ and k8s/ with two kustomizations on top: one names the run, one adds parts.

kustomize takes nothing from outside of the folder that it renders, and renames what is below a suffix: so the copy,
and so the two.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emotion.cluster.job_spec import JobSpec, manifests_folder
from emotion.cluster.kubectl import kustomize
from emotion.errors import BadParametersError
from emotion.models.registry import MODELS, jobs_folder

Patch = dict[str, Any]
CONTAINER = "/spec/template/spec/containers/0"
# The places of what the base's args leave to be said.
DATA = 5
SOURCE, OUTPUT = 1, 2
QUEUE = "kueue.x-k8s.io/queue-name"


@dataclass(frozen=True)
class Rendered:
    """One job as the cluster gets it: the Job, and what goes with it; `yaml` is all of it, as a file for kubectl."""

    order: JobSpec
    yaml: str
    job: dict[str, Any]
    others: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The Job's name."""
        name: str = self.job["metadata"]["name"]
        return name

    @property
    def pod(self) -> dict[str, Any]:
        """The pods' spec."""
        pod: dict[str, Any] = self.job["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> dict[str, Any]:
        """The container that does the work."""
        container: dict[str, Any] = self.pod["containers"][0]
        return container

    @property
    def claim(self) -> str:
        """The claim of the store."""
        claims = [
            volume["persistentVolumeClaim"] for volume in self.pod["volumes"] if "persistentVolumeClaim" in volume
        ]
        return str(claims[0]["claimName"])

    @property
    def queue(self) -> str:
        """Kueue's queue, or nothing."""
        return str(self.job["metadata"]["labels"].get(QUEUE, ""))


def render(order: JobSpec, folder: str = "") -> Rendered:
    """Render an order, checked before; `folder` is what is rendered where it is no job of jobs/.

    Raises:
        BadParametersError: kustomize refuses the overlay, or the overlay makes no Job of it.
    """
    with tempfile.TemporaryDirectory(prefix="emotion-") as temporary:
        root = Path(temporary)
        _copy(root)
        _write(root / "run", _run_layer(order, folder or f"jobs/{order.job}"))
        _write(root / "all", _parts_layer(order, root))
        text = kustomize(root / "all")
    objects = [each for each in yaml.safe_load_all(text) if each]
    jobs = [each for each in objects if each["kind"] == "Job"]
    if len(jobs) != 1:
        raise BadParametersError(f"the overlay makes {len(jobs)} Jobs of {order.job}, where one was expected")
    return Rendered(order, text, jobs[0], [each for each in objects if each["kind"] != "Job"])


def _copy(root: Path) -> None:
    for folder in (jobs_folder(), manifests_folder()):
        shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("__pycache__"))


def _write(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir()
    # JSON is YAML.
    (folder / "kustomization.yaml").write_text(json.dumps(content, indent=2))


def _run_layer(order: JobSpec, folder: str) -> dict[str, Any]:
    """Names the run, and says what it is about."""
    layer: dict[str, Any] = {"resources": [f"../{folder}"], "patches": _patches(_about(order))}
    if order.run:
        layer["nameSuffix"] = f"-{order.run}"
        layer["labels"] = [{"pairs": {"app.kubernetes.io/instance": order.run}, "includeTemplates": True}]
    return layer


def _about(order: JobSpec) -> list[Patch]:
    """Patches of the arguments."""
    if order.trains:
        said = [_replace(f"args/{DATA}", f"/store/data/{order.data}")]
        return [*said, *_append(*(("--run", order.run) if order.run else ()), *_pairs("--set", order.settings))]
    if order.job == "prefetch":
        fetched = [name for name in order.models if MODELS[name].pretrained]
        return _append(*fetched, *(() if fetched or not order.models else ("--no-weights",)), *_own_data(order))
    if order.job == "classify":
        return _shares(order)
    return []


def _own_data(order: JobSpec) -> tuple[str, ...]:
    """Prefetch brings the one data set that it knows; any other is put by hand."""
    return () if order.data == "emotion" else ("--no-data",)


def _shares(order: JobSpec) -> list[Patch]:
    places = (
        {SOURCE: f"/store/inputs/{order.source}", OUTPUT: f"/store/predictions/{order.source}"} if order.source else {}
    )
    patches = [_replace(f"args/{place}", value) for place, value in places.items()]
    return [*patches, *(_append(f"--model={order.model}") if order.model else [])]


def _pairs(option: str, values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _replace(place: str, value: Any) -> Patch:
    return {"op": "replace", "path": f"{CONTAINER}/{place}", "value": value}


def _append(*words: str) -> list[Patch]:
    # The cluster puts the variable x in the place of $(x), and $ in that of $$.
    return [{"op": "add", "path": f"{CONTAINER}/args/-", "value": word.replace("$", "$$")} for word in words]


def _patches(operations: list[Patch] | dict[str, Any]) -> list[dict[str, Any]]:
    return [{"target": {"kind": "Job"}, "patch": json.dumps(operations)}] if operations else []


def _parts_layer(order: JobSpec, root: Path) -> dict[str, Any]:
    """Adds components and the overlay; what the person said on the command line comes last."""
    overlay = [f"overlays/{_copy_overlay(order.overlay, root)}"] if order.overlay is not None else []
    parts = [f"../k8s/{part}" for part in (*overlay, *(f"components/{name}" for name in _components(order)))]
    return {"resources": ["../run"], "components": parts, "patches": _patches(_said(order))}


def _components(order: JobSpec) -> list[str]:
    """What the options add. A GPU that the job or the overlay has is taken off before any is added."""
    wanted = {
        "cpu": order.gpus is not None,
        "gpu": bool(order.gpus),
        "multi-gpu": (order.gpus or 0) > 1,
        "spot": order.spot,
        "kueue": order.queue is not None,
        "multi-worker": order.workers > 1,
    }
    return [name for name, needed in wanted.items() if needed]


def _copy_overlay(folder: Path, root: Path) -> str:
    """Put the overlay where its like is, so that what it names beside itself is found."""
    target = root / "k8s" / "overlays" / (folder.resolve().name or "overlay")
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(folder, target)
    return target.name


def _said(order: JobSpec) -> dict[str, Any]:
    """A patch with all that the command line says of how the job runs."""
    container: dict[str, Any] = {"name": "main", **({"image": order.image} if order.image else {})}
    if order.gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(order.gpus)}}
    pods = order.workers if order.workers > 1 else order.shards
    if pods:
        container["env"] = [{"name": "SHARDS" if order.shards else "EMOTION_WORKERS", "value": str(pods)}]
    store = [{"name": "store", "persistentVolumeClaim": {"claimName": order.claim}}] if order.claim else []
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "any", **({"labels": {QUEUE: order.queue}} if order.queue else {})},
        "spec": {
            **({"completions": pods, "parallelism": pods} if pods else {}),
            "template": {"spec": {"containers": [container], **({"volumes": store} if store else {})}},
        },
    }
