"""Renders every job, component and overlay, alone and combined, as `kubectl kustomize` and `emotion submit` do.

python -m tests.cluster.renderings FOLDER    writes a YAML file per rendering
"""

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from emotion.cluster.classify_options import ClassifyOptions
from emotion.cluster.job_spec import OTHER_JOBS, JobSpec, check_spec, find_overlay
from emotion.cluster.render import render
from emotion.models.registry import MODELS
from emotion.params.grid import one_point_a_seed, parse_points

ROOT = Path(__file__).resolve().parent.parent.parent
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
JOBS = (*MODELS, *OTHER_JOBS)
# A training without a GPU, a training with a GPU, and the jobs that train no model.
KINDS = ("ann", "bert", *OTHER_JOBS)
OVERLAYS = ("local", "cluster")
# Components of a training on GPUs, in any combination; multi-worker comes last, above the run's suffix.
SINGLE = ("cpu", "gpu", "kueue", "spot")
ADDITIONS = ("multi-gpu", "kueue", "spot", "multi-worker")
SETUPS = {"setup": "k8s/setup", **{f"setup-{name}": f"k8s/overlays/{name}/setup" for name in OVERLAYS}}
SUFFIX = "-s1-0a1b2c3d"


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """Render a folder."""
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [content for content in yaml.safe_load_all(done.stdout) if content]


def build(*layers: dict[str, Any], source: Path = ROOT) -> list[dict[str, Any]]:
    """Render layers of kustomizations in a copy of jobs/ and k8s/, the last layer on top; paths start at `source`."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("jobs", "k8s"):
            shutil.copytree(source / name, root / name)
        for number, layer in enumerate(layers):
            folder = root / f"layer{number}"
            folder.mkdir()
            below = [f"layer{number - 1}"] if number else []
            paths = {key: [f"../{path}" for path in layer.get(key, [])] for key in ("resources", "components")}
            content = {**layer, **paths, "resources": [*paths["resources"], *(f"../{name}" for name in below)]}
            (folder / "kustomization.yaml").write_text(json.dumps(content))
        return kustomize(folder)


def combinations() -> dict[str, tuple[dict[str, Any], ...]]:
    """Layers by name: all jobs alone, KINDS with every component, a training on GPUs with all combinations."""
    found: dict[str, tuple[dict[str, Any], ...]] = {job: ({"resources": [f"jobs/{job}"]},) for job in JOBS}
    found |= {name: ({"resources": [path]},) for name, path in SETUPS.items()}
    found["transfer"] = ({"resources": ["k8s/transfer"]},)
    for job in KINDS:
        for part in (*map("components/{}".format, SINGLE), *map("overlays/{}".format, OVERLAYS)):
            found[f"{job}-{part.partition('/')[2]}"] = ({"resources": [f"jobs/{job}"], "components": [f"k8s/{part}"]},)
    for overlay in ("", *OVERLAYS):
        for count in range(1, len(ADDITIONS) + 1):
            for parts in itertools.combinations(ADDITIONS, count):
                if overlay == "local" and "multi-gpu" in parts:
                    continue  # a local cluster has no GPU
                first = [f"k8s/overlays/{overlay}"] if overlay else []
                components = [*first, *(f"k8s/components/{part}" for part in parts)]
                layers = {"resources": ["jobs/bert"], "nameSuffix": SUFFIX}, {"components": components}
                found["-".join(filter(None, ["bert", overlay, *parts]))] = layers
    return found


SPECS = {
    "submit-ann": JobSpec("ann"),
    "submit-lstm-local": JobSpec("lstm", overlay=find_overlay("local"), data="mine", claim="other"),
    "submit-bert-all": JobSpec(
        "bert", gpus=4, workers=3, queue="research", spot=True, claim="other", image="r.example/e:1"
    ),
    "submit-minilm-cpu": JobSpec("minilm", gpus=0, settings=("training.epochs=1",)),
    "submit-albert-cluster": JobSpec("albert", gpus=2, overlay=find_overlay("cluster")),
    "submit-sweep": JobSpec(
        "bert",
        points=tuple(parse_points(["training.learning_rate=2e-5,3e-5", 'data.text_column="a$(b)"'], "1-3")),
        max_parallel=2,
        queue="research",
        spot=True,
        gpus=2,
        overlay=find_overlay("cluster"),
    ),
    "submit-seeds": JobSpec("ann", points=one_point_a_seed([], "1-3"), overlay=find_overlay("local")),
    "submit-prefetch": JobSpec("prefetch", models=("bert", "ann")),
    "submit-aggregate": JobSpec("aggregate"),
    "submit-classify": JobSpec(
        "classify",
        classify=ClassifyOptions(source="Inbox", shards=7, model="ann/s1-0a1b2c3d", delimiter="\t", header=False),
    ),
}


def everything() -> dict[str, list[dict[str, Any]]]:
    """All combinations and specs, rendered; objects by name."""
    layers = combinations()
    with ThreadPoolExecutor(4) as pool:
        built = dict(zip(layers, pool.map(lambda parts: build(*parts), layers.values()), strict=True))
        submitted = pool.map(lambda spec: render(check_spec(spec)), SPECS.values())
        return built | {name: [*job.others, job.job] for name, job in zip(SPECS, submitted, strict=True)}


def main(folder: Path) -> None:
    """Write every rendering into a file."""
    folder.mkdir(parents=True)
    for name, objects in everything().items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
