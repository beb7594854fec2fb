"""Writes a run's model card in the hub's format: description, scores, use and license."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from emotion.data.origin import LONGEST_NAME, LONGEST_TERMS, SOURCE
from emotion.data.write import SAMPLE_LICENCE
from emotion.errors import EmotionError
from emotion.evaluation.metrics import wilson_interval
from emotion.evaluation.metrics_file import DataSource, LabelScores, Metrics
from emotion.evaluation.split_notes import LONGEST_LABEL, list_labels, macro_f1_notes, overlap_notes
from emotion.formatting import duration, escape_markdown, shorten
from emotion.params.schema import WORD_MODELS
from emotion.store.atomic import write_text
from emotion.store.layout import Run, read_json
from emotion.weights.catalog import PRETRAINED

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

MOST_LABELS = 30
_REPOSITORY = r"\w[\w.-]{0,95}/\w[\w.-]{0,95}"
DATASET = re.compile(rf"https://huggingface\.co/datasets/({_REPOSITORY})/?", re.ASCII)
BASE_MODEL = re.compile(_REPOSITORY, re.ASCII)
# Other characters could end the link or its table cell.
LINK = re.compile(r"https?://[\w.~:/?#@!$&*+,;=%-]+", re.ASCII)
# Layers that are inputs or work only in training.
HIDDEN_LAYERS = ("InputLayer", "MaskBias", "Dropout")
# The hub refuses unknown licenses. Its ids for data licenses are "mit" and names with a version.
LICENCE_ID = re.compile(r"mit|[a-z][a-z0-9-]{1,24}-\d\.\d", re.ASCII)


def write_card(run: Run, metrics: Metrics) -> None:
    """Write the model card, `README.md`, into the run's `model/`, after its other files.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    write_text(run.exported / "README.md", f"---\n{front_matter(metrics)}\n---\n\n{body(run, metrics)}")


def front_matter(metrics: Metrics) -> str:
    """Return the card's front matter, which the hub reads, as YAML.

    Unknown facts are left out; the language is known only for the reference data set.
    """
    from huggingface_hub import ModelCardData

    dataset = _dataset(metrics.data)
    data = ModelCardData(
        language="en" if metrics.data.source == SOURCE else None,
        **licence(metrics),
        library_name="onnx" if metrics.model in WORD_MODELS else "transformers",
        pipeline_tag="text-classification",
        tags=["text-classification", "onnx", "emotion", metrics.model],
        base_model=_base(metrics) or None,
        datasets=[dataset] if dataset else None,
        metrics=["accuracy", "f1"],
        model_name=f"{metrics.model}-{metrics.run}",
        eval_results=_results(metrics),
    )
    return data.to_yaml()


def _results(metrics: Metrics) -> "list[EvalResult]":
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="text-classification",
            task_name="Text classification",
            # Any other word could be a data set's name on the hub.
            dataset_type=_dataset(metrics.data) or "unknown",
            dataset_name=shorten(metrics.data.name, LONGEST_NAME),
            dataset_split=split,
            metric_type=kind,
            metric_name=name,
            metric_value=round(value, 4),
        )
        for split, scores in (("validation", metrics.validation), ("test", metrics.test))
        for kind, name, value in (
            ("accuracy", "Accuracy", scores.accuracy),
            ("f1", "Macro-F1", scores.macro_f1),
            ("loss", "Cross-entropy", scores.loss),
        )
    ]


def licence(metrics: Metrics) -> dict[str, Any]:
    """Return the hub's keys for the model's license, which is the license of its data.

    `license` is the data's license if it has the form of a hub id, else `other` with a name. With an unknown license of
    the data, `license` is `unknown`. An unknown license of the pretrained weights also makes it `unknown`, except for
    `other`, because its terms still apply.
    """
    terms = _terms(metrics.data)
    identifier = "-".join(terms.lower().split())
    if identifier in {"", "unknown"}:
        return {"license": "unknown"}
    if LICENCE_ID.fullmatch(identifier):
        base_known = metrics.weights is None or _base(metrics) in PRETRAINED
        return {"license": identifier if base_known else "unknown"}
    # The hub accepts only names in this form.
    name = re.sub(r"[^a-z0-9.]+", "-", terms.lower())[:LONGEST_NAME].strip("-.") or "see-the-card"
    link = {"license_link": metrics.data.source} if LINK.fullmatch(metrics.data.source) else {}
    return {"license": "other", "license_name": name, **link}


def _terms(data: DataSource) -> str:
    return data.licence or (SAMPLE_LICENCE if data.sample else "")


def _dataset(data: DataSource) -> str:
    """Return the data set's id on the hub; "" if its source is not on the hub."""
    match = DATASET.fullmatch(data.source)
    return match[1] if match else ""


def _base(metrics: Metrics) -> str:
    """Return the hub id of the pretrained model; "" for none or for a local folder."""
    weights = metrics.weights
    if weights is None or (weights.source == "folder" and not weights.revision):
        return ""
    return weights.checkpoint if BASE_MODEL.fullmatch(weights.checkpoint) else ""


def body(run: Run, metrics: Metrics) -> str:
    """Return the card without front matter, as Markdown; existing files of the run add to it."""
    tokenizer = _read(run.exported / "tokenizer_config.json")
    return _template().render(
        metrics=metrics,
        inputs=tokenizer.get("model_input_names", ["input_ids"]),
        layers=_layers(_read(run.architecture)),
        **_origin(metrics),
        **_scores(metrics),
        **_provenance(_read(run.params)),
    )


def _template() -> Template:
    files = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - the card is not HTML, and `finalize` escapes every text
        finalize=lambda value: escape_markdown(value) if isinstance(value, str) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    files.filters |= {"count": "{:,}".format, "duration": duration}
    return files.get_template("card.md.j2")


def _read(path: Path) -> dict[str, Any]:
    """Read an optional file; {} if it is absent or damaged."""
    try:
        return read_json(path)
    except EmotionError:
        return {}


def _layers(architecture: dict[str, Any]) -> list[str]:
    shown = [layer for layer in architecture.get("layers", []) if layer["type"] not in HIDDEN_LAYERS]
    return [f"{layer['type']} ({layer['detail']})" if layer.get("detail") else layer["type"] for layer in shown]


def _origin(metrics: Metrics) -> dict[str, Any]:
    """Describe the data and the pretrained model."""
    data, base = metrics.data, _base(metrics)
    words = metrics.model in WORD_MODELS
    return {
        "name": shorten(data.name, LONGEST_NAME),
        "reference": data.source == SOURCE,
        "linked": LINK.fullmatch(data.source) is not None,
        "source": shorten(data.source, LONGEST_TERMS),
        "terms": shorten(_terms(data), LONGEST_TERMS),
        "labels": [shorten(label, LONGEST_LABEL) for label in data.labels[:MOST_LABELS]],
        "base": base,
        "base_terms": PRETRAINED[base].licence if base in PRETRAINED else "",
        "words": words,
        "unit": "words" if words else "tokens",
    }


def _scores(metrics: Metrics) -> dict[str, Any]:
    """Return scores by split, and by label for the most frequent labels on test."""
    labels = metrics.test.per_class
    frequent = set(sorted(labels, key=lambda label: -labels[label].support)[:MOST_LABELS])
    tested = [label for label in labels if labels[label].support]
    rarest = min(tested, key=lambda label: labels[label].support, default=None)
    return {
        "splits": [
            (split, getattr(metrics, split), getattr(metrics.data.digests, split))
            for split in ("train", "validation", "test")
        ],
        "shown": [(shorten(label, LONGEST_LABEL), labels[label]) for label in labels if label in frequent],
        "rarest": None if rarest is None else _recall(rarest, labels[rarest]),
        "untested": list_labels(label for label in labels if not labels[label].support),
        "overlaps": overlap_notes(metrics),
        "macro_f1_notes": macro_f1_notes(metrics),
    }


def _recall(label: str, scores: LabelScores) -> dict[str, Any]:
    """Return a label's recall with its 95 % interval."""
    rows, recall = scores.support, scores.recall
    interval = wilson_interval(round(recall * rows), rows)
    return {"label": shorten(label, LONGEST_LABEL), "rows": rows, "recall": recall, "interval": interval}


def _provenance(params: dict[str, Any]) -> dict[str, Any]:
    """Describe software and machine, from a run's params.json."""
    versions, machine = params.get("versions") or {}, params.get("hardware") or {}
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    return {
        "versions": [f"{package} {version}" for package, version in versions.items()],
        "revision": params.get("revision") or "",
        "hardware": ", ".join(filter(None, (machine.get("processor"), machine.get("machine"), cores))),
    }
