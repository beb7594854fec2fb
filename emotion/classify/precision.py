"""Opens the model that classifies, in the precision that `--precision` names; `auto` depends on model and device."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from emotion.onnx.devices import Device, has_cuda
from emotion.onnx.graphs import INT8, OtherInt8Error, Precision, find_model
from emotion.onnx.session import Classifier


def load_model(
    folder: Path,
    threads: int | None,
    precision: Literal["auto"] | Precision,
    device: Literal["auto"] | Device,
    *,
    shard: bool,
) -> Classifier:
    """Open a model to classify with. With the precision `auto` it is int8 on the CPU, or float32 with a `fallback`.

    Float32 is for models without an int8 graph, and for GPUs. The device `auto` prefers a usable GPU, except for a
    `shard`: the parts of a file need the same graph, and other shards may run on machines without a GPU.

    Raises:
        EmotionError: as `Classifier.load`.
    """
    if precision != "auto":
        return Classifier.load(folder, threads, precision, device, concurrent=True)
    folder = find_model(folder)
    has_int8 = (folder / INT8).is_file()
    if not has_int8 or device == "gpu" or (device == "auto" and not shard and has_cuda()):
        float32 = Classifier.load(folder, threads, "float32", device, concurrent=True)
        if not has_int8 or float32.device == "gpu":
            return replace(float32, fallback="a GPU cannot run int8" if has_int8 else f"{folder} has no {INT8}")
    try:
        return Classifier.load(folder, threads, "int8", "cpu", concurrent=True)
    except OtherInt8Error as error:
        return replace(Classifier.load(folder, threads, "float32", "cpu", concurrent=True), fallback=error.message)
