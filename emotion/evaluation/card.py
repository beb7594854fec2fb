"""A run's model card: what the model is, how good, how to use it and on what terms, in the format of the hub."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from emotion.data.origin import LONGEST_NAME, LONGEST_TERMS, SOURCE
from emotion.data.write import SAMPLE_LICENCE
from emotion.errors import EmotionError
from emotion.evaluation.metrics import wilson_interval
from emotion.evaluation.metrics_file import DataSource, LabelScores, Metrics
from emotion.formatting import duration, escape_markdown, shorten
from emotion.params.schema import WORD_MODELS
from emotion.store.atomic import write_text
from emotion.store.layout import Run, read_json
from emotion.weights.catalog import PRETRAINED

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

MOST_LABELS = 30
LONGEST_LABEL = 40
_REPOSITORY = r"\w[\w.-]{0,95}/\w[\w.-]{0,95}"
DATASET = re.compile(rf"https://huggingface\.co/datasets/({_REPOSITORY})/?", re.ASCII)
CHECKPOINT = re.compile(_REPOSITORY, re.ASCII)
# What is left out could end the link, or the cell that it stands in.
LINK = re.compile(r"https?://[\w.~:/?#@!$&*+,;=%-]+", re.ASCII)
# Not the model's work: inputs, and what training alone does.
UNTOLD_LAYERS = ("InputLayer", "MaskBias", "Dropout")
# All that the hub takes as `license` (it refuses others); `other` is for those that have only a name.
LICENCES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community
    h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 pddl postgresql
    unknown unlicense wtfpl zlib
    """.split()  # noqa: SIM905 - a literal of them takes eighty lines
)


def write_card(run: Run, metrics: Metrics) -> None:
    """Write the model card, `README.md`, into the run's `model/`, whose other files are there.

    Raises:
        CannotWriteError: the folder cannot be written.
    """
    write_text(run.exported / "README.md", f"---\n{front_matter(metrics)}\n---\n\n{body(run, metrics)}")


def front_matter(metrics: Metrics) -> str:
    """What the hub reads of a card, as YAML.

    Everything is known, or left out: the language is told of the reference data set alone.
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
            # Any other word could be the name of somebody's data set.
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
    """The keys of the hub for the terms of a model: those of its data, and `unknown` if its checkpoint's are."""
    terms = _terms(metrics.data)
    known = "-".join(terms.lower().split())
    base = _base(metrics)
    if not terms or (known in LICENCES and metrics.weights and base not in PRETRAINED):
        return {"license": "unknown"}
    if known in LICENCES:
        return {"license": known}
    # The hub wants an id for a name.
    name = re.sub(r"[^a-z0-9.]+", "-", terms.lower())[:LONGEST_NAME].strip("-.") or "see-the-card"
    link = {"license_link": metrics.data.source} if LINK.fullmatch(metrics.data.source) else {}
    return {"license": "other", "license_name": name, **link}


def _terms(data: DataSource) -> str:
    return data.licence or (SAMPLE_LICENCE if data.sample else "")


def _dataset(data: DataSource) -> str:
    """The data set's id on the hub; "" where it is not known to be there."""
    found = DATASET.fullmatch(data.source)
    return found[1] if found else ""


def _base(metrics: Metrics) -> str:
    """The id on the hub of the checkpoint that training started from; "" for none, and for a folder's."""
    weights = metrics.weights
    if weights is None or (weights.source == "folder" and not weights.revision):
        return ""
    return weights.checkpoint if CHECKPOINT.fullmatch(weights.checkpoint) else ""


def body(run: Run, metrics: Metrics) -> str:
    """The card without its front matter, as Markdown; the run's other files add to it where they are there."""
    tokenizer = _read(run.exported / "tokenizer_config.json")
    return _template().render(
        metrics=metrics,
        inputs=tokenizer.get("model_input_names", ["input_ids"]),
        layers=_layers(_read(run.architecture)),
        **_origin(metrics),
        **_scores(metrics),
        **_made(_read(run.params)),
    )


def _template() -> Template:
    files = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - it is no HTML, and no text gets past `finalize`
        finalize=lambda value: escape_markdown(value) if isinstance(value, str) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    files.filters |= {"count": "{:,}".format, "duration": duration}
    return files.get_template("card.md.j2")


def _read(path: Path) -> dict[str, Any]:
    """A file that the card would be good without."""
    try:
        return read_json(path)
    except EmotionError:
        return {}


def _layers(architecture: dict[str, Any]) -> list[str]:
    told = [layer for layer in architecture.get("layers", []) if layer["type"] not in UNTOLD_LAYERS]
    return [f"{each['type']} ({each['detail']})" if each.get("detail") else each["type"] for each in told]


def _origin(metrics: Metrics) -> dict[str, Any]:
    """What the model was made from."""
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
    """The scores by split, and by label: of all labels those that are most frequent on test."""
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
        "untested": len(labels) - len(tested),
    }


def _recall(label: str, scores: LabelScores) -> dict[str, Any]:
    """A label's recall with its 95 % interval."""
    rows, recall = scores.support, scores.recall
    interval = wilson_interval(round(recall * rows), rows)
    return {"label": shorten(label, LONGEST_LABEL), "rows": rows, "recall": recall, "interval": interval}


def _made(params: dict[str, Any]) -> dict[str, Any]:
    """What a run's params.json says of the software and the machine."""
    versions, machine = params.get("versions") or {}, params.get("hardware") or {}
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    return {
        "versions": [f"{package} {version}" for package, version in versions.items()],
        "revision": params.get("revision") or "",
        "hardware": ", ".join(filter(None, (machine.get("processor"), machine.get("machine"), cores))),
    }
