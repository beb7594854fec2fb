"""The schema and the reader of metrics.json, the metrics of a complete run."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion.errors import BadDataError
from emotion.params.schema import TeacherName
from emotion.store.layout import read_json

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    # Later versions may add keys; the keys here must be valid.
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class LabelScores(_Part):
    """Scores of one label on one split."""

    precision: Share
    recall: Share
    f1: Share
    support: Count


class SharedTexts(_Part):
    """Rows of a split with texts that train has, too, like `emotion.data.overlap.Overlap`."""

    texts: Count
    share: Share
    other_label: Count


class SplitScores(_Part):
    """Scores on one split, computed from the exported model. `loss` is the mean cross-entropy in nats.

    `macro_f1` is the mean over `macro_f1_labels`, the labels with rows in the split. Runs of earlier versions do not
    have these labels and `in_train`; train has no `in_train`.
    """

    rows: Count
    accuracy: Share
    loss: Amount
    macro_f1: Share
    macro_f1_labels: list[str] | None = None
    in_train: SharedTexts | None = None


class TestScores(SplitScores):
    """Scores on test, with the 95 % Wilson interval and the expected calibration error of 15 bins.

    `ece` belongs to the logits as trained, `ece_scaled` to the scores that `emotion classify` writes.
    """

    accuracy_ci95: tuple[Share, Share]
    ece: Share
    ece_scaled: Share | None = None
    per_class: dict[str, LabelScores]


class Parameters(_Part):
    """Number of weights."""

    total: Count
    trainable: Count


class _GraphScores(_Part):
    """A file in another precision; `kept` is whether the run has the file, and `reason` why not."""

    kept: bool
    reason: str
    bytes: Count
    label_agreement: Share
    accuracy_change: float


class Int8Scores(_GraphScores):
    """The quantized file compared with the float32 file on validation; `speedup` is the ratio of rows per second."""

    speedup: Amount


class Float16Scores(_GraphScores):
    """The float16 file on `device`, compared with the float32 file on validation."""

    device: Literal["cpu", "gpu"]


class OnnxScores(_Part):
    """The exported file, and the distance of its logits from the trained model on validation.

    `digests` maps the files of `model/` to their SHA-256 (`emotion.onnx.digests`). Runs of earlier versions have none.
    """

    bytes: Count
    max_abs_logit_diff: Amount
    label_agreement: Share
    rows_per_second: Amount
    int8: Int8Scores | None = None
    float16: Float16Scores | None = None
    digests: dict[str, Sha256] | None = None


class WeightsSource(_Part):
    """The pretrained weights at the start of training; `verified` if their digests equal the published digests."""

    checkpoint: str
    source: str
    revision: str
    verified: bool
    sha256: dict[str, Sha256]


class TeacherSource(_Part):
    """A student's teacher: a run or composite, its SHA-256, and its `weight` relative to train's labels.

    The teacher also gave the labels of `made_texts` and `unlabelled_texts`.
    """

    run: TeacherName
    sha256: Sha256
    weight: Share
    temperature: Amount
    made_texts: Count
    unlabelled_texts: Count

    @property
    def models(self) -> str:
        """Names of the teacher's models: `minilm`, or `2 minilm + bert` for an ensemble of three runs."""
        runs = self.run.rpartition(":")[2].split(",")
        counts = Counter(run.partition("/")[0] for run in runs)
        return " + ".join(f"{times} {model}" if times > 1 else model for model, times in counts.items())


class Digests(_Part):
    """SHA-256 of texts and labels, by split."""

    train: Sha256
    validation: Sha256
    test: Sha256


class DataSource(_Part):
    """The data set of the run; an empty license or source is unknown."""

    name: str
    sample: bool
    source: str = ""
    licence: str = ""
    labels: list[str]
    digests: Digests

    @property
    def judged_on(self) -> str:
        """Hex digits that are equal for runs with equal validation and test rows."""
        return self.digests.test[:8] + self.digests.validation[:8]


class Candidate(_Part):
    """A candidate for the choice on validation: features, classifier with C, and validation accuracy."""

    features: str
    classifier: str
    c: Amount
    validation_accuracy: Share
    converged: bool


class Seconds(_Part):
    """Seconds of all steps except fitting, which is `training_seconds`."""

    load: Amount
    export: Amount
    evaluation: Amount


class Metrics(_Part):
    """The content of metrics.json.

    `samples_per_second` is the throughput of fitting; `peak_memory_bytes` belongs to the process. `training_seconds`
    is the sum of all attempts; `resumes` counts the attempts after the first. A device takes `micro_batch` rows at
    once. `temperature` is fitted on validation; classifying divides logits by it. `candidates` are the models that
    validation chose from, if a training fits several.
    """

    model: str
    run: str
    seed: Count
    finished_at: str
    data: DataSource
    training_seconds: Amount
    seconds: Seconds
    epochs: Count
    best_epoch: Count
    parameters: Parameters
    train: SplitScores
    validation: SplitScores
    test: TestScores
    onnx: OnnxScores
    peak_memory_bytes: Count
    samples_per_second: Amount
    max_length: Count = 0
    precision: str = "float32"
    micro_batch: Count = 0
    temperature: Annotated[float, Field(gt=0)] = 1.0
    resumes: Count = 0
    weights: WeightsSource | None = None
    teacher: TeacherSource | None = None
    candidates: list[Candidate] = []

    @property
    def title(self) -> str:
        """The model's name for people, which distinguishes students from models without a teacher."""
        return f"{self.model} taught by {self.teacher.models}" if self.teacher else self.model

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that validation chose: the first of the most accurate candidates."""
        return max(self.candidates, key=lambda candidate: candidate.validation_accuracy, default=None)

    def absent_labels(self, scores: SplitScores) -> list[str]:
        """List labels without rows in the split of `scores`, which macro-F1 leaves out; [] if unknown."""
        present = scores.macro_f1_labels
        return [] if present is None else sorted(set(self.data.labels) - set(present))


def read_metrics(path: Path) -> Metrics:
    """Read and check a metrics.json.

    Raises:
        InputMissingError: the file does not exist.
        BadDataError: the file is truncated, or does not hold a run's metrics.
    """
    content = read_json(path)
    try:
        return Metrics.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadDataError(f"{path} is not a run's metrics: {key}: {first['msg'].lower()}") from error
