"""What a soak test works on: data, the commands, and the results that they give undisturbed."""

import shutil
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from emotion.data.sample import generate
from emotion.store.layout import Store
from tests import soak_results
from tests.builders import write_dataset
from tests.pretrained import write_pretrained
from tests.soak_kills import Soak

NAME = "soak"
INTERVAL = 5
ROWS = {"train": 480, "validation": 120, "test": 120}
CLASSIFIED = 50_000
SHARDS = 4
SIZES = {
    "ann": ["training.epochs=16"],
    "lstm": ["training.epochs=8", "model.units=16", "training.batch_size=32"],
    # Without int8, because its measured speed differs in every run.
    "bert": ["training.epochs=8", "training.learning_rate=1e-3", "export.int8=false"],
}


@dataclass
class Workspace:
    """Data, undisturbed results, and their times in seconds."""

    folder: Path
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def undisturbed(self) -> Store:
        return Store(self.folder / "undisturbed")

    def train(self, model: str, store: Store) -> list[str]:
        """Command that trains."""
        sizes = ["training.batch_size=32", *SIZES[model]]
        sizes += [f"model.checkpoint={self.folder / 'pretrained'}"] if model == "bert" else []
        changes = [argument for size in sizes for argument in ("--set", size)]
        command = ["train", model, "--data", str(self.folder / "data"), "--store", str(store.folder), "--run", NAME]
        options = ["--deterministic", "--checkpoint-every", f"{INTERVAL} steps"]
        return [*command, *options, "--log-format", "json", *changes]

    def classify(self, output: Path, *options: str) -> list[str]:
        """Command that classifies."""
        model = self.undisturbed.run("ann", NAME).folder
        return ["classify", str(self.folder / "in.csv"), str(output), "--model", str(model), "--threads", "1", *options]


def aggregate(store: Store) -> list[str]:
    """Command that compares."""
    return ["aggregate", "--all", "--store", str(store.folder)]


def write_data(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Remove what an earlier soak left, and write a data set. Its splits are returned."""
    for name in ("data", "pretrained", "undisturbed", "rounds", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    splits = {name: rows[: ROWS[name]] for name, rows in generate().items()}
    write_dataset(folder / "data", train=splits["train"], validation=splits["validation"], test=splits["test"])
    return splits


def prepare(soak: Soak) -> Workspace:
    """Write data, and run every command once, undisturbed."""
    workspace = Workspace(soak.folder)
    splits = write_data(soak.folder)
    write_pretrained(workspace.folder / "pretrained", "bert", [text for text, _ in splits["train"]])
    texts = islice(cycle([*(text for text, _ in splits["test"]), ""]), CLASSIFIED)
    lines = (f'{number},"{text}"\n' for number, text in enumerate(texts))
    (workspace.folder / "in.csv").write_text("id,text\n" + "".join(lines))
    store = workspace.undisturbed
    for model in SIZES:
        run_undisturbed(soak, workspace, model, workspace.train(model, store))
        workspace.results[model] = soak_results.training(store.run(model, NAME))
    output = store.folder / "out.csv"
    run_undisturbed(soak, workspace, "classify", workspace.classify(output))
    workspace.results["classify"] = classified(output)
    run_undisturbed(soak, workspace, "shard", workspace.classify(store.folder / "parts.csv", "--shard", f"0/{SHARDS}"))
    run_undisturbed(soak, workspace, "aggregate", aggregate(store))
    return workspace


def run_undisturbed(soak: Soak, workspace: Workspace, what: str, command: list[str]) -> None:
    """Run a command, and note its time."""
    began = time.monotonic()
    if soak.attempt(f"{what} undisturbed", command, soak.dice(what), 0).code:
        sys.exit(1)
    workspace.seconds[what] = time.monotonic() - began
    soak.say(f"{what}: {workspace.seconds[what]:.1f} s undisturbed")


def classified(output: Path) -> dict[str, Any]:
    """Bytes of an output and its errors file, if they exist."""
    files = {"out": output, "errors": output.with_name(output.name + ".errors.csv")}
    return {name: path.read_bytes() for name, path in files.items() if path.exists()}
