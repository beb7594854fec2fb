"""A graph, opened to be run on the CPU or the GPU."""

import contextlib
import io
import re
from pathlib import Path
from typing import Literal

import onnxruntime

from emotion.errors import BadDataError, UnavailableError

Device = Literal["cpu", "gpu"]
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# Float32 is float32: TF32 would round it to ten bits before each matrix product.
CUDA_OPTIONS = {"use_tf32": "0"}
# onnxruntime's own messages come as exceptions too; on stderr they would be noise.
FATAL = 4
# Where CUDA's own words are, in messages that begin with hundreds of characters of C++.
CUDA_REASON = re.compile(r"\w+ failure -?\d+: [^;\n]+|Failed to allocate [^;\n]+")


def open_on_cpu(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph for `threads` cores.

    Raises:
        BadDataError: it is no graph that can be run.
    """
    try:
        return onnxruntime.InferenceSession(str(graph), _options(threads), providers=[CPU])
    except Exception as error:  # onnxruntime's errors have no base class
        raise BadDataError(
            f"{graph} is no ONNX model that can be run: {first_line(error)}", "export the model again"
        ) from error


def open_on_gpu(graph: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a good graph on the GPU, with `threads` cores for what has to be done on the CPU.

    Raises:
        UnavailableError: onnxruntime has no CUDA, or CUDA does not start.
    """
    if CUDA not in onnxruntime.get_available_providers():
        raise UnavailableError(
            f"onnxruntime {onnxruntime.__version__} has no CUDA and cannot use a GPU",
            "use the CUDA image, or onnxruntime-gpu in the place of onnxruntime; or --device cpu",
        )
    # Neither of the two may write between the rows on standard output, or on stderr where the CPU will do.
    with contextlib.redirect_stdout(io.StringIO()) as told:
        onnxruntime.preload_dlls()
    onnxruntime.set_default_logger_severity(FATAL)
    where = graph if isinstance(graph, bytes) else str(graph)
    providers = [(CUDA, CUDA_OPTIONS), CPU]
    try:
        session = onnxruntime.InferenceSession(where, _options(threads), providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's errors have no base class
        raise _unusable(cuda_reason(error)) from error
    if CUDA not in session.get_providers():
        raise _unusable(told.getvalue().partition("\n")[0] or "it gave no reason")
    return session


def first_line(error: Exception) -> str:
    """The first line of an error, cut to what a person reads."""
    return f"{(str(error).splitlines() or [''])[0]:.200}"


def cuda_reason(error: Exception) -> str:
    """What CUDA said of an error, or else its first line."""
    found = CUDA_REASON.search(str(error))
    return found[0].strip() if found else first_line(error)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for work must not take the core that reads and writes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Patterns of memory are kept for every shape that was seen: with many lengths that grows.
    options.enable_mem_pattern = False
    return options


def _unusable(reason: str) -> UnavailableError:
    return UnavailableError(
        f"onnxruntime cannot use the GPU: {reason}",
        "it needs NVIDIA's driver (see `nvidia-smi`), CUDA's libraries and, with docker, --gpus all; or --device cpu",
    )
