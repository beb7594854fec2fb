"""What a person orders: which jobs, with which options; checked before anything is rendered."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from emotion.errors import InputMissingError, UsageError
from emotion.models.registry import MODELS, jobs_folder, params_file
from emotion.params.schema import TransformerParams, WordParams
from emotion.params.toml import load_params
from emotion.store.layout import RUN_NAME

# Jobs that train nothing.
OTHER_JOBS = ("prefetch", "aggregate", "classify")
# Folders of the store that data and weights are read from.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# A DNS label: the name of a queue.
LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
HIGHEST = {"gpus": 64, "workers": 64, "shards": 1000}


@dataclass(frozen=True)
class JobSpec:
    """One job, and how it is to run. None and empty leave what the job's own manifest says."""

    job: str
    run: str = ""
    data: str = "emotion"
    claim: str | None = None
    image: str | None = None
    gpus: int | None = None
    workers: int = 1
    queue: str | None = None
    spot: bool = False
    overlay: Path | None = None
    settings: tuple[str, ...] = ()
    # prefetch: the models whose weights it fetches; classify: the folder of CSVs, the model, the shards.
    models: tuple[str, ...] = ()
    source: str | None = None
    model: str | None = None
    shards: int | None = None

    @property
    def trains(self) -> bool:
        """Whether it trains a model."""
        return self.job in MODELS


def expand_jobs(names: list[str]) -> list[str]:
    """The jobs that are meant: `all` is every model.

    Raises:
        UsageError: there is no such job.
    """
    jobs = list(dict.fromkeys(job for name in names for job in (list(MODELS) if name == "all" else [name])))
    unknown = [job for job in jobs if job not in (*MODELS, *OTHER_JOBS)]
    if unknown:
        raise UsageError(f"unknown job {unknown[0]!r}", f"the jobs are {', '.join((*MODELS, *OTHER_JOBS))}; or all")
    return jobs


def check_spec(order: JobSpec) -> JobSpec:
    """Check an order, and give its run a name where it has none.

    The name is made from the parameters and the data's name, so that the same order finds the same run.

    Raises:
        UsageError: its options do not go together.
        BadParametersError: its settings are wrong.
        InputMissingError: the overlay is not there.
    """
    _check_values(order)
    _check_together(order)
    if order.trains:
        params = load_params(order.job, params_file(order.job), order.settings)
        return replace(order, run=order.run or _run_name(params, order.data))
    if order.job == "classify" and order.source:
        return replace(order, run=order.run or _label(order.source))
    return order


def _check_values(order: JobSpec) -> None:
    if order.run and not RUN_NAME.fullmatch(order.run):
        raise UsageError(f"{order.run!r} is not a run name", "use 1 to 40 lower-case letters, digits and hyphens")
    for name, what in ((order.data, "--data"), ("inbox" if order.source is None else order.source, "--input")):
        if not NAME.fullmatch(name):
            raise UsageError(f"{what} {name!r} is not a folder of the store", "name what `emotion put` was given")
    if order.queue is not None and not LABEL.fullmatch(order.queue):
        raise UsageError(f"--queue {order.queue!r} is not a queue's name", "kubectl get localqueues")
    for name, highest in HIGHEST.items():
        count = getattr(order, name)
        if count is not None and not 0 <= count <= highest:
            raise UsageError(f"--{name} {count} is not from 0 to {highest}")
    if order.overlay is not None and not (order.overlay / "kustomization.yaml").is_file():
        raise InputMissingError(
            f"{order.overlay} has no kustomization.yaml", "copy k8s/overlays/cluster, and change it"
        )


def _check_together(order: JobSpec) -> None:
    if not order.trains and (order.settings or order.workers > 1):
        raise UsageError(f"{order.job} trains nothing: it has no --set and no --workers")
    if any(setting.partition("=")[0].strip() == "resources.device" for setting in order.settings):
        raise UsageError("resources.device follows from --gpus", "leave it out; --gpus 0 trains on the CPU")
    if order.job == "classify" and order.gpus and not order.image:
        raise UsageError("classifying on GPUs takes an image with CUDA", "make images VARIANT=cuda, and --image")
    if order.job != "classify" and (order.source or order.shards or order.model):
        raise UsageError("--input, --shards and --model are for classify alone")


def _run_name(params: WordParams | TransformerParams, data: str) -> str:
    return f"s{params.training.seed}-{params.digest('data', data)[:8]}"


def _label(name: str) -> str:
    """A DNS label like `name`; where it is not the same, with a digest, so that two names stay two."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30].strip("-") or "input"
    return label if label == name else f"{label}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def find_overlay(name: str) -> Path:
    """The overlay that a person means: a folder, or one of those that come with `emotion`."""
    own = manifests_folder() / "overlays" / name
    return own if NAME.fullmatch(name) and own.is_dir() and not Path(name).is_dir() else Path(name)


def manifests_folder() -> Path:
    """`k8s/`: beside `jobs/`."""
    return jobs_folder().with_name("k8s")
