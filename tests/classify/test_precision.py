"""`--precision auto`: which graph classifies on which device, what is reported, and the parts of a file."""

import json
from pathlib import Path

import pytest

from emotion.classify.precision import load_model
from emotion.errors import BadDataError, InputMissingError, UnavailableError, UsageError
from emotion.onnx.digests import write_digests
from emotion.onnx.graphs import FILES, FLOAT16, INT8
from emotion.onnx.session import Classifier
from tests.classify.command import Command, Done
from tests.classify.conftest import CSV, Part, write
from tests.gpu import OnGpu
from tests.toy import write_float16, write_int8, write_model


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Give a model with an int8 graph, here with the same logits."""
    return write_int8(write_model(tmp_path / "both"))


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """Give a model with a float16 graph."""
    return write_float16(write_model(tmp_path / "half"))


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Give a model with all graphs."""
    return write_float16(write_int8(write_model(tmp_path / "three")))


def chosen(folder: Path, device: str, *, shard: bool = False) -> tuple[str, str, str]:
    found = load_model(folder, 1, "auto", device, shard=shard)  # type: ignore[arg-type]
    return found.precision, found.device, found.fallback


NO_INT8, NO_FLOAT16 = "has no model.int8.onnx", "has no model.float16.onnx"


def on_gpu(folder: Path) -> tuple[str, str, str]:
    """What `auto` is on a GPU for a model without a float16 graph."""
    return "float32", "gpu", f"a GPU cannot run int8, and {folder} {NO_FLOAT16}"


@pytest.mark.parametrize("shard", [True, False])
def test_without_a_gpu(both: Path, toy_model: Path, *, shard: bool) -> None:
    for device in ("auto", "cpu"):
        assert chosen(both, device, shard=shard) == ("int8", "cpu", "")
        assert chosen(toy_model, device, shard=shard) == ("float32", "cpu", f"{toy_model} {NO_INT8}")
    for folder in (both, toy_model):
        with pytest.raises(UnavailableError, match="cannot use a GPU"):
            load_model(folder, 1, "auto", "gpu", shard=shard)


@pytest.mark.usefixtures("cuda")
def test_with_a_gpu(both: Path, toy_model: Path) -> None:
    assert chosen(both, "auto") == chosen(both, "gpu") == on_gpu(both)
    assert chosen(toy_model, "auto") == chosen(toy_model, "gpu") == on_gpu(toy_model)
    assert chosen(both, "cpu") == ("int8", "cpu", "")


@pytest.mark.usefixtures("cuda")
def test_float16_is_for_a_gpu(both: Path, three: Path, half: Path) -> None:
    for folder in (three, half):
        assert chosen(folder, "auto") == chosen(folder, "gpu") == ("float16", "gpu", "")
    assert chosen(three, "cpu") == ("int8", "cpu", "")
    assert chosen(half, "cpu") == ("float32", "cpu", f"{half} {NO_INT8}")
    for device in ("auto", "gpu"):
        found = load_model(half, 1, "float16", device, shard=False)
        assert (found.precision, found.device, found.fallback) == ("float16", "gpu", "")
    with pytest.raises(UsageError, match="float16 needs a GPU"):
        load_model(half, 1, "float16", "cpu", shard=False)
    with pytest.raises(InputMissingError, match=r"no model\.float16\.onnx"):
        load_model(both, 1, "float16", "auto", shard=False)


@pytest.mark.usefixtures("cuda")
def test_a_shard_takes_float16_only_if_every_shard_has_a_gpu(three: Path, half: Path) -> None:
    assert chosen(three, "gpu", shard=True) == chosen(half, "gpu", shard=True) == ("float16", "gpu", "")
    assert chosen(three, "auto", shard=True) == ("int8", "cpu", "")
    # Machines without a GPU take the same graph.
    assert chosen(half, "auto", shard=True) == ("float32", "gpu", f"{half} {NO_INT8}")


@pytest.mark.parametrize("runs", [None, 0])
def test_float16_on_a_gpu_that_does_not_open_or_fails(
    three: Path, half: Path, cuda: type[OnGpu], runs: int | None
) -> None:
    cuda.opens, cuda.runs_left = runs is not None, runs or 0
    assert chosen(three, "auto") == ("int8", "cpu", "")
    assert chosen(half, "auto") == ("float32", "cpu", f"{half} {NO_INT8}")
    for precision in ("auto", "float16"):
        with pytest.raises(UnavailableError):
            load_model(half, 1, precision, "gpu", shard=False)
    with pytest.raises(UnavailableError):
        load_model(half, 1, "float16", "auto", shard=False)


@pytest.mark.usefixtures("cuda")
def test_a_damaged_float16_graph_is_no_reason_for_float32(half: Path) -> None:
    write_digests(half, [*FILES, FLOAT16])
    assert load_model(half, 1, "auto", "auto", shard=False).verified
    (half / FLOAT16).write_bytes(b"damaged")
    with pytest.raises(BadDataError, match=r"model\.float16\.onnx changed since its export"):
        chosen(half, "auto")


@pytest.mark.usefixtures("cuda")
def test_a_shard_takes_the_graph_that_any_other_machine_would_take(both: Path, toy_model: Path) -> None:
    assert chosen(both, "auto", shard=True) == ("int8", "cpu", "")
    assert chosen(both, "gpu", shard=True) == on_gpu(both)
    # Float32 is the same graph on any device.
    assert chosen(toy_model, "auto", shard=True)[:2] == ("float32", "gpu")


def test_a_gpu_that_does_not_work(both: Path, toy_model: Path, cuda: type[OnGpu]) -> None:
    cuda.opens = False
    assert chosen(both, "auto") == ("int8", "cpu", "")
    assert chosen(toy_model, "auto") == ("float32", "cpu", f"{toy_model} {NO_INT8}")
    with pytest.raises(UnavailableError, match="no driver"):
        chosen(both, "gpu")


def test_an_int8_graph_of_an_earlier_version_is_a_reason_for_float32(both: Path) -> None:
    (both / INT8).write_bytes((both / "model.onnx").read_bytes())
    precision, device, fallback = chosen(both, "cpu")
    assert (precision, device) == ("float32", "cpu")
    assert "is not quantized per token" in fallback


def test_a_damaged_int8_graph_is_no_reason_for_float32(both: Path) -> None:
    write_digests(both, [*FILES, INT8])
    (both / INT8).write_bytes(b"damaged")
    with pytest.raises(BadDataError, match=r"model\.int8\.onnx changed since its export"):
        chosen(both, "auto")


def test_other_precisions_are_taken_as_they_are(both: Path, toy_model: Path) -> None:
    assert load_model(both, 1, "float32", "auto", shard=False).precision == "float32"
    with pytest.raises(InputMissingError, match=r"no model\.int8\.onnx"):
        load_model(toy_model, 1, "int8", "auto", shard=False)


def run(command: Command, folder: Path, *options: object) -> Done:
    done = command("text\nhappy\n", "--model", folder, *options)
    assert done.code == 0, done.err
    return done


def test_the_summary_names_the_precision_and_the_reason(command: Command, both: Path, toy_model: Path) -> None:
    assert json.loads(run(command, both, "--json").out)["model"]["precision"] == "float32"
    found = json.loads(run(command, both, "--precision", "auto", "--json").out)["model"]
    assert (found["precision"], found["fallback"], found["file"]) == ("int8", None, str(both / INT8))
    found = json.loads(run(command, toy_model, "--precision", "auto", "--json").out)["model"]
    assert (found["precision"], found["fallback"]) == ("float32", f"{toy_model} {NO_INT8}")
    done = run(command, both, "--precision", "auto")
    assert f"with {both / INT8}, int8\n" in done.err
    assert "float32" not in done.err
    assert f"float32: {toy_model} {NO_INT8}\n" in run(command, toy_model, "--precision", "auto").err
    assert "float32: " not in run(command, toy_model).err


def test_the_manifest_has_the_precision_and_the_reason(command: Command, both: Path, toy_model: Path) -> None:
    for folder, expected in ((both, ("int8", None)), (toy_model, ("float32", f"{toy_model} {NO_INT8}"))):
        done = run(command, folder, "--precision", "auto", "--shard", "0/1")
        manifest = json.loads((done.output.with_name("out.csv.parts") / "part-00000-of-00001.csv.json").read_text())
        [model] = manifest["models"]
        assert (model["precision"], model["fallback"]) == expected


@pytest.mark.usefixtures("cuda")
def test_a_manifest_of_float16(command: Command, half: Path) -> None:
    done = run(command, half, "--precision", "float16", "--shard", "0/1")
    manifest = json.loads((done.output.with_name("out.csv.parts") / "part-00000-of-00001.csv.json").read_text())
    [model] = manifest["models"]
    assert (model["precision"], model["fallback"]) == ("float16", None)


def test_parts_of_different_precisions_are_not_joined(tmp_path: Path, part: Part, both: Path) -> None:
    source, output = write(tmp_path / "a.csv", CSV), tmp_path / "out.csv"
    float32, int8 = (Classifier.load(both, 1, precision) for precision in ("float32", "int8"))
    part(source, output, "0/2", float32)
    assert part(source, output, "1/2", int8).missing == [0]
    assert not output.exists()
    assert part(source, output, "0/2", int8).missing == []


@pytest.mark.usefixtures("cuda")
def test_parts_of_machines_with_and_without_a_gpu_are_joined(
    tmp_path: Path, part: Part, both: Path, cuda: type[OnGpu]
) -> None:
    source, output = write(tmp_path / "a.csv", CSV), tmp_path / "out.csv"
    part(source, output, "0/2", load_model(both, 1, "auto", "auto", shard=True))
    cuda.opens = False
    assert part(source, output, "1/2", load_model(both, 1, "auto", "auto", shard=True)).missing == []
