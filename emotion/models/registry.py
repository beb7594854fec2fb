"""The models that can be trained, as data. Imports no framework, so that listing them is instant."""

from dataclasses import dataclass
from pathlib import Path

from emotion.errors import UsageError

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know of a model before it is built.

    `parameters` (all trainable) are those of the reference task: a vocabulary of 8,126 and six labels.
    `checkpoint` is the pretrained checkpoint that training starts from, or None.
    """

    name: str
    description: str
    parameters: int
    checkpoint: str | None = None


MODELS = {
    info.name: info
    for info in (
        ModelInfo("ann", "Embedding, flatten, three dense layers: trains in seconds, the baseline", 1_329_190),
        ModelInfo("lstm", "Embedding, bidirectional LSTM, three dense layers: reads words in order", 1_322_022),
    )
}


def find_model(name: str) -> ModelInfo:
    """Look a model up.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}", f"the models are {', '.join(MODELS)}")
    return MODELS[name]


def jobs_folder() -> Path:
    """`jobs/`: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / "jobs"
    return inside if inside.is_dir() else PACKAGE.parent / "jobs"


def params_file(model: str) -> Path:
    """The model's own params.toml."""
    return jobs_folder() / find_model(model).name / "params.toml"
