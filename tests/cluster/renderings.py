"""Every job, component and overlay as `kubectl kustomize` renders them, alone and in the combinations that are offered.

python -m tests.cluster.renderings FOLDER    writes each as a YAML file
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

from emotion.cluster.job_spec import OTHER_JOBS, JobSpec, check_spec, find_overlay
from emotion.cluster.render import render
from emotion.models.registry import MODELS

ROOT = Path(__file__).resolve().parent.parent.parent
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
JOBS = (*MODELS, *OTHER_JOBS)
# One of each: a training without a GPU, one with, and those that train nothing.
KINDS = ("ann", "bert", *OTHER_JOBS)
OVERLAYS = ("local", "cluster")
# What a training on GPUs may have on top, in any combination; multi-worker comes last, above the run's suffix.
SINGLE = ("cpu", "gpu", "kueue", "spot")
ADDITIONS = ("multi-gpu", "kueue", "spot", "multi-worker")
SETUPS = {"setup": "k8s/setup", **{f"setup-{name}": f"k8s/overlays/{name}/setup" for name in OVERLAYS}}
SUFFIX = "-s1-0a1b2c3d"


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """Render a folder."""
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def build(*layers: dict[str, Any]) -> list[dict[str, Any]]:
    """Render kustomizations, each on top of the one before, in a copy of jobs/ and k8s/; paths begin at the project."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("jobs", "k8s"):
            shutil.copytree(ROOT / name, root / name)
        for place, layer in enumerate(layers):
            folder = root / f"layer{place}"
            folder.mkdir()
            below = [f"layer{place - 1}"] if place else []
            paths = {key: [f"../{path}" for path in layer.get(key, [])] for key in ("resources", "components")}
            content = {**layer, **paths, "resources": [*paths["resources"], *(f"../{name}" for name in below)]}
            (folder / "kustomization.yaml").write_text(json.dumps(content))
        return kustomize(folder)


def combinations() -> dict[str, tuple[dict[str, Any], ...]]:
    """Layers by name: every job plain, each kind with each component, a GPU training with all combinations."""
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
                    continue  # there is no GPU on a local cluster
                first = [f"k8s/overlays/{overlay}"] if overlay else []
                components = [*first, *(f"k8s/components/{part}" for part in parts)]
                layers = {"resources": ["jobs/bert"], "nameSuffix": SUFFIX}, {"components": components}
                found["-".join(filter(None, ["bert", overlay, *parts]))] = layers
    return found


ORDERS = {
    "submit-ann": JobSpec("ann"),
    "submit-lstm-local": JobSpec("lstm", overlay=find_overlay("local"), data="mine", claim="other"),
    "submit-bert-all": JobSpec(
        "bert", gpus=4, workers=3, queue="research", spot=True, claim="other", image="r.example/e:1"
    ),
    "submit-minilm-cpu": JobSpec("minilm", gpus=0, settings=("training.epochs=1",)),
    "submit-albert-cluster": JobSpec("albert", gpus=2, overlay=find_overlay("cluster")),
    "submit-prefetch": JobSpec("prefetch", models=("bert", "ann")),
    "submit-aggregate": JobSpec("aggregate"),
    "submit-classify": JobSpec("classify", source="Inbox", shards=7, model="ann/s1-0a1b2c3d"),
}


def everything() -> dict[str, list[dict[str, Any]]]:
    """All of them, rendered."""
    layers = combinations()
    with ThreadPoolExecutor(4) as pool:
        built = dict(zip(layers, pool.map(lambda each: build(*each), layers.values()), strict=True))
        ordered = pool.map(lambda order: render(check_spec(order)), ORDERS.values())
        return built | {name: [*each.others, each.job] for name, each in zip(ORDERS, ordered, strict=True)}


def main(folder: Path) -> None:
    """Write each rendering into a file."""
    folder.mkdir(parents=True)
    for name, objects in everything().items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
