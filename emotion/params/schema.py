"""The schema of a job's params.toml: its tables, their keys, defaults and bounds."""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from emotion.store.layout import RUN_NAME

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


# The tags keep a mistake in one of the two from being told as one in both.
ClassWeights = Annotated[
    Annotated[Literal["none", "balanced"], Tag("word")]
    | Annotated[dict[str, Annotated[float, Field(gt=0)]], Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "word"),
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DataTable(_Table):
    """`[data]`: where text and label are, and how one file becomes three splits."""

    text_column: str = "text"
    label_column: str = "label"
    encoding: str = "utf-8"
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    # Apart from the training seed, so that runs of several seeds are tested on the same rows.
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class WordTextTable(_Table):
    """`[text]` of models with words of their own: the tokenizer, learnt from train alone."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 8126
    max_length: Annotated[int, Field(ge=1, le=4096)] = 35
    padding: Literal["left", "right"] = "right"


class TransformerTextTable(_Table):
    """`[text]` of transformers, whose tokenizer comes with the checkpoint."""

    # Tokens with the special ones; 0 is the length that 99.5 % of train's texts fit into.
    max_length: Annotated[int, Field(ge=0, le=4096)] = 0


class _RecurrentOrDense(_Table):
    embedding_dim: Positive = 128
    hidden: list[Positive] = [64, 32]
    # Whole features of the embedding at all places, and single values of it.
    feature_dropout: Fraction = 0.0
    embedding_dropout: Fraction = 0.0


class AnnTable(_RecurrentOrDense):
    """`[model]` of the ANN."""

    name: Literal["ann"] = "ann"
    same_start: bool = True


class LstmTable(_RecurrentOrDense):
    """`[model]` of the LSTM."""

    name: Literal["lstm"] = "lstm"
    units: Positive = 128
    # What the LSTM hands on, both directions together.
    units_dropout: Fraction = 0.0


class TransformerTable(_Table):
    """`[model]` of the transformers: the checkpoint that training starts from."""

    name: Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")]
    # A hub id (`org/name`) or a folder with config.json, model.safetensors and tokenizer.json.
    checkpoint: Annotated[str, Field(min_length=1)]
    # The commit on the hub; a folder has none.
    revision: str = ""
    # `random` takes the architecture alone, and of the models that `emotion models` lists nothing has to be there:
    # they learn a tokenizer from train. Of others the checkpoint's tokenizer is taken.
    init: Literal["pretrained", "random"] = "pretrained"


class TrainingTable(_Table):
    """`[training]`: the optimiser, its schedule, the loss, and when to stop."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    # Epochs without a better validation accuracy after which training ends.
    patience: Positive = 10_000
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    # Peak of a linear warm-up over a share of the steps, followed by a cosine or a line downwards.
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    warmup: Fraction = 0.0
    schedule: Literal["cosine", "linear"] = "cosine"
    # Decoupled, on matrices alone: not on biases and normalisations.
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    # Largest norm of all gradients together; 0 is no limit.
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    # `balanced` makes every label count the same; or a weight a label, 1 for those left out.
    class_weights: ClassWeights = "none"
    label_smoothing: Fraction = 0.0
    # Decay a step of the running average of the weights that is evaluated and kept; 0 is none.
    average: Fraction = 0.0
    # Batches of rows of about one length, padded little further than that.
    buckets: bool = False
    # The same bits every time on the same hardware, at some cost in speed.
    deterministic: bool = False


class WordTrainingTable(TrainingTable):
    """`[training]` of models with words of their own: with augmentation."""

    # Share of words that become unknown; whether the words move to a random place of the padded length.
    word_dropout: Fraction = 0.0
    shift: bool = False


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
    # `auto` decides by the hardware, and says why.
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    xla: Literal["auto", "on", "off"] = "auto"


class ExportTable(_Table):
    """`[export]`: the ONNX file and how close it has to be to the trained model."""

    opset: Annotated[int, Field(ge=17, le=23)] = 17
    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-4


class TransformerExportTable(ExportTable):
    """`[export]` of the transformers: also as int8, where that costs next to no accuracy."""

    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    int8: bool = True


class ResourcesTable(_Table):
    """`[resources]`: what the job may use, none of which decides what is learnt. 0 is as much as there is.

    `device` is where it trains: `auto` on GPUs where there are any, `gpu` nowhere else, `cpu` never on them.
    """

    device: Literal["auto", "cpu", "gpu"] = "auto"
    # Devices of this process: GPUs, or equal parts of the CPU.
    replicas: Annotated[int, Field(ge=0, le=64)] = 0
    # Cores that the process may run on.
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    # Memory of the process, or of each GPU ("6G", "800M"): batches are split so that training fits.
    max_memory: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8} *[MG])$")] = "0"
    # Rows that a device takes at once; 0 is as many as fit.
    micro_batch: Annotated[int, Field(ge=0, le=65_536)] = 0
    # How often a checkpoint is written: "200 steps", "30s", "5m", "1h".
    checkpoint_every: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8} *(steps|s|m|h)$")] = "1m"
    # Seconds to wait for a run that another process holds, and for other workers.
    wait: Annotated[int, Field(ge=0, le=86_400)] = 300


class Params(_Table):
    """Every resolved parameter of one training run, as far as all models have it."""

    data: DataTable = DataTable()
    text: WordTextTable | TransformerTextTable
    model: AnnTable | LstmTable | TransformerTable
    training: TrainingTable = TrainingTable()
    export: ExportTable = ExportTable()
    resources: ResourcesTable = ResourcesTable()

    def digest(self, *inputs: str) -> str:
        """SHA-256 of all that decides the result: parameters without `[resources]`, and digests of `inputs`."""
        content = [self.model_dump(exclude={"resources"}), *inputs]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class WordParams(Params):
    """Parameters of a model that learns its words from train: ANN and LSTM."""

    text: WordTextTable = WordTextTable()
    model: Annotated[AnnTable | LstmTable, Field(discriminator="name")]
    training: WordTrainingTable = WordTrainingTable()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse what would end in a traceback, or train on texts without their words."""
        if self.training.buckets and isinstance(self.model, AnnTable):
            raise ValueError("[training] buckets makes batches of many lengths, and the ann takes one: set it to false")
        if self.training.shift and (self.training.buckets or self.text.padding == "left"):
            raise ValueError(
                '[training] shift moves words into the padding behind them: it needs [text] padding = "right" and'
                " [training] buckets = false"
            )
        return self


class TransformerParams(Params):
    """Parameters of a model that starts from a checkpoint: the transformers."""

    text: TransformerTextTable = TransformerTextTable()
    model: TransformerTable
    training: FineTuningTable = FineTuningTable()
    export: TransformerExportTable = TransformerExportTable()


WORD_MODELS = ("ann", "lstm")


def schema(model: str) -> type[WordParams] | type[TransformerParams]:
    """The parameters that the model of this name has."""
    return WordParams if model in WORD_MODELS else TransformerParams
