"""Layout of the store: paths of runs, comparisons and weights, and valid names of runs."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.reader import runs_command

# A DNS label, because a run's name becomes the name of a Kubernetes Job.
RUN_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Run:
    """Folder of one training run, `runs/<model>/<name>/`. Its paths may not exist yet."""

    model: str
    name: str
    folder: Path

    @property
    def params(self) -> Path:
        """Resolved parameters, seed, data digests, package versions and hardware."""
        return self.folder / "params.json"

    @property
    def progress(self) -> Path:
        """Progress of the training."""
        return self.folder / "progress.json"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints for resuming; removed when the run is complete."""
        return self.folder / "checkpoints"

    @property
    def history(self) -> Path:
        """CSV with one row per epoch."""
        return self.folder / "history.csv"

    @property
    def tensorboard(self) -> Path:
        """Event files for TensorBoard: scalars per step and per epoch."""
        return self.folder / "tensorboard"

    @property
    def answers(self) -> Path:
        """The teacher's answers that a student learns from."""
        return self.folder / "teacher"

    @property
    def exported(self) -> Path:
        """The portable model: model.onnx, tokenizer.json, config.json."""
        return self.folder / "model"

    @property
    def weights(self) -> Path:
        """The final weights in the training framework's own format."""
        return self.folder / "weights"

    @property
    def predictions(self) -> Path:
        """validation.npz and test.npz."""
        return self.folder / "predictions"

    @property
    def mistakes(self) -> Path:
        """The most confident mistakes on validation and test, with their texts."""
        return self.predictions / "mistakes.json"

    @property
    def figures(self) -> Path:
        """Training, confusion, calibration, precision and recall, architecture: as PNG and SVG."""
        return self.folder / "figures"

    @property
    def architecture(self) -> Path:
        """Layers, shapes, parameters."""
        return self.folder / "architecture.json"

    @property
    def report(self) -> Path:
        """scikit-learn's classification report on validation and test, and the most confident mistakes."""
        return self.folder / "report.txt"

    @property
    def metrics(self) -> Path:
        """The metrics, written last: their existence means that the run is complete."""
        return self.folder / "metrics.json"

    @property
    def complete(self) -> bool:
        """Whether the run is complete: its metrics exist."""
        return self.metrics.is_file()

    def __str__(self) -> str:
        return f"{self.model}/{self.name}"


@dataclass(frozen=True)
class Store:
    """The store: a local folder, a mounted volume claim, or NFS."""

    folder: Path

    @property
    def comparison(self) -> Path:
        """comparison.{csv,md,json,html}, composites.json and best.json."""
        return self.folder / "comparison"

    @property
    def best(self) -> Path:
        """Names the winning run."""
        return self.comparison / "best.json"

    @property
    def weights(self) -> Path:
        """Pretrained weights, in `<org>/<name>/`."""
        return self.folder / "weights"

    def pretrained(self, repository: str) -> Path:
        """Folder of the pretrained weights `org/name`; it may not exist yet."""
        return self.weights / repository

    def run(self, model: str, name: str) -> Run:
        """Give the run with this name; its folder may not exist yet.

        Raises:
            UsageError: `name` or `model` is not a DNS label of at most 40 characters.
        """
        for value, kind in ((name, "run"), (model, "model")):
            if not RUN_NAME.fullmatch(value):
                raise UsageError(
                    f"{value!r} is not a {kind} name",
                    "use 1 to 40 lower-case letters, digits and hyphens, with a letter or digit at both ends",
                )
        return Run(model, name, self.folder / "runs" / model / name)

    def runs(self) -> Iterator[Run]:
        """List all runs, complete or not, sorted by model and name. Other folders are skipped."""
        for model in _folders(self.folder / "runs"):
            for folder in _folders(model):
                yield Run(model.name, folder.name, folder)

    def find(self, text: str) -> Run:
        """Find a run by `MODEL/RUN`, or by RUN only.

        Raises:
            InputMissingError: the store has no such run.
            UsageError: several models have a run with this name.
        """
        model, _, name = text.rpartition("/")
        found = [run for run in self.runs() if run.name == name and model in {"", run.model}]
        if not found:
            raise InputMissingError(f"no run {text!r} in {self.folder}", runs_command("list", self.folder))
        if len(found) > 1:
            raise UsageError(f"several models have a run {text!r}: {', '.join(map(str, found))}", "give the full name")
        return found[0]


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and RUN_NAME.fullmatch(path.name))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from the store.

    Raises:
        InputMissingError: the file does not exist or cannot be read.
        BadDataError: the file is truncated, not JSON, or not an object.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputMissingError(f"no such file: {path}") from error
    except OSError as error:
        raise InputMissingError(f"cannot read {path}: {error.strerror}") from error
    return parse_json(content, path)


def parse_json(encoded: bytes, path: Path) -> dict[str, Any]:
    """Parse a JSON object; `path` is its file.

    Raises:
        BadDataError: the content is truncated, not JSON, or not an object.
    """
    try:
        content = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise BadDataError(f"{path} is not complete JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadDataError(f"{path} holds a JSON {type(content).__name__} instead of an object")
    return content
