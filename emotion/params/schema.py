"""Schema of a job's params.toml: tables, keys, defaults and bounds."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from emotion.store.layout import RUN_NAME

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
# Without the tags, pydantic would report a mistake in one alternative for both.
ClassWeights = Annotated[
    Annotated[Literal["none", "balanced"], Tag("word")] | Annotated[dict[str, PositiveFloat], Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "word"),
]

# Keys that runs of earlier versions do not have, by table.
LATER_KEYS = {"data": ("delimiter", "quoting", "header"), "training": ("teacher",), "export": ("float16",)}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DataTable(_Table):
    """`[data]`: columns of text and label, and the division of one file into three splits."""

    text_column: str = "text"
    label_column: str = "label"
    encoding: str = "utf-8"
    # For CSV and TSV files. `auto` finds delimiter and quoting in the file; without a header, columns are called 1, 2,
    # ...
    delimiter: Annotated[str, Field(pattern=r'^(auto|tab|[^"\r\n\x00])$')] = "auto"
    quoting: Literal["auto", "csv", "none"] = "auto"
    header: bool = True
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    # Separate from the training seed: runs with different training seeds share their test rows.
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class WordTextTable(_Table):
    """`[text]` of the word models: a tokenizer learned only from train."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 8126
    max_length: Annotated[int, Field(ge=1, le=4096)] = 35
    padding: Literal["left", "right"] = "right"


class LinearTextTable(WordTextTable):
    """`[text]` of the linear model: a sum over words is cheap, so the vocabulary is larger."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 50_000
    max_length: Annotated[int, Field(ge=1, le=4096)] = 512
    # Bigrams, pairs of neighboring words, besides words. `auto` lets validation decide.
    bigrams: Literal["auto", "yes", "no"] = "auto"
    # Limit on bigrams: the most frequent bigrams that at least two texts of train have.
    bigram_vocabulary: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    # Factor on the inverse document frequency of bigrams.
    bigram_weight: Annotated[float, Field(gt=0, le=10)] = 0.5


class TransformerTextTable(_Table):
    """`[text]` of the transformers: their tokenizer comes with the pretrained weights."""

    # Tokens, including special tokens; 0 means the length that covers 99.5 % of train's texts.
    max_length: Annotated[int, Field(ge=0, le=4096)] = 0


class _WordModelTable(_Table):
    embedding_dim: Positive = 128
    hidden: list[Positive] = [64, 32]
    # Dropout of whole embedding features at all positions, and of single embedding values.
    feature_dropout: Fraction = 0.0
    embedding_dropout: Fraction = 0.0


class AnnTable(_WordModelTable):
    """`[model]` of the ANN."""

    name: Literal["ann"] = "ann"
    # Start every position with the same weights (models/ann.py).
    same_start: bool = True


class LstmTable(_WordModelTable):
    """`[model]` of the LSTM."""

    name: Literal["lstm"] = "lstm"
    units: Positive = 128
    # Output of the LSTM, both directions together.
    units_dropout: Fraction = 0.0


class LinearTable(_Table):
    """`[model]` of the linear model. It has no size parameter: one weight per feature and label."""

    name: Literal["linear"] = "linear"


class TransformerTable(_Table):
    """`[model]` of the transformers: the pretrained model at the start of training."""

    name: Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")]
    # A hub id (`org/name`) or a folder with config.json, model.safetensors and tokenizer.json.
    checkpoint: Annotated[str, Field(min_length=1)]
    # Commit on the hub; empty for a folder.
    revision: str = ""
    # `random` uses only the architecture. Then models in the list of `emotion models` need no files and learn a
    # tokenizer from train; other models use their files' tokenizer.
    init: Literal["pretrained", "random"] = "pretrained"


class TrainingTable(_Table):
    """`[training]`: the optimizer, its schedule, the loss, and early stopping."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    # Early stopping: training ends after this many epochs without improvement (training/early_stopping.py).
    patience: Positive = 10_000
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    # Peak after a linear warm-up over the share `warmup` of the steps; then a cosine or linear decay.
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    warmup: Fraction = 0.0
    schedule: Literal["cosine", "linear"] = "cosine"
    # Decoupled weight decay, only for matrices, not for biases and normalizations.
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    # Maximum global norm of the gradients; 0 means no limit.
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    # `balanced` gives every label the same total weight. A table has one weight per label, 1 by default.
    class_weights: ClassWeights = "none"
    label_smoothing: Fraction = 0.0
    # Decay per step of the moving average of the weights, which is evaluated and kept; 0 means no average.
    average: Fraction = 0.0
    # Batches of rows of similar length, with little padding.
    buckets: bool = False
    # Bit-by-bit reproducible on the same hardware, but slower.
    deterministic: bool = False


RUN = f"{RUN_NAME.pattern}/{RUN_NAME.pattern}"
TEACHER = re.compile(f"{RUN}|ensemble:{RUN}(,{RUN})+|cascade:{RUN},{RUN}(@[0-9.]+)?")


def _check_teacher(name: str) -> str:
    if not TEACHER.fullmatch(name):
        raise ValueError("name a run as MODEL/RUN, or several as ensemble:A,B,C or cascade:A,B")
    return name


TeacherName = Annotated[str, AfterValidator(_check_teacher)]


class TeacherTable(_Table):
    """`[training.teacher]`: a trained model. A student learns its probabilities, for train's texts and other texts.

    Validation of the `emotion` data set chose the defaults, for the ANN and the LSTM alike.
    """

    # MODEL/RUN in the store, or several runs: ensemble:A,B,C or cascade:A,B.
    run: TeacherName
    # Weight of the teacher's probabilities for train's texts; train's labels have the rest.
    weight: Annotated[float, Field(ge=0, le=1)] = 0.9
    # Divides the teacher's calibrated logits: above 1, the student learns softer targets.
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    # Number of made texts per text of train, and shares of dropped and replaced words in them.
    made: Annotated[int, Field(ge=0, le=1000)] = 4
    dropped: Fraction = 0.03
    replaced: Fraction = 0.1
    # Factor on the dropouts of `[model]` for a student: with more texts it overfits less.
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.5
    # A file of texts without labels: CSV, TSV or JSONL, with `[data] text_column`. Empty means no file.
    unlabelled: str = ""


class WordTrainingTable(TrainingTable):
    """`[training]` of the word models: with augmentation and optionally a teacher."""

    # Share of words that become unknown, and whether words shift to a random position in the padded length.
    word_dropout: Fraction = 0.0
    shift: bool = False
    teacher: TeacherTable | None = None


class FineTuningTable(TrainingTable):
    """`[training]` of the transformers."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 3
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-5
    warmup: Fraction = 0.1
    schedule: Literal["cosine", "linear"] = "linear"
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    clip_norm: Annotated[float, Field(ge=0)] = 1.0
    buckets: bool = True
    # `auto` chooses by the hardware and reports the reason.
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    xla: Literal["auto", "on", "off"] = "auto"


class LinearTrainingTable(_Table):
    """`[training]` of the linear model: the candidates for the choice on validation."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    # As in other trainings.
    class_weights: ClassWeights = "none"
    # C, the inverse regularization strength, of linear SVMs and logistic regressions. [] excludes the kind.
    svm_c: list[PositiveFloat] = [0.1, 0.3, 0.5, 1.0, 2.0]
    logistic_c: list[PositiveFloat] = [10.0, 30.0]
    # Always true: only the seed draws.
    deterministic: bool = True


class ExportTable(_Table):
    """`[export]`: the ONNX file, and the allowed distance of its logits from the trained model's logits."""

    opset: Annotated[int, Field(ge=17, le=23)] = 17
    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-4


class TransformerExportTable(ExportTable):
    """`[export]` of the transformers: also int8 and float16 files, unless rejected (onnx/compare.py).

    `float16` is off by default: only GPUs gain from it, and checking its range takes time.
    """

    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    int8: bool = True
    float16: bool = False


class ResourcesTable(_Table):
    """`[resources]`: limits on what the job may use. They do not change what the model learns. 0 means no limit.

    `device` is the device for training: `auto` prefers GPUs, `gpu` needs one, `cpu` ignores GPUs.
    """

    device: Literal["auto", "cpu", "gpu"] = "auto"
    # Number of devices for this process: GPUs, or equal shares of the CPU.
    replicas: Annotated[int, Field(ge=0, le=64)] = 0
    # Cores that the process may use.
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    # Memory of the process, or per GPU ("6G", "800M"). Batches are split to fit.
    max_memory: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8} *[MG])$")] = "0"
    # Rows per device and forward pass; 0 means as many as fit.
    micro_batch: Annotated[int, Field(ge=0, le=65_536)] = 0
    # Interval between checkpoints: "200 steps", "30s", "5m", "1h".
    checkpoint_every: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8} *(steps|s|m|h)$")] = "1m"
    # Write scalars for TensorBoard.
    tensorboard: bool = True
    # Seconds to wait for other workers, and for a run that another process holds.
    wait: Annotated[int, Field(ge=0, le=86_400)] = 300


class Params(_Table):
    """All resolved parameters of a training run that are common to all models."""

    data: DataTable = DataTable()
    text: WordTextTable | TransformerTextTable
    model: LinearTable | AnnTable | LstmTable | TransformerTable
    training: LinearTrainingTable | TrainingTable = TrainingTable()
    export: ExportTable = ExportTable()
    resources: ResourcesTable = ResourcesTable()

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters that distinguish trainings; the keys for dialect and float16 count only if they are set.

        So older runs without these keys are found and can resume.
        """
        named = self.model_dump(exclude_defaults=True)
        return self.model_dump(exclude={key: set(keys) - named.get(key, {}).keys() for key, keys in LATER_KEYS.items()})

    def digest(self, *inputs: str) -> str:
        """Compute the SHA-256 of parameters without `[resources]`, and `inputs` (digests): they decide the result."""
        content = [{key: table for key, table in self.identity.items() if key != "resources"}, *inputs]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class LinearParams(Params):
    """Parameters of the linear model."""

    text: LinearTextTable = LinearTextTable()
    model: LinearTable = LinearTable()
    training: LinearTrainingTable = LinearTrainingTable()

    @model_validator(mode="after")
    def _check_candidates(self) -> Self:
        if not self.training.svm_c and not self.training.logistic_c:
            raise ValueError("[training] svm_c and logistic_c are both empty: set at least one candidate")
        return self


class WordParams(Params):
    """Parameters of the word models, ANN and LSTM, which learn a vocabulary from train."""

    text: WordTextTable = WordTextTable()
    model: Annotated[AnnTable | LstmTable, Field(discriminator="name")]
    training: WordTrainingTable = WordTrainingTable()

    @property
    def padded_length(self) -> int | None:
        """The padded length of all rows; None if rows keep nearly their own length, as in buckets."""
        return None if self.training.buckets else self.text.max_length

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        """Refuse combinations that would cause a traceback, or would train on texts without words."""
        if self.training.buckets and isinstance(self.model, AnnTable):
            raise ValueError(
                "[training] buckets makes batches of many lengths, but the ann takes one length: set buckets to false"
            )
        if self.training.shift and (self.training.buckets or self.text.padding == "left"):
            raise ValueError(
                '[training] shift moves words into the padding after them: it needs [text] padding = "right" and'
                " [training] buckets = false"
            )
        return self


class TransformerParams(Params):
    """Parameters of the transformers, which start from pretrained weights."""

    text: TransformerTextTable = TransformerTextTable()
    model: TransformerTable
    training: FineTuningTable = FineTuningTable()
    export: TransformerExportTable = TransformerExportTable()


AnyParams = LinearParams | WordParams | TransformerParams
# Models that learn their words from train. Other models are transformers.
WORD_MODELS = ("linear", "ann", "lstm")


def schema(model: str) -> type[LinearParams] | type[WordParams] | type[TransformerParams]:
    """Give the parameter class of a model."""
    if model == "linear":
        return LinearParams
    return WordParams if model in WORD_MODELS else TransformerParams
