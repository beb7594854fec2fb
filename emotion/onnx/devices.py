"""Opens a graph on the CPU or the GPU."""

import contextlib
import io
import re
from pathlib import Path
from typing import Literal

import onnxruntime

from emotion.errors import BadDataError, UnavailableError
from emotion.reader import for_reader

Device = Literal["cpu", "gpu"]
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# TF32 would round float32 to ten bits before every matrix product.
CUDA_OPTIONS = {"use_tf32": "0"}
WITHOUT_GPU = "submit it again with --gpus 0 to classify without a GPU; or use another image: --image"
# onnxruntime also raises its messages as exceptions; on stderr, they would be noise.
FATAL = 4
# CUDA's words in a message that starts with hundreds of characters of C++.
CUDA_REASON = re.compile(r"\w+ failure -?\d+: [^;\n]+|Failed to allocate [^;\n]+")


def open_on_cpu(graph: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph for `threads` cores.

    Raises:
        BadDataError: onnxruntime cannot run the file.
    """
    try:
        return onnxruntime.InferenceSession(_model(graph), _options(threads), providers=[CPU])
    except Exception as error:  # onnxruntime's errors have no base class
        name = graph if isinstance(graph, Path) else "the graph"
        raise BadDataError(
            f"{name} is not a usable ONNX model: {first_line(error)}", "export the model again"
        ) from error


def has_cuda() -> bool:
    """Whether onnxruntime was built for CUDA. Only a session shows whether CUDA starts."""
    return CUDA in onnxruntime.get_available_providers()


def open_on_gpu(graph: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a valid graph on the GPU, with `threads` cores for the operators that run on the CPU.

    Raises:
        UnavailableError: onnxruntime has no CUDA, or CUDA does not start.
    """
    if not has_cuda():
        raise UnavailableError(
            f"onnxruntime {onnxruntime.__version__} has no CUDA and cannot use a GPU",
            for_reader("use the CUDA image, or onnxruntime-gpu instead of onnxruntime; or --device cpu", WITHOUT_GPU),
        )
    # Standard output is for rows; stderr stays quiet if the CPU can do the work.
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        onnxruntime.preload_dlls()
    onnxruntime.set_default_logger_severity(FATAL)
    providers = [(CUDA, CUDA_OPTIONS), CPU]
    try:
        session = onnxruntime.InferenceSession(_model(graph), _options(threads), providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's errors have no base class
        raise _gpu_error(cuda_reason(error)) from error
    if CUDA not in session.get_providers():
        raise _gpu_error(printed.getvalue().partition("\n")[0] or "it gave no reason")
    return session


def first_line(error: Exception) -> str:
    """Give the first line of an error, at most 200 characters."""
    return f"{(str(error).splitlines() or [''])[0]:.200}"


def cuda_reason(error: Exception) -> str:
    """Give CUDA's words in an error, or the error's first line."""
    found = CUDA_REASON.search(str(error))
    return found[0].strip() if found else first_line(error)


def _model(graph: Path | bytes) -> str | bytes:
    return graph if isinstance(graph, bytes) else str(graph)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must leave a core for reading and writing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # onnxruntime keeps a memory pattern per shape: they grow with the number of lengths.
    options.enable_mem_pattern = False
    return options


def _gpu_error(reason: str) -> UnavailableError:
    return UnavailableError(
        f"onnxruntime cannot use the GPU: {reason}",
        for_reader(
            "check NVIDIA's driver (`nvidia-smi`), CUDA's libraries and, with docker, --gpus all; or use --device cpu",
            WITHOUT_GPU,
        ),
    )
