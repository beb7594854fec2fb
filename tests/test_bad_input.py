"""Bad input through the command itself: message, exit code, no traceback, and no wait for TensorFlow."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emotion.cli.main import main
from emotion.models import backend
from emotion.store.layout import Store
from tests.builders import TRAIN, write_dataset
from tests.disks import MEANS, small
from tests.pretrained import change_json, write_pretrained
from tests.toy import write_model

Result = tuple[int, str]
Emotion = Callable[..., Result]


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Emotion]:
    """Run the command in this process, as far as it goes."""

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["emotion", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        return int(ended.value.code or 0), err

    handler = signal.getsignal(signal.SIGTERM)
    yield call
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def emotion(monkeypatch: pytest.MonkeyPatch, whole: Emotion) -> Emotion:
    """Run the command in this process; reaching TensorFlow is a failure, and so is telling of a start."""

    def call(*arguments: object) -> Result:
        code, err = whole(*arguments)
        assert err.startswith(("error: ", "warning: ", "Usage: "))
        return code, err

    def reached(*_: object) -> None:
        pytest.fail("TensorFlow was reached")

    monkeypatch.setattr(backend, "prepare", reached)
    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data")


def without_split(data: Path) -> None:
    (data / "validation.csv").unlink()


def train_is(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        (data / "train.csv").unlink()
        (data / name).write_bytes(content)

    return damage


def split_is(name: str, content: str) -> Callable[[Path], object]:
    return lambda data: (data / f"{name}.csv").write_text(content)


DATA: dict[str, tuple[Callable[[Path], object], int, list[str]]] = {
    "no split": (without_split, 66, ["no validation split", "train.csv"]),
    "no semicolon": (train_is("train.txt", b"fine;joy\nbad line\n"), 65, ["line 2: no ';'", "bad line"]),
    "new label in validation": (
        split_is("validation", "text,label\nboo,fear\n"),
        65,
        ["validation has labels", "fear"],
    ),
    "new label in test": (split_is("test", "text,label\nboo,fear\n"), 65, ["test has labels", "fear"]),
    "one label": (split_is("train", "text,label\na,joy\nb,joy\n"), 65, ["only the label 'joy'"]),
    "empty train": (split_is("train", "text,label\n"), 65, ["the train split has no rows"]),
    "empty test": (split_is("test", "text,label\n"), 65, ["the test split has no rows"]),
    "empty file": (split_is("test", ""), 65, ["the test split has no rows"]),
    "undecodable": (train_is("train.csv", b"text,label\nfine,joy\ncaf\xe9,joy\n"), 65, ["line 3: undecodable bytes"]),
    "undecodable line": (train_is("train.txt", b"caf\xe9;joy\nfine;anger\n"), 65, ["line 1: undecodable bytes"]),
    "NaN": (
        train_is("train.jsonl", b'{"text": "a", "label": "x"}\n{"text": NaN, "label": "y"}\n'),
        65,
        ["line 2: no text (null or NaN)"],
    ),
    "empty text": (split_is("train", "text,label\na,joy\n  ,anger\n"), 65, ["line 3: empty text"]),
    "empty label": (split_is("train", "text,label\na,joy\nb,\n"), 65, ["line 3: empty label"]),
    "no column": (split_is("train", "words,label\na,joy\n"), 65, ["no column 'text'", "words, label", "--text-column"]),
    "binary": (train_is("train.parquet", b"PAR1 not really"), 65, ["is not a complete Parquet file"]),
    "broken gzip": (train_is("train.csv.gz", b"\x1f\x8b not really"), 65, ["is not a complete .gz file"]),
}


@pytest.mark.parametrize("name", list(DATA))
def test_data(emotion: Emotion, tmp_path: Path, data: Path, name: str) -> None:
    damage, code, words = DATA[name]
    damage(data)
    found, message = emotion("train", "ann", "--data", data, "--store", tmp_path / "store")
    assert found == code
    assert all(word in message for word in words), message
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["absent", "absent.csv"])
def test_data_that_are_not_there(emotion: Emotion, tmp_path: Path, name: str) -> None:
    code, message = emotion("train", "ann", "--data", tmp_path / name, "--store", tmp_path / "store")
    assert code == 66
    assert f"no data set at {tmp_path / name}" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["unknown model 'nope'", "ann, lstm, bert"]),
        (["bert", "--set", "model.checkpoint=no-organisation"], ["'no-organisation'", "org/name"]),
        (["ann", "--run", "../outside"], ["'../outside' is not a run name"]),
        (["ann", "--run", "A B"], ["'A B' is not a run name"]),
        (["ann", "--seed", "many"], ["--seed", "valid integer"]),
        (["ann", "--encoding", "klingon"], ["unknown encoding: klingon"]),
        (["ann", "--log-format", "xml"], ["xml"]),
    ],
)
def test_usage(emotion: Emotion, tmp_path: Path, data: Path, arguments: list[str], words: list[str]) -> None:
    code, message = emotion("train", *arguments, "--data", data, "--store", tmp_path / "store")
    assert code == 2
    assert all(word in message for word in words), message
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_every_mistake_in_params_is_reported_together(emotion: Emotion, tmp_path: Path, data: Path) -> None:
    file = tmp_path / "params.toml"
    file.write_text('[training]\nepoch = 3\nbatch_size = "big"\nlearning_rate = -1.0\n[resource]\nthreads = 1\n')
    code, message = emotion("train", "ann", "--data", data, "--params", file, "--set", "text.max_length=0")
    assert code == 78
    lines = message.splitlines()
    for words in (
        [f"{file}: [training] epoch: unknown key", "'epochs'"],
        [f"{file}: [training] batch_size:", "'big'"],
        [f"{file}: [training] learning_rate:", "-1.0"],
        [f"{file}: [resource]", "unknown table"],
        ["--set text.max_length: [text] max_length:", "found 0"],
    ):
        assert any(all(word in line for word in words) for line in lines), (words, message)


@pytest.mark.parametrize(
    ("model", "change", "words"),
    [
        (
            "ann",
            "training.class_weights={fear = 2.0, joy = 3.0}",
            ["class_weights", "does not have: fear", "anger, joy"],
        ),
        ("bert", "training.class_weights={fear = 2.0}", ["class_weights", "does not have: fear"]),
        ("ann", "training.class_weights={joy = 0}", ["--set training.class_weights: [training] class_weights.joy"]),
        ("bert", "training.class_weights=even", ["'none' or 'balanced', found 'even'"]),
        ("bert", "text.vocabulary=100", ["[text] vocabulary: unknown key", "max_length"]),
        ("bert", "training.precision=int8", ["[training] precision", "'bfloat16'"]),
    ],
)
def test_parameters_of_the_models(
    emotion: Emotion, tmp_path: Path, data: Path, model: str, change: str, words: list[str]
) -> None:
    code, message = emotion("train", model, "--data", data, "--store", tmp_path / "store", "--set", change)
    assert code == 78
    assert all(word in message for word in words), message
    assert not (tmp_path / "store").exists()


@pytest.fixture(scope="module")
def good_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pretrained(tmp_path_factory.mktemp("weights") / "good", "bert", [text for text, _ in TRAIN])


@pytest.fixture
def weights(tmp_path: Path, good_weights: Path) -> Path:
    return Path(shutil.copytree(good_weights, tmp_path / "weights"))


def cut(name: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def configured(**changes: object) -> Callable[[Path], object]:
    return lambda folder: change_json(folder / "config.json", **changes)


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def nothing(_: Path) -> None:
    """Leave it as it is."""


WEIGHTS: dict[str, tuple[Callable[[Path], object], int, list[str]]] = {
    "no folder": (shutil.rmtree, 66, ["no such folder"]),
    "no config": (without("config.json"), 66, ["has no config.json"]),
    "no tokenizer": (without("tokenizer.json"), 66, ["has no tokenizer", "vocab.txt"]),
    "no weights": (without("model.safetensors"), 66, ["has no model.safetensors"]),
    "a pickle": (pickled, 66, ["pytorch_model.bin", "never read"]),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_folder_without_pretrained_weights(
    emotion: Emotion, tmp_path: Path, data: Path, weights: Path, name: str
) -> None:
    damage, expected, words = WEIGHTS[name]
    damage(weights)
    arguments = ["--data", data, "--store", tmp_path / "store", "--set", f"model.checkpoint={weights}"]
    code, message = emotion("train", "bert", *arguments)
    assert code == expected
    assert str(weights) in message
    assert all(word in message for word in words), message
    assert not (tmp_path / "store").exists()


DAMAGED: dict[str, tuple[Callable[[Path], object], list[str], int, list[str]]] = {
    "weights cut": (cut("model.safetensors"), [], 65, ["model.safetensors is not a complete safetensors file"]),
    "config cut": (cut("config.json"), [], 65, ["config.json is not complete JSON"]),
    "tokenizer cut": (cut("tokenizer.json"), [], 65, ["the tokenizer cannot be loaded"]),
    "architecture": (configured(model_type="gpt2"), [], 65, ["model_type is 'gpt2'", "bert, distilbert, albert"]),
    "vocabulary": (configured(vocab_size=20), [], 65, ["the tokenizer has ids up to", "a vocabulary of 20"]),
    "other weights": (configured(hidden_size=32), [], 65, ["model.safetensors: ", "but in config.json"]),
    "impossible": (configured(num_attention_heads=3), [], 65, ["not a multiple of 3 heads"]),
    "too long": (nothing, ["text.max_length=65"], 78, ["max_length is 65", "reads at most 64 tokens"]),
    "too short": (nothing, ["text.max_length=1"], 78, ["max_length is 1", "special tokens"]),
    "no GPU": (nothing, ["resources.device=gpu"], 69, ["TensorFlow sees no GPU", "emotion doctor"]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_pretrained_weights_that_cannot_be_trained(
    whole: Emotion, tmp_path: Path, data: Path, weights: Path, name: str
) -> None:
    damage, changes, expected, words = DAMAGED[name]
    damage(weights)
    store = tmp_path / "store"
    overrides = [argument for change in (f"model.checkpoint={weights}", *changes) for argument in ("--set", change)]
    code, message = whole("train", "bert", "--data", data, "--store", store, *overrides)
    assert code == expected
    *_, error = message.partition("error: ")
    assert all(word in " ".join(error.split()) for word in words), message
    # What is left is the lease, which tells that the attempt failed.
    assert {path.name for path in store.rglob("*") if path.is_file()} <= {"lease-00000001.json"}


@pytest.mark.usefixtures("no_weights")
def test_weights_that_are_nowhere(whole: Emotion, tmp_path: Path, data: Path) -> None:
    code, message = whole("train", "bert", "--data", data, "--store", tmp_path / "store")
    assert code == 69
    assert "has no weights on this machine" in message
    assert "emotion weights fetch google-bert/bert-base-uncased" in message


def test_params_that_are_not_there(emotion: Emotion, data: Path) -> None:
    code, message = emotion("train", "ann", "--data", data, "--params", "absent.toml")
    assert code == 66
    assert "no such parameter file: absent.toml" in message


@pytest.mark.parametrize("content", ['{"model": "ann", ', '{"loss": 1}', "[]", "", "\x00\x01"])
def test_damaged_or_foreign_metrics_of_a_run(emotion: Emotion, tmp_path: Path, data: Path, content: str) -> None:
    run = Store(tmp_path / "store").run("ann", "mine")
    run.folder.mkdir(parents=True)
    run.metrics.write_text(content)
    code, message = emotion("train", "ann", "--data", data, "--store", tmp_path / "store", "--run", "mine")
    assert code == 65
    assert str(run.metrics) in message
    # Runs of a comparison are passed over one by one; here none is left.
    code, message = emotion("aggregate", "--store", tmp_path / "store")
    assert code == 66
    assert "warning: ann/mine is unreadable" in message


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("foreign", [True, False])
def test_damaged_or_foreign_models(emotion: Emotion, tmp_path: Path, file: str, *, foreign: bool) -> None:
    model = write_model(tmp_path / "model")
    whole = (model / file).read_bytes()
    (model / file).write_bytes(b'{"loss": 1}' if foreign else whole[: len(whole) // 2])
    source = tmp_path / "in.csv"
    source.write_text("text\nhappy\n")
    code, message = emotion("classify", source, tmp_path / "out.csv", "--model", model)
    assert code == 65
    assert str(model) in message
    assert not (tmp_path / "out.csv").exists()


def test_tensorflow_is_not_imported_for_a_mistake(tmp_path: Path) -> None:
    code = (
        "import contextlib, sys\nfrom emotion.cli.main import main\n"
        f"sys.argv = ['emotion', 'train', 'ann', '--data', {str(tmp_path)!r}]\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, stderr=subprocess.DEVNULL) == "set()\n"


def train(data: Path, store: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("emotion")), "train", "ann", "--data", str(data)]
    command += ["--set", "training.epochs=1", "--store", str(store)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def assert_not_written(store: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 73
    assert f"cannot write {store}" in done.stderr
    assert "choose a writable folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_below_a_file(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = tmp_path / "file" / "store"
    assert_not_written(store, train(data, store))


def test_a_store_that_is_read_only(read_only: Path, data: Path) -> None:
    assert_not_written(read_only / "store", train(data, read_only / "store"))


# Room for no run at all; for its parameters; for all but the weights; for the weights and not the ONNX file. A limit
# counts for each file, a disk for all together.
@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("kilobytes", [4, 16, 256, 1600])
def test_a_disk_that_is_full(tmp_path: Path, data: Path, kilobytes: int, means: str) -> None:
    folder = tmp_path / "small"
    with small(folder, kilobytes << (9 if means == "limited" else 10), means):
        done = train(data, folder / "store")
        files = [path.name for path in folder.rglob("*") if path.is_file()]
    assert done.returncode == 73, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [name for name in files if name == "metrics.json" or name.startswith(".")]
