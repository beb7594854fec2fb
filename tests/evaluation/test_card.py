"""The model card: what the hub reads of it, what a person reads, and that its Python does what it says."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from markdown_it import MarkdownIt
from markdown_it.token import Token

from emotion.data.origin import LICENCE, SOURCE
from emotion.evaluation.card import body, write_card
from emotion.evaluation.metrics_file import Metrics
from emotion.onnx.config import write_temperature
from emotion.onnx.session import Classifier, probabilities
from emotion.store.atomic import write_json
from emotion.store.layout import Run
from tests.builders import digest, make_metrics
from tests.toy import LABELS, write_model

REFERENCE: dict[str, Any] = {"data__source": SOURCE, "data__licence": LICENCE}
WEIGHTS = {
    "checkpoint": "google-bert/bert-base-uncased",
    "source": "hub",
    "revision": "86b5e0934494bd15c9632b12f734a8a67f723594",
    "verified": True,
    "sha256": {},
}
# Equal numbers of words: padding changes the scores of the toy, unlike those of a trained model.
TEXTS = ["feel so happy", "furious today and", "i feel scared"]
HOSTILE = [
    '"}\n---\n',
    "a\n---\n# Heading\n",
    "<script>alert(1)</script>",
    "| x",
    "x | y |\n| --- |",
    "](http://example.org) [x",
    "![x](http://example.org/x.png)",
    "<http://example.org>",
    "`code` **bold** ~~gone~~ $x$",
    "{{ metrics }} {% raw %} {# x #}",
    "yes",
    "null",
    ": #",
    "- x",
    "&amp; \\",
    "\u2028---\u2028",
    "\ud800",
    "x" * 5000,
]


def scores(support: int = 90) -> dict[str, Any]:
    return {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": support}


def put(folder: Path, metrics: Metrics) -> tuple[ModelCardData, str]:
    """Write the card of a run in `folder`; read its data and its text as the hub's own library does."""
    run = Run(metrics.model, metrics.run, folder)
    write_card(run, metrics)
    card = ModelCard.load(run.exported / "README.md")
    assert isinstance(card.data, ModelCardData)
    return card.data, card.text


def metadata(folder: Path, **changes: Any) -> ModelCardData:
    return put(folder, make_metrics(**changes))[0]


def text(folder: Path, metrics: Metrics) -> str:
    return body(Run(metrics.model, metrics.run, folder), metrics)


def tokens(markdown: str) -> list[Token]:
    """All tokens that a renderer of GitHub's tables finds."""
    found = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [token for outer in found for token in [outer, *(outer.children or [])]]


def structure(markdown: str) -> list[str]:
    """What a card is made of beside its text."""
    return [token.type for token in tokens(markdown) if token.type not in {"text", "text_special"}]


def rows(markdown: str) -> list[list[str]]:
    """Give the cells of all tables as a reader sees them."""
    found: list[list[str]] = []
    for outer, inner in itertools.pairwise(MarkdownIt("commonmark").enable("table").parse(markdown)):
        if outer.type == "tr_open":
            found.append([])
        elif outer.type in {"th_open", "td_open"}:
            found[-1].append("".join(child.content for child in inner.children or []))
    return found


def results(data: ModelCardData) -> dict[tuple[str | None, str], EvalResult]:
    return {(result.dataset_split, result.metric_type): result for result in data.eval_results or []}


def test_the_hub_reads_what_it_is(tmp_path: Path) -> None:
    data = metadata(tmp_path, **REFERENCE)
    assert data.pipeline_tag == "text-classification"
    assert data.library_name == "onnx"
    assert data.tags == ["text-classification", "onnx", "emotion", "ann"]
    assert data.datasets == ["dair-ai/emotion"]
    assert data.metrics == ["accuracy", "f1"]
    assert data.language == "en"
    assert data.base_model is None
    assert (data.license, data.license_name) == ("other", "for-educational-and-research-purposes-only")
    assert data["license_link"] == SOURCE


def test_the_hub_reads_how_good_it_is(tmp_path: Path) -> None:
    changes = {"validation__macro_f1": 0.123456, "test__accuracy": 0.75, "test__loss": 1.5}
    found = results(metadata(tmp_path, **REFERENCE, **changes))
    assert set(found) == {(split, kind) for split in ("validation", "test") for kind in ("accuracy", "f1", "loss")}
    assert {(result.dataset_type, result.dataset_name) for result in found.values()} == {("dair-ai/emotion", "emotion")}
    assert all(result.dataset_revision is None for result in found.values())
    values = {key: result.metric_value for key, result in found.items()}
    assert values["validation", "accuracy"] == 0.9
    assert values["validation", "f1"] == 0.1235
    assert values["test", "accuracy"] == 0.75
    assert values["test", "loss"] == 1.5


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    data = metadata(tmp_path)
    assert data.license == "unknown"
    assert [data.datasets, data.language, data.base_model, data.license_name] == [None] * 4
    assert {result.dataset_type for result in results(data).values()} == {"unknown"}


def test_a_transformer_is_for_transformers_and_names_its_pretrained_model(tmp_path: Path) -> None:
    metrics = make_metrics("bert", weights=WEIGHTS, **REFERENCE)
    data, markdown = put(tmp_path, metrics)
    assert data.library_name == "transformers"
    assert data.base_model == "google-bert/bert-base-uncased"
    assert "ORTModelForSequenceClassification" in markdown
    assert "The checkpoint: Apache-2.0." in markdown


@pytest.mark.parametrize(
    ("pretrained", "source", "revision"),
    [("/home/somebody/bert", "folder", ""), ("some/folder", "folder", ""), ("../a/b", "hub", "main")],
)
def test_pretrained_weights_in_a_folder_stay_private(
    tmp_path: Path, pretrained: str, source: str, revision: str
) -> None:
    weights = WEIGHTS | {"checkpoint": pretrained, "source": source, "revision": revision}
    data, markdown = put(tmp_path, make_metrics("bert", weights=weights, data__licence="MIT"))
    assert data.base_model is None
    assert pretrained not in markdown + data.to_yaml()
    assert data.license == "unknown", "the terms of the weights are not known"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("Apache-2.0", "apache-2.0"),
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("MIT", "mit"),
        ("cc0-1.0", "cc0-1.0"),
        ("unknown", "unknown"),
        ("", "unknown"),
        # The hub may know a name without a version, or not: as a name of `other` it is never refused.
        ("odc-by", ("other", "odc-by")),
        ("proprietary", ("other", "proprietary")),
        ("Free to use as you like version 1.0", ("other", "free-to-use-as-you-like-version-1.0")),
        ("Ask me first!", ("other", "ask-me-first")),
        ("...", ("other", "see-the-card")),
        ("尋ねてください", ("other", "see-the-card")),
        ("yes", ("other", "yes")),
    ],
)
def test_the_licence_is_that_of_the_data_or_other(
    tmp_path: Path, licence: str, expected: str | tuple[str, str]
) -> None:
    data = metadata(tmp_path, data__licence=licence, data__source="a friend")
    found = (data.license, data.license_name) if data.license_name else data.license
    assert found == expected
    assert data.license_link is None


@pytest.mark.parametrize(
    ("source", "dataset"),
    [
        ("https://huggingface.co/datasets/org/name", ["org/name"]),
        ("https://huggingface.co/datasets/org/name/", ["org/name"]),
        ("https://huggingface.co/datasets/org/../name", None),
        ("https://huggingface.co/datasets/org/name/tree/main", None),
        ("https://huggingface.co.example.org/datasets/org/name", None),
        ("https://example.org/datasets/org/name", None),
        ("https://huggingface.co/datasets/org/name\n", None),
    ],
)
def test_a_data_set_is_one_of_the_hub_or_none(tmp_path: Path, source: str, dataset: list[str] | None) -> None:
    data = metadata(tmp_path, data__source=source)
    assert data.datasets == dataset
    assert data.language is None, "only the reference data set is known to be English"


@pytest.mark.parametrize(
    ("source", "links"),
    [
        ("https://example.org/a_b?c=d&e#f", ["https://example.org/a_b?c=d&e#f"]),
        ("javascript:alert(1)", []),
        ("https://example.org/) [x](javascript:alert(1)", []),
        ("https://example.org/<script>", []),
        ("my own diary", []),
    ],
)
def test_only_addresses_become_links(tmp_path: Path, source: str, links: list[str]) -> None:
    markdown = text(tmp_path, make_metrics(data__source=source))
    assert [token.attrGet("href") for token in tokens(markdown) if token.type == "link_open"] == links
    assert source in "".join(token.content for token in tokens(markdown) if not token.children)


def test_the_sample_says_that_it_is_one(tmp_path: Path) -> None:
    data, markdown = put(tmp_path, make_metrics(data__sample=True))
    assert data.license == "apache-2.0"
    assert "say nothing about real texts" in markdown
    assert "Twitter" not in markdown
    assert "say nothing about real texts" not in text(tmp_path, make_metrics(**REFERENCE))


def metrics_with(somebody: str) -> Metrics:
    """Metrics in which all that comes with a data set is the same text."""
    return make_metrics(
        data__name=somebody,
        data__source=somebody,
        data__licence=somebody,
        data__labels=[somebody, "joy"],
        test__per_class={somebody: scores(), "joy": scores()},
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_breaks_out(tmp_path: Path, hostile: str) -> None:
    """Names, sources, terms and labels come from other people's files."""
    data, markdown = put(tmp_path, metrics_with("x"))
    hostile_data, hostile_markdown = put(tmp_path, metrics_with(hostile))
    assert yaml.safe_load(hostile_data.to_yaml()).keys() == yaml.safe_load(data.to_yaml()).keys()
    assert hostile_data.license == "other"
    assert all(isinstance(result.dataset_name, str) for result in hostile_data.eval_results or [])
    assert structure(hostile_markdown) == structure(markdown)
    assert [len(row) for row in rows(hostile_markdown)] == [len(row) for row in rows(markdown)]


def test_two_labels_are_all_told(tmp_path: Path) -> None:
    found = rows(text(tmp_path, make_metrics(test__per_class={"anger": scores(450), "joy|y": scores(1450)})))
    assert ["anger", "0.900", "0.800", "0.850", "450"] in found
    assert ["joy|y", "0.900", "0.800", "0.850", "1,450"] in found


def test_of_many_labels_the_frequent_are_told(tmp_path: Path) -> None:
    labels = [f"label {number}" for number in range(200)]
    per_class = {label: scores(number) for number, label in enumerate(labels)}
    metrics = make_metrics(data__labels=labels, test__per_class=per_class)
    markdown = text(tmp_path, metrics)
    assert [row[0] for row in rows(markdown) if row[0].startswith("label ")] == labels[170:]
    assert "label 29 and 170 more, all in config.json" in markdown
    assert "These are the 30 labels with the most rows on test; all 200 are in the run's metrics.json." in markdown
    assert "The rarest label of test, label 1, has 1 row: " in markdown
    assert "Test has no row of label 0: " in markdown


def test_labels_without_rows_and_texts_of_train_are_told(tmp_path: Path) -> None:
    metrics = make_metrics(
        data__labels=["anger", "fear|x", "joy"],
        test__macro_f1_labels=["anger", "joy"],
        test__in_train={"texts": 9, "share": 0.01, "other_label": 2},
        validation__in_train={"texts": 0, "share": 0, "other_label": 0},
    )
    markdown = text(tmp_path, metrics)
    assert r"Macro-F1 on test is the mean over 2 of 3 labels: test has no row of fear\|x." in markdown
    assert "* 9 of the 900 texts of test (1.00%) are in train too, 2 of them with another label.\n" in markdown
    assert "validation (" not in markdown
    assert "texts of validation" not in markdown


def test_a_run_of_an_earlier_version_tells_neither(tmp_path: Path) -> None:
    markdown = text(tmp_path, make_metrics())
    assert "Macro-F1 on" not in markdown
    assert "are in train too" not in markdown


def test_a_person_reads_the_figures(tmp_path: Path) -> None:
    markdown = text(tmp_path, make_metrics(temperature=0.73, test__ece=0.0656, test__ece_scaled=0.0336))
    assert ["train", "0.9050", "0.3000", "0.8900"] in rows(markdown)
    assert ["validation", "900", digest("validation")] in rows(markdown)
    assert "0.880 to 0.920" in markdown
    assert "is 0.0336, and 0.0656 without it." in markdown
    assert "1,329,190 parameters, 1,329,000 of them trained." in markdown
    assert "model.onnx has 5.3 MB. It classifies 20,000 rows/s" in markdown
    assert "int8" not in markdown


def test_int8_is_told_where_it_was_kept(tmp_path: Path) -> None:
    int8 = {"kept": True, "reason": "", "bytes": 2_000_000, "label_agreement": 0.9935, "accuracy_change": -0.002}
    kept = text(tmp_path, make_metrics("bert", onnx__int8=int8 | {"speedup": 1.84}))
    assert "has 2.0 MB and is 1.8 times as fast: 99.35 %" in kept
    assert "changes by -0.20 points" in kept
    assert "int8" not in text(tmp_path, make_metrics("bert", onnx__int8=int8 | {"speedup": 1.84, "kept": False}))


def test_float16_is_told_where_it_was_kept(tmp_path: Path) -> None:
    float16 = {"kept": True, "reason": "", "bytes": 45_200_000, "label_agreement": 0.9995, "accuracy_change": 0.001}
    kept = text(tmp_path, make_metrics("bert", onnx__float16=float16 | {"device": "cpu"}))
    assert "(`--precision float16`) is for GPUs and has 45.2 MB: 99.95 % of the labels on validation" in kept
    assert "(compared on the CPU), and validation accuracy changes by +0.10 points." in kept
    assert "float16" not in text(
        tmp_path, make_metrics("bert", onnx__float16=float16 | {"device": "cpu", "kept": False})
    )


def test_the_runs_other_files_add_to_it(tmp_path: Path) -> None:
    layers = [
        {"type": "InputLayer", "detail": "", "parameters": 0},
        {"type": "Embedding", "detail": "8,126 words, 128 features", "parameters": 1_040_128},
        {"type": "Flatten", "parameters": 0},
    ]
    write_json(tmp_path / "architecture.json", {"layers": layers})
    provenance = {"versions": {"emotion": "0.1.0", "keras": "3.15.1"}, "revision": "7c5ca467", "hardware": {"cores": 2}}
    write_json(tmp_path / "params.json", provenance)
    markdown = text(tmp_path, make_metrics())
    assert "Layers: Embedding (8,126 words, 128 features), Flatten;" in markdown
    assert "Versions: emotion 0.1.0, keras 3.15.1. Revision of emotion: 7c5ca467." in markdown
    assert "the machine that trained it (2 cores)" in markdown


def test_damaged_files_take_nothing_but_themselves(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text("{")
    (tmp_path / "architecture.json").write_text("[]")
    assert "Versions" not in text(tmp_path, make_metrics())


def add_token_types(folder: Path) -> None:
    """Let the toy take what BERT takes."""
    graph = onnx.load(str(folder / "model.onnx"))
    kind = onnx.helper.make_tensor_value_info("token_type_ids", onnx.TensorProto.INT64, ["batch", "length"])
    graph.graph.input.append(kind)
    onnx.save(graph, str(folder / "model.onnx"))


@pytest.mark.parametrize(
    "inputs", [["input_ids"], ["input_ids", "attention_mask"], ["input_ids", "attention_mask", "token_type_ids"]]
)
def test_its_python_gives_what_the_classifier_gives(tmp_path: Path, inputs: list[str]) -> None:
    word_level = inputs == ["input_ids"]
    folder = write_model(tmp_path / "model", length=35 if word_level else None)
    if not word_level:
        write_json(folder / "tokenizer_config.json", {"model_input_names": inputs})
    if "token_type_ids" in inputs:
        add_token_types(folder)
    write_temperature(folder / "config.json", 7.0)
    _, markdown = put(tmp_path, make_metrics("ann" if word_level else "bert", data__labels=list(LABELS)))
    classifier = Classifier.load(folder, 1)
    expected = probabilities(classifier.logits(TEXTS), classifier.temperature)
    for line, row, text in zip(printed(markdown, folder), expected, TEXTS, strict=True):
        label, score, rest = line.split(" ", 2)
        assert label == classifier.labels[row.argmax()]
        assert float(score) == pytest.approx(row.max(), abs=1e-4)
        assert rest == text


def printed(markdown: str, folder: Path) -> list[str]:
    """What a card's Python prints for TEXTS, run in a model's folder."""
    code = re.findall(r"```python\n(.*?)```", markdown, re.DOTALL)[0]
    code = code.replace('["the first text", "another one"]', repr(TEXTS))
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
