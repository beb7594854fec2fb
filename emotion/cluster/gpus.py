"""GPUs of a rendered job: resource name, cores and memory for the GPUs, components that name the resource."""

import json
from pathlib import Path
from typing import Any

import yaml

from emotion.cluster.job_spec import JobSpec
from emotion.cluster.labels import GPU

SEVERAL = 2


def gpu_cores_and_memory(gpus: int) -> dict[str, Any]:
    """Cores and memory for several GPUs: at least as much as any job in jobs/ requests for one GPU."""
    if gpus < SEVERAL:
        return {}
    return {
        "requests": {"cpu": str(3 * gpus), "memory": f"{6 * gpus}Gi"},
        "limits": {"cpu": str(4 * gpus), "memory": f"{8 * gpus}Gi"},
    }


def gpu_limits(spec: JobSpec) -> dict[str, str | None]:
    """The limit on GPUs; another resource replaces an overlay's GPUs of the default resource."""
    instead: dict[str, str | None] = {} if spec.gpu_resource == GPU else {GPU: None}
    return instead | ({spec.gpu_resource: str(spec.gpus)} if spec.gpus else {})


def gpu_volumes(gpus: int) -> list[dict[str, Any]]:
    """Shared memory; NCCL passes data between GPUs through it."""
    if gpus < SEVERAL:
        return []
    return [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{2 * gpus}Gi"}}]


def adapt_components(spec: JobSpec, job: Path, components: Path) -> None:
    """Change copies of the job's folder and of the components to match --gpus and --gpu-resource."""
    if spec.gpus is not None:
        _remove_gpu(job)
    if spec.gpu_resource != GPU:
        _rename_gpu(components, spec.gpu_resource)


def _remove_gpu(folder: Path) -> None:
    """Remove the component gpu from the job's own kustomization."""
    content = _read(folder)
    content["components"] = [path for path in content.get("components", []) if Path(path).name != "gpu"]
    _write(folder, content)


def _rename_gpu(components: Path, name: str) -> None:
    """Rename the resource that components limit and tolerate. A slice's node has the taint of its vendor's GPUs."""
    for path in components.glob("*/kustomization.yaml"):
        path.write_text(path.read_text().replace(GPU, name))
    whole = f"{name.partition('/')[0]}/gpu"
    if name != whole:
        content = _read(components / "gpu")
        value = {"key": whole, "operator": "Exists", "effect": "NoSchedule"}
        added = [{"op": "add", "path": "/spec/template/spec/tolerations/-", "value": value}]
        content["patches"].append({"target": {"kind": "Job"}, "patch": json.dumps(added)})
        _write(components / "gpu", content)


def _read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return content


def _write(folder: Path, content: dict[str, Any]) -> None:
    (folder / "kustomization.yaml").write_text(json.dumps(content))
