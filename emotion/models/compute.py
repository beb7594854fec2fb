"""Chooses the precision of training and the use of XLA by the hardware, with reasons."""

from dataclasses import dataclass
from typing import Literal

from emotion.errors import UnavailableError
from emotion.hardware import cpu_flags
from emotion.models.backend import load_keras
from emotion.params.schema import FineTuningTable
from emotion.reader import for_reader

Precision = Literal["float32", "bfloat16", "float16"]
# CPU flags of instructions that multiply bfloat16, on x86 and Arm.
FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
# Compute capabilities: Ampere has bfloat16; Volta and Turing have only float16.
AMPERE, VOLTA = (8, 0), (7, 0)
# XLA compiles every batch length: multiples of this number limit the lengths.
XLA_MULTIPLE = 32


@dataclass(frozen=True)
class Compute:
    """The choices, and the reason for people. Batch lengths are rounded up to a multiple of `multiple`."""

    precision: Precision = "float32"
    xla: bool = False
    multiple: int = 1
    reason: str = ""


def choose(params: FineTuningTable, gpus: list[tuple[int, int]]) -> Compute:
    """Choose for GPUs of these compute capabilities; an empty list means the CPU."""
    precision, why = _precision(gpus, cpu_flags())
    if params.precision != "auto":
        precision, why = params.precision, "as set in the parameters"
    xla, why_xla = _xla(gpus)
    if params.xla != "auto":
        xla, why_xla = params.xla == "on", "as set in the parameters"
    # Tensor cores need multiples of eight.
    multiple = XLA_MULTIPLE if xla else 8 if gpus else 1
    return Compute(precision, xla, multiple, f"{precision} ({why}), XLA {'on' if xla else 'off'} ({why_xla})")


def _precision(gpus: list[tuple[int, int]], flags: set[str]) -> tuple[Precision, str]:
    if not gpus:
        fast = [flag for flag in FAST_BFLOAT16 if flag in flags]
        if fast:
            return "bfloat16", f"the CPU has {fast[0]}"
        return "float32", "bfloat16 is slow on this CPU"
    least = min(gpus)
    shown = ".".join(map(str, least))
    if least >= AMPERE:
        return "bfloat16", f"GPU of compute capability {shown}"
    if least >= VOLTA:
        return "float16", f"GPU of compute capability {shown} has no bfloat16; with loss scaling"
    return "float32", f"GPU of compute capability {shown} has no tensor cores"


def _xla(gpus: list[tuple[int, int]]) -> tuple[bool, str]:
    if gpus:
        return True, "XLA joins small operations on a GPU"
    return False, "on a CPU, XLA gains nothing and compiles every length"


def select_device(device: Literal["auto", "cpu", "gpu"]) -> list[tuple[int, int]]:
    """Hide or require GPUs; return the compute capabilities of the GPUs in use. Call it before any operation.

    Raises:
        UnavailableError: `device` is `gpu`, and TensorFlow sees no GPU.
    """
    load_keras()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise UnavailableError(
            "[resources] device is gpu, and TensorFlow sees no GPU",
            for_reader(
                "see `emotion doctor`; pip install 'emotion[gpu]' brings the CUDA libraries;"
                " or --set resources.device=cpu",
                "submit it again with --gpus 0 to train without a GPU; or use an image with CUDA: --image",
            ),
        )
    if device == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
        return []
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [tuple(gpu.get("compute_capability", (0, 0))) for gpu in details]
