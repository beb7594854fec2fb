"""Options that `emotion submit classify` passes to `emotion classify` in the pods: checks and variables."""

from dataclasses import dataclass

from emotion.classify.error_limit import ErrorLimit
from emotion.composites.spec import parse_composite
from emotion.errors import UsageError
from emotion.records.dialect import parse_delimiter
from emotion.records.text_io import codec_name


@dataclass(frozen=True)
class ClassifyOptions:
    """Options of a classification. None keeps the manifest's value, or the default of `emotion classify`."""

    source: str | None = None
    model: str | None = None
    shards: int | None = None
    text_column: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    header: bool | None = None
    encoding: str | None = None
    all_scores: bool | None = None
    model_column: bool | None = None
    on_error: str | None = None
    max_errors: str | None = None
    precision: str | None = None
    join: bool | None = None

    @property
    def given(self) -> list[str]:
        """The options that are set, as on the command line."""
        names = [name for name, value in vars(self).items() if value is not None]
        flags = {
            "source": "--input",
            "header": "--header" if self.header else "--no-header",
            "join": "--join" if self.join else "--no-join",
        }
        return [flags.get(name, "--" + name.replace("_", "-")) for name in names]

    @property
    def variables(self) -> dict[str, str | None]:
        """Values of the variables that `emotion classify` reads."""
        return {
            "EMOTION_INPUT": f"/store/inputs/{self.source}" if self.source else None,
            "EMOTION_OUTPUT": f"/store/predictions/{self.source}" if self.source else None,
            "EMOTION_MODEL": self.model,
            "EMOTION_TEXT_COLUMN": self.text_column,
            "EMOTION_DELIMITER": self.delimiter,
            "EMOTION_QUOTING": self.quoting,
            "EMOTION_HEADER": _flag(self.header),
            "EMOTION_ENCODING": self.encoding,
            "EMOTION_ALL_SCORES": _flag(self.all_scores),
            "EMOTION_MODEL_COLUMN": _flag(self.model_column),
            "EMOTION_ON_ERROR": self.on_error,
            "EMOTION_MAX_ERRORS": self.max_errors,
            "EMOTION_PRECISION": self.precision,
            "EMOTION_JOIN": _flag(self.join),
        }


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(int(value))


def check_options(options: ClassifyOptions) -> None:
    """Check the options without the data: a wrong option must not start a pod.

    Raises:
        UsageError: an option has a wrong value.
    """
    for name, value in (("--model", options.model), ("--text-column", options.text_column)):
        # `emotion classify` treats an empty variable as absent.
        if value == "":
            raise UsageError(f"{name} is empty", "give it a value, or leave it out")
    if options.model is not None:
        parse_composite(options.model)
    if options.delimiter is not None:
        parse_delimiter(options.delimiter)
    if options.encoding is not None:
        codec_name(options.encoding)
    if options.max_errors is not None:
        ErrorLimit.parse(options.max_errors)
