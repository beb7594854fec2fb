"""The specification of a job: its name and options, checked before rendering."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from emotion.cluster.classify_options import ClassifyOptions, check_options
from emotion.cluster.labels import GPU
from emotion.errors import InputMissingError, UsageError
from emotion.models.registry import MODELS, jobs_folder, params_file
from emotion.params.grid import Point, load_grid
from emotion.params.schema import AnyParams
from emotion.params.toml import load_params
from emotion.store.layout import RUN_NAME

# Jobs that train no model.
OTHER_JOBS = ("prefetch", "aggregate", "classify")
# A folder of the store with data or inputs.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# A DNS label: the name of a queue.
LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
# A device plugin's resource, such as nvidia.com/mig-1g.10gb.
RESOURCE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
HIGHEST = {"gpus": 64, "workers": 64, "shards": 1000}


@dataclass(frozen=True)
class JobSpec:
    """One job and the options of its command line. None and empty values keep the values of the job's manifest."""

    job: str
    run: str = ""
    data: str = "emotion"
    claim: str | None = None
    image: str | None = None
    gpus: int | None = None
    gpu_resource: str = GPU
    workers: int = 1
    queue: str | None = None
    spot: bool = False
    overlay: Path | None = None
    settings: tuple[str, ...] = ()
    # A sweep: one Indexed Job with a pod per point, at most `max_parallel` at once.
    points: tuple[Point, ...] = ()
    max_parallel: int | None = None
    # prefetch: models that need weights.
    models: tuple[str, ...] = ()
    classify: ClassifyOptions = field(default_factory=ClassifyOptions)

    @property
    def trains(self) -> bool:
        """Whether the job trains a model."""
        return self.job in MODELS


def expand_jobs(names: list[str]) -> list[str]:
    """Replace `all` by every model, and drop repeated jobs.

    Raises:
        UsageError: a job is unknown.
    """
    jobs = list(dict.fromkeys(job for name in names for job in (list(MODELS) if name == "all" else [name])))
    unknown = [job for job in jobs if job not in (*MODELS, *OTHER_JOBS)]
    if unknown:
        raise UsageError(f"unknown job {unknown[0]!r}", f"the jobs are {', '.join((*MODELS, *OTHER_JOBS))}; or all")
    return jobs


def check_spec(spec: JobSpec) -> JobSpec:
    """Check a spec, and name its run unless the command line names it.

    The name depends on the parameters and the data's name: the same spec finds the same run.

    Raises:
        UsageError: the options contradict each other.
        BadParametersError: the settings are wrong.
        InputMissingError: the overlay does not exist.
    """
    _check_values(spec)
    _check_together(spec)
    if spec.points:
        return _name_points(spec)
    if spec.trains:
        params = load_params(spec.job, params_file(spec.job), spec.settings)
        return replace(spec, run=spec.run or _run_name(params, spec.data))
    if spec.job == "classify" and spec.classify.source:
        return replace(spec, run=spec.run or _label(spec.classify.source))
    return spec


def _check_values(spec: JobSpec) -> None:
    if spec.run and not RUN_NAME.fullmatch(spec.run):
        raise UsageError(f"{spec.run!r} is not a run name", "use 1 to 40 lower-case letters, digits and hyphens")
    for folder, option in ((spec.data, "--data"), (spec.classify.source, "--input")):
        if folder is not None and not NAME.fullmatch(folder):
            raise UsageError(
                f"{option} {folder!r} is not a folder of the store", "use the name that `emotion put` stored"
            )
    if spec.queue is not None and not LABEL.fullmatch(spec.queue):
        raise UsageError(f"--queue {spec.queue!r} is not a queue's name", "kubectl get localqueues")
    if not RESOURCE.fullmatch(spec.gpu_resource):
        raise UsageError(f"--gpu-resource {spec.gpu_resource!r} is not a node resource", "kubectl describe nodes")
    check_options(spec.classify)
    counts = {"gpus": spec.gpus, "workers": spec.workers, "shards": spec.classify.shards}
    for name, count in counts.items():
        highest = HIGHEST[name]
        if count is not None and not 0 <= count <= highest:
            raise UsageError(f"--{name} {count} is not from 0 to {highest}")
    if spec.overlay is not None and not (spec.overlay / "kustomization.yaml").is_file():
        raise InputMissingError(
            f"{spec.overlay} has no kustomization.yaml", "copy k8s/overlays/cluster and edit the copy"
        )


def _check_together(spec: JobSpec) -> None:
    _check_training(spec)
    _check_points(spec)
    if spec.job == "classify" and spec.gpus and not spec.image:
        raise UsageError("classifying on GPUs needs an image with CUDA", "make images VARIANT=cuda, then use --image")
    if spec.job != "classify" and spec.classify.given:
        raise UsageError(f"{spec.job} classifies nothing: leave out {' and '.join(spec.classify.given)}")
    if spec.classify.precision == "int8" and spec.gpus:
        raise UsageError("a GPU cannot run int8", "leave out --gpus, or --precision")
    if spec.classify.precision == "float16" and not spec.gpus:
        raise UsageError("float16 needs a GPU", "add --gpus 1, or leave out --precision")


def _check_training(spec: JobSpec) -> None:
    if not spec.trains and (spec.settings or spec.points or spec.workers > 1):
        raise UsageError(f"{spec.job} trains nothing: leave out --set, --seeds and --workers")
    if spec.job == "linear" and (spec.gpus or spec.workers > 1):
        raise UsageError(
            "linear trains on the CPU of one pod, without --gpus and --workers", "submit linear separately"
        )
    settings = [*spec.settings, *(setting for point in spec.points for setting in point.settings)]
    if any(setting.partition("=")[0].strip() == "resources.device" for setting in settings):
        raise UsageError("--gpus sets resources.device", "leave out resources.device; --gpus 0 trains on the CPU")


def _check_points(spec: JobSpec) -> None:
    if spec.points and spec.workers > 1:
        raise UsageError(
            "a sweep trains every point in one pod, without --workers", "leave out --workers, or use --gpus"
        )
    if spec.points and spec.run:
        raise UsageError("--run names one run, and every seed needs its own run", "leave out --run")
    if spec.max_parallel is not None and not spec.points:
        raise UsageError("--max-parallel is for the points of a sweep", "add --seeds, or use emotion sweep")


def _name_points(spec: JobSpec) -> JobSpec:
    """Name every point's run like a single submission, and name the Job after all runs."""
    params = load_grid(spec.job, params_file(spec.job), spec.points)
    points = [replace(point, run=_run_name(one, spec.data)) for point, one in zip(spec.points, params, strict=True)]
    # The order of the points does not matter.
    digest = hashlib.sha256(" ".join(sorted(point.run for point in points)).encode()).hexdigest()
    return replace(spec, points=tuple(points), run=f"sweep-{digest[:8]}")


def _run_name(params: AnyParams, data: str) -> str:
    return f"s{params.training.seed}-{params.digest('data', data)[:8]}"


def _label(name: str) -> str:
    """Convert a name to a DNS label; a label that differs from the name gets a digest to stay unique."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30].strip("-") or "input"
    return label if label == name else f"{label}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def find_overlay(name: str) -> Path:
    """Find an overlay: a folder, or the name of an overlay that comes with `emotion`."""
    own = manifests_folder() / "overlays" / name
    return own if NAME.fullmatch(name) and own.is_dir() and not Path(name).is_dir() else Path(name)


def manifests_folder() -> Path:
    """Find the folder `k8s/` next to `jobs/`."""
    return jobs_folder().with_name("k8s")
