"""Opens and checks a model folder, and turns texts into logits."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from emotion.errors import BadDataError, UnavailableError, UsageError
from emotion.hardware import usable_cores
from emotion.onnx.batching import BATCH_TOKENS, GPU_BATCH_TOKENS, INPUTS, Batch, Batcher
from emotion.onnx.config import read_labels, read_temperature
from emotion.onnx.devices import WITHOUT_GPU, Device, cuda_reason, first_line, open_on_cpu, open_on_gpu
from emotion.onnx.graphs import Precision, check_arithmetic, find_graph, find_model, precision_of
from emotion.onnx.model_files import CONFIG, TOKENIZER, read_files
from emotion.reader import for_reader
from emotion.store.layout import parse_json

OUTPUT = "logits"
# Smaller graphs have calls that are too short to share among cores.
SMALL_MODEL_BYTES = 25_000_000
# Simultaneous calls. Python's lock, which reading and tokenizing need, prevents more. Calls of a large model also need
# memory.
MOST_CALLS = 4
# One call tokenizes while the GPU runs the other call.
GPU_CALLS = 2


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained model on its `device`: `Classifier.load(folder).logits(["i feel fine"])`.

    Its scores are `probabilities(logits, classifier.temperature)`. `calls` simultaneous calls of `logits` use all its
    cores. One call runs `_batches` batches at once. `model_digest` is the SHA-256 over the bytes of the graph,
    tokenizer.json and config.json, as 64 hex digits. `verified` is True if the files are unchanged since their export.
    `fallback` is the reason why `--precision auto` means float32.
    """

    graph: Path
    labels: list[str]
    temperature: float
    model_digest: str
    verified: bool
    calls: int
    _batches: int
    _session: onnxruntime.InferenceSession
    _batcher: Batcher
    device: Device = "cpu"
    fallback: str = ""

    @property
    def precision(self) -> Precision:
        """The precision of the graph."""
        return precision_of(self.graph)

    @classmethod
    def load(
        cls,
        folder: Path,
        threads: int | None = None,
        precision: Precision = "float32",
        device: Literal["auto"] | Device = "cpu",
        *,
        concurrent: bool = False,
    ) -> "Classifier":
        """Open a model folder, or the `model/` of a run's folder, for `threads` cores.

        With `concurrent`, a small model takes several calls at once, which share the cores. Then its scores are bit by
        bit the same on any number of cores. With `auto`, float32 and float16 run on the GPU if possible. int8 always
        runs on the CPU.

        Raises:
            InputMissingError: the folder, one of its three files, or the graph of `precision` does not exist.
            BadDataError: a file is damaged, foreign or changed since its export, or the files do not match.
            UnavailableError: `device` is "gpu", and the GPU is unusable.
            UsageError: `device` is "gpu", and `precision` is "int8".
        """
        if device == "gpu" and precision == "int8":
            raise UsageError(
                "a GPU cannot run int8: onnxruntime has int8 operators only for the CPU",
                "use --precision float32, or --device cpu",
            )
        folder = find_model(folder)
        graph = find_graph(folder, precision)
        files = read_files(graph)
        config = parse_json(files.config, folder / CONFIG)
        labels, temperature = read_labels(config, folder / CONFIG), read_temperature(config, folder / CONFIG)
        threads = threads or usable_cores()
        small = graph.stat().st_size <= SMALL_MODEL_BYTES
        calls = min(threads, MOST_CALLS) if concurrent and small else 1
        if small:
            # With `concurrent`, a batch has one core. Several cores may compute a single row of a product separately
            # and get other last digits: a score would depend on neighboring rows.
            at_once = threads // calls if concurrent else 1
        else:
            # Cores with separate batches wait less than cores that share the operators of one batch. No core stays
            # idle.
            at_once = max(count for count in range(1, MOST_CALLS + 1) if threads % count == 0)
        session = open_on_cpu(graph, threads // (calls * at_once))
        if precision == "int8":
            check_arithmetic(graph, session)
        names, length = _check_inputs(graph, session)
        batcher = Batcher.load(files.tokenizer, folder / TOKENIZER, names, length)
        classifier = cls(graph, labels, temperature, files.digest, files.verified, calls, at_once, session, batcher)
        classifier._probe(names, length)
        if device != "cpu" and precision != "int8":
            classifier = classifier._on_gpu(threads, required=device == "gpu")
        files.check_unchanged()
        return classifier

    def logits(self, texts: Sequence[str], stopped: threading.Event | None = None) -> NDArray[np.float32]:
        """Compute logits, float32 (texts, labels); NaN for texts that the tokenizer refuses.

        Another thread may set `stopped`: then the remaining rows are NaN, too.

        Raises:
            BadDataError: onnxruntime cannot run the model.
            UnavailableError: the GPU fails.
        """
        return self.logits_and_cut(texts, stopped)[0]

    def logits_and_cut(
        self, texts: Sequence[str], stopped: threading.Event | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute logits like `logits`, and bool (texts,): whether a text has more tokens than the model takes.

        A row of NaN counts as not cut.

        Raises:
            BadDataError: onnxruntime cannot run the model.
            UnavailableError: the GPU fails.
        """
        logits = np.full((len(texts), len(self.labels)), np.nan, np.float32)
        cut = np.zeros(len(texts), np.bool_)
        batches, lock = self.batched(texts), threading.Lock()
        # No batch is left, or a batch failed.
        ended = threading.Event()

        def run() -> None:
            try:
                while not ended.is_set() and not (stopped is not None and stopped.is_set()):
                    with lock:
                        batch = next(batches, None)
                    if batch is None:
                        return
                    logits[batch.rows], cut[batch.rows] = self._run(batch), batch.cut
            finally:
                ended.set()

        with ThreadPoolExecutor(self._batches) as pool:
            try:
                for done in [pool.submit(run) for _ in range(self._batches)]:
                    done.result()
            finally:
                ended.set()
        return logits, cut

    def batched(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Tokenize `texts` and yield batches for the graph, without texts that the tokenizer refuses."""
        return self._batcher.batches(texts, BATCH_TOKENS if self.device == "cpu" else GPU_BATCH_TOKENS)

    def _run(self, batch: Batch) -> NDArray[np.float32]:
        # A single row would use other matrix products, with other last digits. So the row runs twice in a batch.
        single = len(batch.rows) == 1
        inputs = {name: np.repeat(array, 2, axis=0) if single else array for name, array in batch.inputs.items()}
        try:
            logits: NDArray[np.float32] = self._session.run([OUTPUT], inputs)[0]
        except Exception as error:  # onnxruntime's errors have no base class
            if self.device == "gpu":
                raise UnavailableError(
                    f"the GPU failed to run {self.graph}: {cuda_reason(error)}",
                    for_reader(
                        "check `nvidia-smi`: other processes may use the memory; or use --device cpu", WITHOUT_GPU
                    ),
                ) from error
            raise BadDataError(f"{self.graph} cannot be run: {first_line(error)}") from error
        return logits[:1] if single else logits

    def _on_gpu(self, threads: int, *, required: bool) -> "Classifier":
        """Open the same model on the GPU. Its files passed the check, so only the GPU can fail.

        A failure leaves the model on the CPU, unless the GPU is `required`.

        Raises:
            UnavailableError: the GPU is unusable, or fails in its first run.
        """
        try:
            session = open_on_gpu(self.graph, threads)
            on_gpu = replace(self, _session=session, device="gpu", calls=GPU_CALLS, _batches=1)
            on_gpu.logits(self.labels)
        except UnavailableError:
            if required:
                raise
            return self
        return on_gpu

    def _probe(self, names: Sequence[str], length: int | None) -> None:
        """Run the model with the tokenizer's largest id, and count the logits."""
        shape = (2, length or 2)
        largest = self._batcher.largest_id
        inputs = {name: np.full(shape, largest if name == "input_ids" else 0, np.int64) for name in names}
        problem = f"the files in {self.graph.parent} do not belong together"
        try:
            logits = self._session.run([OUTPUT], inputs)[0]
        except Exception as error:  # onnxruntime's errors have no base class
            raise BadDataError(
                f"{problem}: the tokenizer has ids up to {largest}, and {self.graph.name} fails: {first_line(error)}",
                "export the model again",
            ) from error
        if logits.shape != (2, len(self.labels)) or logits.dtype != np.float32:
            raise BadDataError(
                f"{problem}: config.json has {len(self.labels)} labels, and the logits of {self.graph.name} are"
                f" {logits.dtype} {logits.shape} for two texts",
                "export the model again",
            )


def probabilities(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """Compute the softmax of logits / temperature over the last axis, float64. A row of NaN stays NaN."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _check_inputs(path: Path, session: onnxruntime.InferenceSession) -> tuple[list[str], int | None]:
    """Give the names of the model's inputs, and their length (None for any length).

    Raises:
        BadDataError: the graph is not a text classifier.
    """
    inputs = {value.name: value for value in session.get_inputs()}
    hint = "a text classifier takes input_ids, optionally attention_mask and token_type_ids, and gives logits"
    if "input_ids" not in inputs or not set(inputs) <= set(INPUTS) or OUTPUT not in _outputs(session):
        found = f"takes {', '.join(inputs)} and gives {', '.join(_outputs(session))}"
        raise BadDataError(f"{path} is another kind of model: it {found}", hint)
    for name, value in inputs.items():
        if value.type != "tensor(int64)" or len(value.shape) != 2 or isinstance(value.shape[0], int):  # noqa: PLR2004
            raise BadDataError(
                f"{path}: input {name} is {value.type} {value.shape}, not int64 (any batch, length)", hint
            )
    lengths = {value.shape[1] for value in inputs.values() if isinstance(value.shape[1], int)}
    if len(lengths) > 1 or not all(length > 0 for length in lengths):
        raise BadDataError(f"{path}: the inputs have different lengths: {lengths}", hint)
    return list(inputs), next(iter(lengths), None)


def _outputs(session: onnxruntime.InferenceSession) -> list[str]:
    return [value.name for value in session.get_outputs()]
