"""Opens the models that classify, in the precision that `--precision` names; `auto` depends on model and device."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from emotion.composites.find import Chosen
from emotion.composites.fit import make_predictor
from emotion.composites.predictor import Member, Predictor
from emotion.errors import UsageError
from emotion.onnx.devices import Device, has_cuda
from emotion.onnx.graphs import FLOAT16, INT8, OtherInt8Error, Precision, find_model
from emotion.onnx.session import Classifier


def load_predictor(
    chosen: Chosen,
    threads: int | None,
    precision: Literal["auto"] | Precision,
    device: Literal["auto"] | Device,
    *,
    shard: bool,
) -> Predictor:
    """Open models with `load_model`, and join them with `make_predictor`.

    Raises:
        EmotionError: as `load_model` and `make_predictor`.
    """
    members = tuple(
        Member(name, load_model(folder, threads, precision, device, shard=shard))
        for name, folder in chosen.folders.items()
    )
    return make_predictor(chosen.name, chosen.composite, members)


def load_model(
    folder: Path,
    threads: int | None,
    precision: Literal["auto"] | Precision,
    device: Literal["auto"] | Device,
    *,
    shard: bool,
) -> Classifier:
    """Open a model. The precision `auto` means float16 on a GPU and int8 on the CPU, if the model has the file.

    Otherwise `auto` means float32, with a `fallback`. The device `auto` prefers a usable GPU, except for a `shard`: a
    file's parts need the same graph, and other shards may run without a GPU. float16 needs a GPU.

    Raises:
        EmotionError: as `Classifier.load`.
        UsageError: `precision` is "float16", and `device` is "cpu".
    """
    if precision == "float16":
        if device == "cpu":
            raise UsageError(
                "float16 needs a GPU: a CPU would still compute in float32", "use --precision auto, or --device gpu"
            )
        device = "gpu"
    if precision != "auto":
        return Classifier.load(folder, threads, precision, device, concurrent=True)
    folder = find_model(folder)
    if device == "gpu" or (device == "auto" and not shard and has_cuda()):
        classifier = _for_gpu(folder, threads, device)
        if classifier.device == "gpu":
            return classifier
        device = "cpu"
    return _for_any(folder, threads, device)


def _for_gpu(folder: Path, threads: int | None, device: Literal["auto"] | Device) -> Classifier:
    """Open float16 if the model has a float16 file, else float32."""
    if (folder / FLOAT16).is_file():
        return Classifier.load(folder, threads, "float16", device, concurrent=True)
    float32 = Classifier.load(folder, threads, "float32", device, concurrent=True)
    return replace(float32, fallback=f"a GPU cannot run int8, and {folder} has no {FLOAT16}")


def _for_any(folder: Path, threads: int | None, device: Literal["auto"] | Device) -> Classifier:
    """Open int8 if the model has an int8 file, else float32, which runs on any device."""
    if not (folder / INT8).is_file():
        float32 = Classifier.load(folder, threads, "float32", device, concurrent=True)
        return replace(float32, fallback=f"{folder} has no {INT8}")
    try:
        return Classifier.load(folder, threads, "int8", "cpu", concurrent=True)
    except OtherInt8Error as error:
        return replace(Classifier.load(folder, threads, "float32", "cpu", concurrent=True), fallback=error.message)
