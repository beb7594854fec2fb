"""Turns what Hugging Face's TensorFlow models saved, tf_model.h5, into model.safetensors.

Such a file has a group for each layer, and in it every variable under its whole name, as in
`mobilebert/tf_mobile_bert_model/mobilebert/encoder/layer_._0/output/dense/kernel:0`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion.errors import BadDataError
from emotion.store.atomic import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Names have a dozen parts and models some thousand tensors: more is a group that contains itself.
DEPTH = 24
OBJECTS = 100_000
SIZES = (2, 4, 8)
# The group and the model's name stand before the variable's.
OUTER = 2
VARIABLES = {"kernel": "weight", "gamma": "weight", "embeddings": "weight", "beta": "bias"}
HINT = "choose a checkpoint that has model.safetensors"


def convert(h5: Path, safetensors: Path) -> None:
    """Write the tensors of `h5` as safetensors, under PyTorch's names and in its shapes.

    Nothing in the file is run or unpickled, and nothing outside of it is read: links, data kept elsewhere,
    filters and anything but floating-point numbers are refused.

    Raises:
        BadDataError: the file is damaged, of another layout, or refused.
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
    """Give PyTorch's name for a variable, and whether it is stored the other way round there.

    A dense kernel is (inputs, outputs) here and (outputs, inputs) there; all else is alike. Item 0 of a list is
    `layer_._0` here, and `mlm___cls` is a layer that is called `cls` there.

    Raises:
        BadDataError: it is not the name of a model's variable.
    """
    layers, _, variable = path.removesuffix(":0").rpartition("/")
    inner = layers.split("/")[OUTER:]
    if not inner:
        raise BadDataError(f"{path!r} is not the name of a model's variable")
    plain = [layer.rpartition("___")[2].replace("_._", ".") for layer in inner]
    return ".".join([*plain, VARIABLES.get(variable, variable)]), variable == "kernel"


def _tensors(h5: Path) -> "dict[str, NDArray[Any]]":
    import h5py
    import numpy as np

    tensors: dict[str, NDArray[Any]] = {}
    # Without filters, a file cannot hold more than its own size.
    left = h5.stat().st_size
    with h5py.File(h5, "r") as file:
        for path, dataset in _datasets(file):
            _check(path, dataset)
            left -= dataset.nbytes
            if left < 0:
                raise BadDataError(f"{path!r} claims more data than the file has")
            name, kernel = pytorch_name(path)
            if name in tensors:
                raise BadDataError(f"two tensors are called {name!r}")
            values = dataset[()].astype(dataset.dtype.newbyteorder("="), copy=False)
            tensors[name] = np.ascontiguousarray(values.T if kernel else values)
    if not tensors:
        raise BadDataError("it has no tensors")
    return tensors


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Walk through all that the file itself holds; a link is refused before it is followed."""
    import h5py

    waiting, seen = [("", file)], 0
    while waiting:
        parent, group = waiting.pop()
        for name in group:
            seen += 1
            path = f"{parent}/{name}".lstrip("/")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise BadDataError(f"{path!r} is a link to somewhere else, and is not followed")
            if path.count("/") > DEPTH or seen > OBJECTS:
                raise BadDataError("it has more groups than any model, or one that contains itself")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append((path, found))
            else:
                yield path, found


def _check(path: str, dataset: Any) -> None:
    """Raise BadDataError for what no model's tensor is."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise BadDataError(f"{path!r} is a {type(dataset).__name__}, not a tensor")
    if dataset.external or dataset.is_virtual:
        raise BadDataError(f"{path!r} keeps its data in another file, which is not read")
    if dataset.id.get_create_plist().get_nfilters():
        raise BadDataError(f"{path!r} is packed by a filter, which is not run")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in SIZES or dataset.ndim not in {1, 2}:
        raise BadDataError(f"{path!r} is {dataset.dtype} of shape {dataset.shape}, not a vector or matrix of floats")
