"""The trainable models, as data. The module imports no framework, so listing models is instant."""

from dataclasses import dataclass
from pathlib import Path

from emotion.errors import UsageError
from emotion.weights.catalog import PRETRAINED, PretrainedModel

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ModelInfo:
    """Facts about a model that are known without building it.

    `parameters` counts the weights, all trainable, for the reference task: six labels and, if training learns the
    vocabulary, 8,126 words. The linear model has all words and bigrams of the `emotion` data set. `pretrained` is the
    start of training, or None for random weights.
    """

    name: str
    description: str
    parameters: int
    pretrained: PretrainedModel | None = None


MODELS = {
    info.name: info
    for info in (
        ModelInfo("linear", "TF-IDF of words and bigrams, SVM or logistic regression: trains in seconds", 245_856),
        ModelInfo("ann", "Embedding, flatten, three dense layers: trains in seconds", 1_329_190),
        ModelInfo("lstm", "Embedding, bidirectional LSTM, three dense layers: reads words in order", 1_322_022),
        ModelInfo(
            "bert",
            "BERT base, uncased, 12 layers of 768: the reference transformer",
            109_486_854,
            PRETRAINED["google-bert/bert-base-uncased"],
        ),
        ModelInfo(
            "distilbert",
            "DistilBERT base, uncased, 6 layers of 768: BERT distilled to half its depth",
            66_958_086,
            PRETRAINED["distilbert/distilbert-base-uncased"],
        ),
        ModelInfo(
            "albert",
            "ALBERT base v2, 12 layers of 768 that share one set of weights: small on disk",
            11_688_198,
            PRETRAINED["albert/albert-base-v2"],
        ),
        ModelInfo(
            "mobilebert",
            "MobileBERT, uncased, 24 narrow layers with bottlenecks: made for phones",
            24_584_966,
            PRETRAINED["google/mobilebert-uncased"],
        ),
        ModelInfo(
            "minilm",
            "MiniLM (all-MiniLM-L6-v2), 6 layers of 384: the lightest transformer",
            22_715_526,
            PRETRAINED["sentence-transformers/all-MiniLM-L6-v2"],
        ),
    )
}


def find_model(name: str) -> ModelInfo:
    """Find a model by its name.

    Raises:
        UsageError: no model has this name.
    """
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}", f"the models are {', '.join(MODELS)}")
    return MODELS[name]


def jobs_folder() -> Path:
    """Find `jobs/`: inside the installed package, or next to the package in a checkout."""
    inside = PACKAGE / "jobs"
    return inside if inside.is_dir() else PACKAGE.parent / "jobs"


def params_file(model: str) -> Path:
    """Give the path of the model's params.toml."""
    return jobs_folder() / find_model(model).name / "params.toml"
