"""`emotion weights`: what is printed where, and the exit codes."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion.cli.app import app
from emotion.errors import BadDataError, InputMissingError, UsageError
from emotion.models.registry import MODELS
from emotion.store.layout import Store
from emotion.weights.catalog import PRETRAINED
from emotion.weights.verify import Manifest, write_manifest
from tests.builders import write_files
from tests.hub import COMMIT, TOY_FILES, Repository, run, serving

ALBERT = "albert/albert-base-v2"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in TOY_FILES.items()}


@pytest.fixture(autouse=True)
def _bare(no_weights: None) -> None:
    """Hide all weights of this machine, so that a test finds only what it makes."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def invoke(*args: str, code: int = 0) -> str:
    """Run the command; an error is raised and not caught."""
    done = CliRunner().invoke(app, ["weights", *args], catch_exceptions=False)
    assert done.exit_code == code, done.stderr
    return done.stdout


def put(store: Store, repository: str, revision: str = COMMIT) -> Path:
    """Put weights into the store as a fetch does."""
    folder = write_files(store.pretrained(repository), TOY_FILES)
    names = list(DIGESTS)
    write_manifest(
        folder,
        Manifest(repository=repository, revision=revision, asked="main", files=DIGESTS, verified=[], unverified=names),
    )
    return folder


def test_the_list_has_the_models_and_what_else_the_store_has(store: Store) -> None:
    put(store, "org/other")
    (store.weights / "org" / "empty").mkdir()

    records = json.loads(invoke("list", "--store", str(store.folder), "--json"))

    assert [record["repository"] for record in records] == [*PRETRAINED, "org/other"]
    assert [record["model"] for record in records] == [name for name, info in MODELS.items() if info.pretrained] + [
        None
    ]
    assert records[-1] | {"folder": ""} == {
        "repository": "org/other",
        "model": None,
        "revision": COMMIT,
        "source": "store",
        "folder": "",
        "bytes": sum(map(len, TOY_FILES.values())),
        "licence": None,
        "published": [],
    }
    assert [record["source"] for record in records[:-1]] == [None] * 5
    assert {record["licence"] for record in records[:-1]} == {"Apache-2.0"}


def test_the_table_says_where_each_is(store: Store) -> None:
    put(store, ALBERT, PRETRAINED[ALBERT].revision)

    text = invoke("list", "albert", "minilm", "--store", str(store.folder))

    albert, minilm = (line.split() for line in text.splitlines() if "/" in line)
    assert ("store" in albert, "absent" in minilm) == (True, True)
    assert PRETRAINED[ALBERT].revision[:12] in albert


def test_another_revision_of_a_model_is_listed_apart(store: Store) -> None:
    put(store, MINILM)

    listed = json.loads(invoke("list", "--store", str(store.folder), "--json"))
    verified = json.loads(invoke("verify", "--store", str(store.folder), "--json"))

    assert [record["revision"] for record in listed if record["source"] == "store"] == [COMMIT]
    assert listed[-1]["published"] == []
    assert {record["verdict"] for record in verified} == {"as fetched"}


def test_a_damaged_manifest_does_not_hide_the_others(store: Store) -> None:
    (put(store, ALBERT) / "weights.json").write_text("{")

    assert len(json.loads(invoke("list", "--store", str(store.folder), "--json"))) == len(PRETRAINED)


def test_verify_reads_all_that_the_store_has(store: Store) -> None:
    put(store, ALBERT, PRETRAINED[ALBERT].revision)
    write_files(store.pretrained("org/by-hand"), TOY_FILES)

    records = json.loads(invoke("verify", "--store", str(store.folder), "--json"))

    verdicts = {(record["checkpoint"], record["file"]): record["verdict"] for record in records}
    assert verdicts == {(ALBERT, name): "as fetched" for name in TOY_FILES} | {
        ("org/by-hand", name): "unverified" for name in TOY_FILES
    }
    assert {record["file"]: record["found"] for record in records} == DIGESTS


@pytest.mark.parametrize("damage", [b"", None])
def test_verify_ends_with_65_after_the_table(store: Store, damage: bytes | None) -> None:
    model = put(store, ALBERT, PRETRAINED[ALBERT].revision) / "model.safetensors"
    if damage is None:
        model.unlink()
    else:
        model.write_bytes(damage)

    with pytest.raises(BadDataError, match=r"model\.safetensors \((wrong|missing)\)"):
        invoke("verify", "--store", str(store.folder))


def test_published_digests_count_whatever_the_manifest_says(store: Store) -> None:
    put(store, MINILM, PRETRAINED[MINILM].revision)

    with pytest.raises(BadDataError, match=r"tokenizer\.json \(wrong\)"):
        invoke("verify", "minilm", "--store", str(store.folder))


def test_verify_of_what_is_not_there(store: Store) -> None:
    assert invoke("verify", "--store", str(store.folder), "--json") == "[]\n"
    with pytest.raises(InputMissingError, match="not on this machine"):
        invoke("verify", "bert", "--store", str(store.folder))


@pytest.mark.parametrize("command", ["fetch", "list", "verify"])
@pytest.mark.parametrize("name", ["ann", "berta", "../../etc/passwd", "org/.."])
def test_names_that_mean_no_weights(store: Store, command: str, name: str) -> None:
    with pytest.raises(UsageError):
        invoke(command, name, "--store", str(store.folder))
    assert not store.folder.exists()


def test_fetch_brings_all_that_are_absent_and_stops_at_a_wrong_one(store: Store, tmp_path: Path) -> None:
    # ALBERT has no published digests here; the served BERT is not the published one.
    put(store, "google-bert/bert-base-uncased", PRETRAINED["google-bert/bert-base-uncased"].revision)
    script = "from emotion.weights.catalog import *\nfor known in PRETRAINED.values(): known.digests.clear()"
    served = {f"/{name}": Repository(TOY_FILES, known.revision or COMMIT) for name, known in PRETRAINED.items()}
    arguments = ["weights", "fetch", "--store", str(store.folder), "--json"]
    with serving(served) as hub:
        done = run(hub.endpoint, tmp_path / "cache", *arguments, script=script)
        wrong = run(
            hub.endpoint, tmp_path / "cache", "weights", "fetch", "distilbert", "--store", str(tmp_path / "two")
        )

    assert done.returncode == 0, done.stderr
    # The package of MiniLM may be installed: then it is not absent.
    fetched = [record["repository"] for record in json.loads(done.stdout)]
    assert fetched[:3] == ["distilbert/distilbert-base-uncased", ALBERT, "google/mobilebert-uncased"]
    assert "MB" in done.stderr
    assert wrong.returncode == 65
    assert PRETRAINED["distilbert/distilbert-base-uncased"].digests["tokenizer.json"] in wrong.stderr
    assert not (tmp_path / "two").exists()


def test_the_hub_out_of_reach_is_69(store: Store, tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", tmp_path / "cache", "weights", "fetch", "bert", "--store", str(store.folder))

    assert (done.returncode, done.stdout) == (69, "")
    assert "google-bert/bert-base-uncased" in done.stderr
