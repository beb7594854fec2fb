"""Renders a job's manifest: kustomize builds a copy of jobs/ and k8s/ with two layers on top.

The run layer names the run. The cluster layer adds the overlay, the components and the command line's values, in this
order. There are two layers because a name suffix renames only lower layers. There is a copy because kustomize reads no
file outside of the folder that it renders.
"""

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emotion.cluster.gpus import adapt_components, gpu_cores_and_memory, gpu_limits, gpu_volumes
from emotion.cluster.job_spec import JobSpec, manifests_folder
from emotion.cluster.kubectl import kustomize
from emotion.cluster.labels import PARAMS_DIGEST, QUEUE
from emotion.errors import BadParametersError, UsageError
from emotion.models.registry import MODELS, jobs_folder, params_file
from emotion.params.grid import as_json

# File of a sweep's points in the Job's ConfigMap; k8s/components/sweep has the same name.
POINTS = "points.json"
# Characters that kustomize refuses or changes even if escaped; surrogates are bytes that are not UTF-8.
UNFIT = re.compile("[\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Rendered:
    """A rendered Job and its other objects; `yaml` has all of them, as a file for kubectl."""

    spec: JobSpec
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
        """The spec of the pods."""
        pod: dict[str, Any] = self.job["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> dict[str, Any]:
        """The container that runs `emotion`."""
        return main_container(self.pod)

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


def main_container(pod: dict[str, Any]) -> dict[str, Any]:
    """Find the container that runs `emotion`: an overlay may add other containers."""
    return next(container for container in pod["containers"] if container["name"] == "main")


def render(spec: JobSpec, folder: str = "") -> Rendered:
    """Render a checked spec; `folder` replaces jobs/<job> for a job without a folder.

    Raises:
        BadParametersError: kustomize refuses the overlay, or the result is not exactly one Job.
    """
    base = folder or f"jobs/{spec.job}"
    with tempfile.TemporaryDirectory(prefix="emotion-") as temporary:
        root = Path(temporary)
        for source in (jobs_folder(), manifests_folder()):
            shutil.copytree(source, root / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        adapt_components(spec, root / base, root / "k8s" / "components")
        if spec.points:
            _add_points(spec, root / base)
        _write(root / "run", _run_layer(spec, base))
        _write(root / "all", _cluster_layer(spec, root))
        text = kustomize(root / "all")
    objects = [found for found in yaml.safe_load_all(text) if found]
    jobs = [found for found in objects if found["kind"] == "Job"]
    if len(jobs) != 1:
        raise BadParametersError(f"the overlay makes {len(jobs)} Jobs of {spec.job} instead of one")
    return Rendered(spec, text, jobs[0], [found for found in objects if found["kind"] != "Job"])


def _add_points(spec: JobSpec, folder: Path) -> None:
    """Add the points of a sweep to the job's ConfigMap."""
    (folder / POINTS).write_text(as_json(spec.points), encoding="utf-8")
    content = yaml.safe_load((folder / "kustomization.yaml").read_text())
    content["configMapGenerator"][0]["files"].append(POINTS)
    _write(folder, content)


def _write(folder: Path, kustomization: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(_as_yaml(kustomization), encoding="utf-8")


def _run_layer(spec: JobSpec, base: str) -> dict[str, Any]:
    """The layer below the overlay: the run's name, and resources for several GPUs. An overlay may replace them."""
    container = _nonempty(resources=gpu_cores_and_memory(spec.gpus or 0))
    layer = {"resources": [f"../{base}"], "patches": [_job_patch(container, gpu_volumes(spec.gpus or 0))]}
    if spec.run:
        layer["nameSuffix"] = f"-{spec.run}"
        layer["labels"] = [{"pairs": {"app.kubernetes.io/instance": spec.run}, "includeTemplates": True}]
    return layer


def _options(spec: JobSpec) -> tuple[list[str], dict[str, str | None]]:
    """Options of `emotion` in the pods: command-line words and variables; None keeps the manifest's value."""
    if spec.trains:
        words = [word for setting in spec.settings for word in ("--set", setting)]
        # Every point of a sweep has its own run.
        run = None if spec.points else spec.run or None
        return words, {"EMOTION_DATA": f"/store/data/{spec.data}", "EMOTION_RUN": run}
    if spec.job == "prefetch":
        return _prefetch_words(spec), {}
    return [], spec.classify.variables


def _prefetch_words(spec: JobSpec) -> list[str]:
    """Arguments of `emotion prefetch`: models with weights (default: all), and whether to fetch data."""
    pretrained = [name for name in spec.models if MODELS[name].pretrained]
    no_weights = ["--no-weights"] if spec.models and not pretrained else []
    # The hub has only the data set `emotion`; `emotion put` brings other data sets.
    no_data = [] if spec.data == "emotion" else ["--no-data"]
    return [*pretrained, *no_weights, *no_data]


def _cluster_layer(spec: JobSpec, root: Path) -> dict[str, Any]:
    """The layer above the run: the overlay, the options' components, then the command line's values."""
    overlay = [f"overlays/{_copy_overlay(spec.overlay, root)}"] if spec.overlay is not None else []
    components = [*overlay, *(f"components/{name}" for name in _components(spec))]
    return {
        "resources": ["../run"],
        "components": [f"../k8s/{path}" for path in components],
        "patches": [_command_line_patch(spec)],
    }


def _components(spec: JobSpec) -> list[str]:
    """List the options' components. Component cpu removes the overlay's GPU."""
    wanted = {
        "cpu": spec.gpus == 0,
        "gpu": bool(spec.gpus),
        "spot": spec.spot,
        "kueue": spec.queue is not None,
        "multi-worker": spec.workers > 1,
        "sweep": bool(spec.points),
    }
    return [name for name, needed in wanted.items() if needed]


def _copy_overlay(folder: Path, root: Path) -> str:
    """Copy the overlay next to the others, where its relative paths lead to k8s/; return its name."""
    target = root / "k8s" / "overlays" / (folder.resolve().name or "overlay")
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(folder, target)
    return target.name


def _command_line_patch(spec: JobSpec) -> dict[str, Any]:
    """A patch with the command line's values, which no overlay changes."""
    pods = spec.workers if spec.workers > 1 else spec.classify.shards
    words, variables = _options(spec)
    if pods:
        variables["SHARDS" if spec.classify.shards else "EMOTION_WORKERS"] = str(pods)
    pods = pods or len(spec.points)
    container = _nonempty(
        image=spec.image,
        args=["train" if spec.trains else spec.job, *map(_escaped, words)] if words else [],
        env=_environment(variables),
        resources=_nonempty(limits=gpu_limits(spec)),
    )
    volumes = [{"name": "store", "persistentVolumeClaim": {"claimName": spec.claim}}] if spec.claim else []
    metadata = _nonempty(
        labels={QUEUE: spec.queue} if spec.queue else {},
        annotations={PARAMS_DIGEST: _params_digest(spec)} if spec.trains else {},
    )
    return _job_patch(container, volumes, metadata, pods, spec.max_parallel)


def _params_digest(spec: JobSpec) -> str:
    # The names of a sweep's runs contain digests of all parameters; their order does not matter.
    runs = " ".join(sorted(point.run for point in spec.points))
    return hashlib.sha256(params_file(spec.job).read_bytes() + runs.encode()).hexdigest()


def _job_patch(
    container: dict[str, Any],
    volumes: list[dict[str, Any]],
    metadata: dict[str, Any] | None = None,
    pods: int | None = None,
    parallel: int | None = None,
) -> dict[str, Any]:
    """A strategic-merge patch of the Job: containers, variables and volumes merge by name.

    `pods` is the number of completions, and `parallel` the highest number of pods at once (default: all).
    """
    pod = _nonempty(containers=[{"name": "main", **container}], volumes=volumes)
    patch = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "any", **(metadata or {})},
        "spec": {
            **_nonempty(completions=pods, parallelism=pods and min(pods, parallel or pods)),
            "template": {"spec": pod},
        },
    }
    return {"target": {"kind": "Job"}, "patch": _as_yaml(patch)}


def _as_yaml(content: dict[str, Any]) -> str:
    """Write JSON, which is YAML except for escaped surrogate pairs: such characters stay unescaped.

    Raises:
        UsageError: kustomize refuses or changes a character.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    if unfit := UNFIT.search(text):
        raise UsageError(
            f"the command line has the character {unfit[0]!a}, which a manifest cannot hold",
            "use UTF-8 without control characters",
        )
    return text


def _nonempty(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _environment(variables: dict[str, str | None]) -> list[dict[str, str]]:
    return [{"name": name, "value": _escaped(value)} for name, value in variables.items() if value is not None]


def _escaped(text: str) -> str:
    """Escape text: Kubernetes replaces $(X) by the variable X, and $$ by $."""
    return text.replace("$", "$$")
