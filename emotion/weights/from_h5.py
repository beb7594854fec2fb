"""Converts tf_model.h5, the format of Hugging Face's TensorFlow models, into model.safetensors.

The file has a group per layer, and in the group every variable under its full name, such as
`mobilebert/tf_mobile_bert_model/mobilebert/encoder/layer_._0/output/dense/kernel:0`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.errors import BadDataError
from emotion.store.atomic import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Names have a dozen parts, and models have some thousand tensors. With more, a group contains itself.
MAX_DEPTH = 24
MAX_OBJECTS = 100_000
FLOAT_BYTES = (2, 4, 8)
# A path starts with the names of the group and of the model.
OUTER_PARTS = 2
VARIABLES = {"kernel": "weight", "gamma": "weight", "embeddings": "weight", "beta": "bias"}
HINT = "choose a checkpoint with model.safetensors"


def convert(h5: Path, safetensors: Path) -> None:
    """Write the tensors of `h5` as safetensors, with PyTorch's names and shapes and the dtypes of the file.

    Converting runs and unpickles nothing, and reads no other file. It refuses links, external data and filters, and
    accepts only floating-point vectors and matrices.

    Raises:
        BadDataError: the file is damaged, has another layout, or has refused content.
        CannotWriteError: `safetensors` cannot be written.
    """
    from safetensors.numpy import save_file

    try:
        tensors = _tensors(h5)
    except BadDataError as error:
        raise BadDataError(f"{h5}: {error.message}", HINT) from error
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise BadDataError(f"{h5} cannot be read: {' '.join(str(error).split())[:300]}", HINT) from error
    with replacing(safetensors) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})


def pytorch_name(path: str) -> tuple[str, bool]:
    """Give a variable's name in PyTorch, and whether PyTorch stores its transpose.

    TensorFlow stores a dense kernel as (inputs, outputs), PyTorch as (outputs, inputs); other tensors are the same.
    TensorFlow calls item 0 of a list `layer_._0`, and PyTorch's layer `cls` is, for instance, `mlm___cls`.

    Raises:
        BadDataError: `path` is not the name of a model's variable.
    """
    layers, _, variable = path.removesuffix(":0").rpartition("/")
    inner = layers.split("/")[OUTER_PARTS:]
    if not inner:
        raise BadDataError(f"{path!r} is not the name of a model's variable")
    names = [layer.rpartition("___")[2].replace("_._", ".") for layer in inner]
    return ".".join([*names, VARIABLES.get(variable, variable)]), variable == "kernel"


def _tensors(h5: Path) -> "dict[str, NDArray[Any]]":
    import h5py
    import numpy as np

    tensors: dict[str, NDArray[Any]] = {}
    # Without filters, a file cannot hold more than its own size.
    bytes_left = h5.stat().st_size
    with h5py.File(h5, "r") as file:
        for path, dataset in _datasets(file):
            _check(path, dataset)
            bytes_left -= dataset.nbytes
            if bytes_left < 0:
                raise BadDataError(f"{path!r} claims more data than the file has")
            name, transposed = pytorch_name(path)
            if name in tensors:
                raise BadDataError(f"two tensors are called {name!r}")
            values = dataset[()].astype(dataset.dtype.newbyteorder("="), copy=False)
            tensors[name] = np.ascontiguousarray(values.T if transposed else values)
    if not tensors:
        raise BadDataError("it has no tensors")
    return tensors


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield path and object of everything but groups in the file; refuse links before following them."""
    import h5py

    waiting, seen = [("", file)], 0
    while waiting:
        parent, group = waiting.pop()
        for name in group:
            seen += 1
            path = f"{parent}/{name}".lstrip("/")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise BadDataError(f"{path!r} is a link, which is not allowed")
            if path.count("/") > MAX_DEPTH or seen > MAX_OBJECTS:
                raise BadDataError("it has more groups than any model, or a group that contains itself")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append((path, found))
            else:
                yield path, found


def _check(path: str, dataset: Any) -> None:
    """Raise BadDataError for an object that cannot be a model's tensor."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise BadDataError(f"{path!r} is a {type(dataset).__name__}, not a tensor")
    if dataset.external or dataset.is_virtual:
        raise BadDataError(f"{path!r} keeps its data in another file, which is not allowed")
    if dataset.id.get_create_plist().get_nfilters():
        raise BadDataError(f"{path!r} is packed by a filter, which is not allowed")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in FLOAT_BYTES or dataset.ndim not in {1, 2}:
        raise BadDataError(f"{path!r} is {dataset.dtype} of shape {dataset.shape}, not a vector or matrix of floats")
