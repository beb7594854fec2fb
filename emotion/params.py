"""The schema of a job's params.toml; reads it, applies `--set`, and reports every mistake at once."""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from emotion.errors import BadParametersError, InputMissingError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DataParams(_Table):
    """`[data]`: where text and label are, and how one file becomes three splits."""

    text_column: str = "text"
    label_column: str = "label"
    encoding: str = "utf-8"
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    # Apart from the training seed, so that runs of several seeds are tested on the same rows.
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class TextParams(_Table):
    """`[text]`: the tokenizer, learnt from train alone."""

    vocabulary: Annotated[int, Field(ge=3, le=1_000_000)] = 8126
    max_length: Annotated[int, Field(ge=1, le=4096)] = 35
    padding: Literal["left", "right"] = "right"


class _RecurrentOrDense(_Table):
    embedding_dim: Positive = 128
    hidden: list[Positive] = [64, 32]
    # Whole features of the embedding at all places, and single values of it.
    feature_dropout: Fraction = 0.0
    embedding_dropout: Fraction = 0.0


class AnnParams(_RecurrentOrDense):
    """`[model]` of the ANN."""

    name: Literal["ann"] = "ann"
    same_start: bool = True


class LstmParams(_RecurrentOrDense):
    """`[model]` of the LSTM."""

    name: Literal["lstm"] = "lstm"
    units: Positive = 128
    # What the LSTM hands on, both directions together.
    units_dropout: Fraction = 0.0


class TrainingParams(_Table):
    """`[training]`: the optimiser, its schedule, augmentation and when to stop."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    # Epochs without a better validation accuracy after which training ends.
    patience: Positive = 10_000
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    # Peak of a linear warm-up over a share of the steps, followed by a cosine.
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    warmup: Fraction = 0.0
    label_smoothing: Fraction = 0.0
    # Decay a step of the running average of the weights that is evaluated and kept; 0 is none.
    average: Fraction = 0.0
    # Share of words that become unknown; whether the words move to a random place of the padded length.
    word_dropout: Fraction = 0.0
    shift: bool = False
    # Batches of rows of about one length, padded little further than that; for models that read in order.
    buckets: bool = False


class ExportParams(_Table):
    """`[export]`: the ONNX file and how close it has to be to the trained model."""

    opset: Annotated[int, Field(ge=17, le=23)] = 17
    parity: Annotated[float, Field(gt=0, le=0.1)] = 1e-4


class ResourceParams(_Table):
    """`[resources]`: what the job may use. 0 threads are all cores that the process may run on."""

    threads: Annotated[int, Field(ge=0, le=1024)] = 0


class Params(_Table):
    """Every resolved parameter of one training run."""

    data: DataParams = DataParams()
    text: TextParams = TextParams()
    model: Annotated[AnnParams | LstmParams, Field(discriminator="name")]
    training: TrainingParams = TrainingParams()
    export: ExportParams = ExportParams()
    resources: ResourceParams = ResourceParams()

    def digest(self, *inputs: str) -> str:
        """SHA-256 of all that decides the result: parameters without `[resources]`, and digests of `inputs`."""
        content = [self.model_dump(exclude={"resources"}), *inputs]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_params(model: str, file: Path, overrides: Sequence[str] = ()) -> Params:
    """Read `file`, apply `table.key=value` overrides, and check the whole.

    Raises:
        InputMissingError: there is no such file.
        BadParametersError: every mistake found, a line each.
    """
    tables = _read(file)
    mistakes = _apply(tables, overrides)
    named = tables.setdefault("model", {})
    if isinstance(named, dict) and named.setdefault("name", model) != model:
        mistakes.append(f"{file}: [model] name: is {named['name']!r}, and the job is {model!r}")
        named["name"] = model
    try:
        params = Params.model_validate(tables)
    except ValidationError as error:
        overridden = {text.partition("=")[0].strip() for text in overrides}
        overridden |= {table for name in overridden if (table := name.partition(".")[0]) not in Params.model_fields}
        mistakes += [_mistake(detail, file, overridden, model) for detail in error.errors()]
    if mistakes:
        raise BadParametersError(
            "the parameters are wrong:\n" + "\n".join(f"  {line}" for line in mistakes),
            f"see `emotion params show {model}` for every key and its default",
        )
    return params


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError as error:
        raise InputMissingError(f"no such parameter file: {file}") from error
    except OSError as error:
        raise InputMissingError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadParametersError(f"{file} is not TOML: {error}") from error


def _apply(tables: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Write `overrides` into `tables`; return what is wrong with them."""
    mistakes = []
    for text in overrides:
        name, equals, value = text.partition("=")
        table, dot, key = name.strip().partition(".")
        if not (equals and dot and table and key):
            mistakes.append(f"--set {text}: is not table.key=value")
        elif not isinstance(tables.setdefault(table, {}), dict):
            mistakes.append(f"--set {text}: {table} is not a table")
        else:
            tables[table][key] = _value(value.strip())
    return mistakes


def _value(text: str) -> Any:
    """Parse a TOML value; what is none is a string, so that quotes may be left out."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text


def _mistake(detail: ErrorDetails, file: Path, overridden: set[str], model: str) -> str:
    """Say where a mistake is, what is wrong, and what was found."""
    path = [str(part) for part in detail["loc"]]
    if path[:1] == ["model"] and len(path) > 1:
        del path[1]  # pydantic names the chosen member of the union
    where = f"--set {'.'.join(path[:2])}" if ".".join(path[:2]) in overridden else str(file)
    place = f"{where}: [{path[0]}] {'.'.join(path[1:])}".rstrip() if path else where
    if detail["type"] == "extra_forbidden":
        return f"{place}: unknown {'key' if len(path) > 1 else 'table'}{_nearest(path, model)}"
    if detail["type"] == "model_type":
        return f"{place}: is not a table, found {detail['input']!r:.80}"
    found = "" if detail["type"] in {"missing", "value_error"} else f", found {detail['input']!r:.80}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}{found}"


def _nearest(path: list[str], model: str) -> str:
    """Suggest the key that was probably meant."""
    known: list[str] = list(Params.model_fields)
    if len(path) > 1:
        known = [key for table in _tables(path[0], model) for key in table.model_fields]
    near = difflib.get_close_matches(path[-1], known, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(dict.fromkeys(known))}"


def _tables(name: str, model: str) -> list[type[BaseModel]]:
    if name == "model":
        return [table for table in (AnnParams, LstmParams) if table.model_fields["name"].default == model]
    annotation = Params.model_fields[name].annotation
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
