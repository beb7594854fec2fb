"""Manifests: what they say of a part, and which parts they keep apart."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

from emotion.onnx.session import Classifier
from emotion.store.atomic import sha256
from tests.classify.conftest import CSV, Part, write
from tests.toy import write_model


def test_a_part_and_its_manifest(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv.gz", CSV)
    part(source, tmp_path / "out.csv.gz", "1/8")
    folder = tmp_path / "out.csv.gz.parts"
    name = "part-00001-of-00008.csv.gz"
    assert sorted(path.name for path in folder.iterdir()) == [name, f"{name}.errors.csv", f"{name}.json"]
    content = gzip.decompress((folder / name).read_bytes())
    assert content.startswith(b"text,n,label,score\n")
    manifest = json.loads((folder / f"{name}.json").read_text())
    assert (manifest["shard"], manifest["origin"]["of"], manifest["origin"]["rows"]) == (1, 8, 72)
    assert (manifest["range"], manifest["counts"]["rows"]) == ([9, 18], 9)
    assert manifest["output"] == hashlib.sha256(content).hexdigest()
    assert manifest["errors_file"] == sha256(folder / f"{name}.errors.csv")
    [model] = manifest["models"]
    assert (model["name"], model["device"]) == ("toy", "cpu")


def test_parts_of_different_origin_are_not_joined(tmp_path: Path, part: Part) -> None:
    source = write(tmp_path / "a.csv", CSV)
    other = Classifier.load(write_model(tmp_path / "other", labels=("a", "b", "c")), 1)
    part(source, tmp_path / "out.csv", "0/2")
    assert part(source, tmp_path / "out.csv", "1/2", other).missing == [0]
    assert part(source, tmp_path / "out.csv", "1/2", all_scores=True).missing == [0]
    write(source, CSV + "more,9\n")
    assert part(source, tmp_path / "out.csv", "1/2").missing == [0]
    assert not part(source, tmp_path / "out.csv", "0/2").skipped
    assert (tmp_path / "out.csv").read_bytes().splitlines()[-1].startswith(b"more,9,")


def test_parts_of_different_devices_are_joined(tmp_path: Path, part: Part, toy: Classifier) -> None:
    source = write(tmp_path / "a.csv", CSV)
    on_gpu = replace(toy, device="gpu")
    first = part(source, tmp_path / "out.csv", "0/2", on_gpu).part
    assert json.loads(first.with_name(first.name + ".json").read_text())["models"][0]["device"] == "gpu"
    assert part(source, tmp_path / "out.csv", "0/2").skipped
    assert part(source, tmp_path / "out.csv", "1/2").missing == []
