"""The graphs of a model folder: one file per precision."""

from pathlib import Path
from typing import Literal

import onnxruntime

from emotion.errors import BadDataError, InputMissingError
from emotion.onnx.model_files import CONFIG, TOKENIZER

FILES = ("model.onnx", TOKENIZER, CONFIG)
INT8 = "model.int8.onnx"
# Metadata of an int8 model.
INT8_KIND = ("emotion.int8", "per token")
FLOAT16 = "model.float16.onnx"
Precision = Literal["float32", "int8", "float16"]
GRAPHS: dict[Precision, str] = {"float32": FILES[0], "int8": INT8, "float16": FLOAT16}
# Conditions for a training to write these files.
MADE = {"int8": "if it is as good and faster", "float16": "with [export] float16 = true if it is as good"}


def find_model(folder: Path) -> Path:
    """Find the model folder: `folder` itself, or a run's `model/`.

    Raises:
        InputMissingError: there is no model folder, or a file is missing.
    """
    found = next((path for path in (folder, folder / "model") if (path / FILES[0]).is_file()), None)
    if found is None:
        what = "no model.onnx in" if folder.is_dir() else "no such folder:"
        raise InputMissingError(f"{what} {folder}", f"a model folder has {', '.join(FILES)}")
    for name in FILES:
        if not (found / name).is_file():
            raise InputMissingError(f"no {name} in {found}", f"a model folder has {', '.join(FILES)}")
    return found


def find_graph(folder: Path, precision: Precision) -> Path:
    """Find the graph of a precision in a model folder.

    Raises:
        InputMissingError: the folder has no such graph.
    """
    graph = folder / GRAPHS[precision]
    if precision != "float32" and not graph.is_file():
        raise InputMissingError(
            f"no {graph.name} in {folder}",
            f"transformers have one {MADE[precision]} (metrics.json has the reason); use --precision float32 or auto",
        )
    return graph


def precision_of(graph: Path) -> Precision:
    """Give the precision of a graph from `find_graph`."""
    return next(precision for precision, name in GRAPHS.items() if name == graph.name)


class OtherInt8Error(BadDataError):
    """An int8 model from earlier versions: its labels depend on neighboring rows."""


def check_arithmetic(graph: Path, session: onnxruntime.InferenceSession) -> None:
    """Check that an int8 model has a scale per token.

    Raises:
        OtherInt8Error: the model has other scales.
    """
    if INT8_KIND not in session.get_modelmeta().custom_metadata_map.items():
        raise OtherInt8Error(
            f"{graph} is not quantized per token: labels would depend on neighboring rows",
            "use --precision float32, or train again with this version",
        )
