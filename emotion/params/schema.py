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
# The tags keep pydantic from reporting a mistake in one alternative as a mistake in both.
ClassWeights = Annotated[
    Annotated[Literal["none", "balanced"], Tag("word")] | Annotated[dict[str, PositiveFloat], Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "word"),
]

# Keys that runs of earlier versions lack, by table.
LATER_KEYS = {"data": ("delimiter", "quoting", "header"), "training": ("teacher",), "export": ("float16",)}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DataTable(_Table):
    """`[data]`: the columns of text and label, and how one file becomes three splits."""

    text_column: str = "text"
    label_column: str = "label"
    encoding: str = "utf-8"
    # CSV and TSV files. `auto` takes delimiter and quoting from the file; columns without a header are called 1, 2, ...
    delimiter: Annotated[str, Field(pattern=r'^(auto|tab|[^"\r\n\x00])$')] = "auto"
    quoting: Literal["auto", "csv", "none"] = "auto"
    header: bool = True
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    # Separate from the training seed: runs with different seeds have the same test rows.
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class WordTextTable(_Table):
    """`[text]` of the word models: a tokenizer that is learned only from train."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 8126
    max_length: Annotated[int, Field(ge=1, le=4096)] = 35
    padding: Literal["left", "right"] = "right"


class LinearTextTable(WordTextTable):
    """`[text]` of the linear model: a sum over words costs little, so that it takes more of them."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 50_000
    max_length: Annotated[int, Field(ge=1, le=4096)] = 512
    # Bigrams, pairs of neighboring words, beside the words. `auto` takes them if validation says so.
    bigrams: Literal["auto", "yes", "no"] = "auto"
    # Most bigrams, the most frequent of the ones that two or more texts of train have.
    bigram_vocabulary: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    # Factor on the inverse document frequency of bigrams.
    bigram_weight: Annotated[float, Field(gt=0, le=10)] = 0.5


class TransformerTextTable(_Table):
    """`[text]` of the transformers, whose tokenizer comes with the pretrained weights."""

    # Tokens, special ones included; 0 is the length that covers 99.5 % of train's texts.
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
    # Every position starts with the same weights (models/ann.py).
    same_start: bool = True


class LstmTable(_WordModelTable):
    """`[model]` of the LSTM."""

    name: Literal["lstm"] = "lstm"
    units: Positive = 128
    # Output of the LSTM, both directions together.
    units_dropout: Fraction = 0.0


class LinearTable(_Table):
    """`[model]` of the linear model, which has no size of its own: it has a weight per feature and label."""

    name: Literal["linear"] = "linear"


class TransformerTable(_Table):
    """`[model]` of the transformers: the pretrained model that training starts from."""

    name: Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")]
    # A hub id (`org/name`) or a folder with config.json, model.safetensors and tokenizer.json.
    checkpoint: Annotated[str, Field(min_length=1)]
    # Commit on the hub; empty for a folder.
    revision: str = ""
    # `random` takes only the architecture. Models that `emotion models` lists then need no files and learn a tokenizer
    # from train; other models use the tokenizer of their files.
    init: Literal["pretrained", "random"] = "pretrained"


class TrainingTable(_Table):
    """`[training]`: the optimizer, its schedule, the loss, and early stopping."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    # Early stopping: training ends after this many epochs without a better one (training/early_stopping.py).
    patience: Positive = 10_000
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    # Peak after a linear warm-up over the share `warmup` of the steps; then a cosine or linear decay.
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    warmup: Fraction = 0.0
    schedule: Literal["cosine", "linear"] = "cosine"
    # Decoupled, only on matrices: not on biases and normalizations.
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    # Maximum global norm of the gradients; 0 is no limit.
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    # `balanced` gives every label the same total weight. A table has one weight per label; absent labels have 1.
    class_weights: ClassWeights = "none"
    label_smoothing: Fraction = 0.0
    # Decay per step of the moving average of the weights, which is evaluated and kept; 0 keeps the weights themselves.
    average: Fraction = 0.0
    # Batches of rows of similar length, with little padding.
    buckets: bool = False
    # Bitwise reproducible on the same hardware, but slower.
    deterministic: bool = False


RUN = f"{RUN_NAME.pattern}/{RUN_NAME.pattern}"
TEACHER = re.compile(f"{RUN}|ensemble:{RUN}(,{RUN})+|cascade:{RUN},{RUN}(@[0-9.]+)?")


def _check_teacher(name: str) -> str:
    if not TEACHER.fullmatch(name):
        raise ValueError("name a run as MODEL/RUN, or several as ensemble:A,B,C or cascade:A,B")
    return name


# Defaults of `[training.teacher]` that validation chose for the LSTM; the table has the ANN's.
LSTM_STUDENT: dict[str, Any] = {"weight": 0.7, "made": 1, "dropout": 1.0}


class TeacherTable(_Table):
    """`[training.teacher]`: a trained model whose probabilities a student learns, on train's texts and on more."""

    # MODEL/RUN of the store, or several joined: ensemble:A,B,C or cascade:A,B.
    run: Annotated[str, AfterValidator(_check_teacher)]
    # Share of the teacher in what the student learns about train's texts; the rest is train's label.
    weight: Annotated[float, Field(ge=0, le=1)] = 0.9
    # The teacher's logits are divided by it, after its own calibration: above 1 the student learns softer targets.
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    # Texts that are made per text of train, and the shares of their words that are dropped and replaced.
    made: Annotated[int, Field(ge=0, le=1000)] = 4
    dropped: Fraction = 0.03
    replaced: Fraction = 0.1
    # Share of the dropouts of `[model]` that a student keeps: of more texts it learns less by heart.
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.5
    # A file of texts without labels: CSV, TSV or JSONL, with `[data] text_column`. Empty is none.
    unlabelled: str = ""


class WordTrainingTable(TrainingTable):
    """`[training]` of the word models: with augmentation, and perhaps with a teacher."""

    # Share of words that become unknown, and whether the words move to a random position in the padded length.
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
    # `auto` chooses by the hardware and says why.
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    xla: Literal["auto", "on", "off"] = "auto"


class LinearTrainingTable(_Table):
    """`[training]` of the linear model: the candidates, of which validation chooses one."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    # As in other trainings.
    class_weights: ClassWeights = "none"
    # C, the inverse strength of regularization, of linear SVMs and of logistic regressions. [] leaves the kind out.
    svm_c: list[PositiveFloat] = [0.1, 0.3, 0.5, 1.0, 2.0]
    logistic_c: list[PositiveFloat] = [10.0, 30.0]
    # It always is: only the seed draws.
    deterministic: bool = True


class ExportTable(_Table):
    """`[export]`: the ONNX file, and how close its logits must be to the trained model's."""

    opset: Annotated[int, Field(ge=17, le=23)] = 17
    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-4


class TransformerExportTable(ExportTable):
    """`[export]` of the transformers: also as int8 and float16, unless these are rejected (onnx/compare.py).

    `float16` is off unless set: only GPUs gain from it, and the check of its range takes time.
    """

    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    int8: bool = True
    float16: bool = False


class ResourcesTable(_Table):
    """`[resources]`: what the job may use. None of it changes what the model learns. 0 means all that exists.

    `device` is where the model trains: `auto` prefers GPUs, `gpu` needs one, `cpu` ignores them.
    """

    device: Literal["auto", "cpu", "gpu"] = "auto"
    # Devices of this process: GPUs, or equal shares of the CPU.
    replicas: Annotated[int, Field(ge=0, le=64)] = 0
    # Cores that the process may use.
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    # Memory of the process, or per GPU ("6G", "800M"). Batches are split so that training fits.
    max_memory: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8} *[MG])$")] = "0"
    # Rows per device and forward pass; 0 is as many as fit.
    micro_batch: Annotated[int, Field(ge=0, le=65_536)] = 0
    # Interval between checkpoints: "200 steps", "30s", "5m", "1h".
    checkpoint_every: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8} *(steps|s|m|h)$")] = "1m"
    # Write scalars for TensorBoard.
    tensorboard: bool = True
    # Seconds to wait for other workers, and for a run that another process holds.
    wait: Annotated[int, Field(ge=0, le=86_400)] = 300


class Params(_Table):
    """All resolved parameters of one training run that every model has."""

    data: DataTable = DataTable()
    text: WordTextTable | TransformerTextTable
    model: LinearTable | AnnTable | LstmTable | TransformerTable
    training: LinearTrainingTable | TrainingTable = TrainingTable()
    export: ExportTable = ExportTable()
    resources: ResourcesTable = ResourcesTable()

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters that distinguish trainings: a dialect or float16 only if somebody names it.

        So runs from before these keys existed are found, and go on.
        """
        named = self.model_dump(exclude_defaults=True)
        return self.model_dump(exclude={key: set(keys) - named.get(key, {}).keys() for key, keys in LATER_KEYS.items()})

    def digest(self, *inputs: str) -> str:
        """SHA-256 of all that decides the result: the parameters without `[resources]`, and `inputs` (digests)."""
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
            raise ValueError("[training] svm_c and logistic_c are empty: one candidate is needed")
        return self


class WordParams(Params):
    """Parameters of the word models, which learn a vocabulary from train: ANN and LSTM."""

    text: WordTextTable = WordTextTable()
    model: Annotated[AnnTable | LstmTable, Field(discriminator="name")]
    training: WordTrainingTable = WordTrainingTable()

    @property
    def padded_length(self) -> int | None:
        """Length that padding gives every row. None: a row keeps its own length, as the rows of buckets nearly do."""
        return None if self.training.buckets else self.text.max_length

    @model_validator(mode="before")
    @classmethod
    def _add_defaults_of_students(cls, content: Any) -> Any:
        """Add the defaults of an LSTM's teacher to the tables of a parameter file."""
        try:
            lstm, training = content["model"]["name"] == "lstm", content["training"]
            return (
                content | {"training": training | {"teacher": LSTM_STUDENT | training["teacher"]}} if lstm else content
            )
        except (KeyError, TypeError):
            return content

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        """Refuse combinations that end in a traceback, or that train on texts without their words."""
        if self.training.buckets and isinstance(self.model, AnnTable):
            raise ValueError("[training] buckets makes batches of many lengths, and the ann takes one: set it to false")
        if self.training.shift and (self.training.buckets or self.text.padding == "left"):
            raise ValueError(
                '[training] shift moves words into the padding behind them: it needs [text] padding = "right" and'
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
# Models that learn their words from train. Others are transformers.
WORD_MODELS = ("linear", "ann", "lstm")


def schema(model: str) -> type[LinearParams] | type[WordParams] | type[TransformerParams]:
    """Parameters class of the model of this name."""
    if model == "linear":
        return LinearParams
    return WordParams if model in WORD_MODELS else TransformerParams
