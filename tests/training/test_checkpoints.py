"""Checkpoints on disk: whole or passed over, of this training or refused, and safe from full disks and kills."""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion.errors import BadParametersError, CannotWriteError
from emotion.store.atomic import sha256
from emotion.training.checkpoints import Checkpoint, Checkpoints, Damaged
from emotion.training.early_stopping import best_epoch
from emotion.training.progress import Epoch
from emotion.training.progress_state import ProgressState
from tests.disks import LIMIT, file_limit

IDENTITY = {"model": "ann", "params": {"training": {"seed": 1}, "resources": {"threads": 2}}, "data": {"name": "x"}}
EPOCH = Epoch(1, math.nan, 0.5, math.inf, 0.625, 5000.0, 2.0, -math.inf, best=True)
STATE = ProgressState(epoch=2, batches=3, rows=60, right=20, loss=math.nan, seconds=math.inf, epochs=[EPOCH], micro=7)
Tensors = dict[str, NDArray[Any]]


def tensors(number: int) -> Tensors:
    """Make tensors of all kinds in training: of any rank, a scalar, an empty one, an int, not in C order."""
    random = np.random.default_rng(number)
    return {
        "weight/0": random.normal(size=(4, 5)).astype(np.float32),
        "weight/1": np.asfortranarray(random.normal(size=(3, 2, 2)).astype(np.float32)),
        "first/0": np.zeros((0, 3), np.float32),
        "done/0": np.float32(number),  # type: ignore[dict-item]
        "scale/1": np.asarray(number, np.int32),
        "best/0": np.asarray([math.nan, math.inf, -0.0], np.float32),
    }


SHAPES = {name: array.shape for name, array in tensors(0).items()}


def checkpoints(folder: Path, **changes: Any) -> Checkpoints:
    return Checkpoints(folder, IDENTITY | changes)


def write(folder: Path, *numbers: int) -> None:
    for number in numbers:
        checkpoints(folder).save(STATE.model_copy(update={"resumes": number}), tensors(number).items())


def read(checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> Tensors:
    return dict(checkpoint.tensors(shapes))


def loaded(folder: Path) -> tuple[list[int], str]:
    """Give the numbers of checkpoints that can be loaded, newest first, and the messages about the others."""
    messages: list[str] = []
    found = []
    for checkpoint in checkpoints(folder).newest(messages.append):
        try:
            assert_equal(read(checkpoint), tensors(checkpoint.state.resumes))
        except Damaged as error:
            messages.append(str(error))
        else:
            found.append(checkpoint.state.resumes)
    return found, "\n".join(messages)


def assert_equal(found: Tensors, expected: Tensors) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


TWO = ["00000002.json", "00000002.npz", "00000003.json", "00000003.npz"]


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    write(tmp_path / "new" / "folder", 5)
    (found,) = checkpoints(tmp_path / "new" / "folder").newest(pytest.fail)
    assert_equal(read(found), tensors(5))
    assert repr(found.state) == repr(STATE.model_copy(update={"resumes": 5}))
    assert math.isnan(found.state.loss)
    assert (best_epoch(found.state.epochs), found.state.steps(10)) == (found.state.epochs[0], 13)


def test_the_json_has_the_keys_of_older_checkpoints(tmp_path: Path) -> None:
    write(tmp_path, 1)
    content = json.loads((tmp_path / "00000001.json").read_text())
    assert set(content) == {"version", "identity", "position", "bytes", "sha256"}
    assert content["position"]["micro"] == 7


def test_numpy_reads_the_tensors(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with np.load(tmp_path / "00000001.npz", allow_pickle=False) as file:
        assert_equal(dict(file), tensors(1))


def test_the_last_two_are_kept_and_the_newest_is_first(tmp_path: Path) -> None:
    assert loaded(tmp_path / "none") == ([], "")
    write(tmp_path, 1, 2, 3)
    assert names(tmp_path) == TWO
    assert loaded(tmp_path) == ([3, 2], "")


def foreign(content: dict[str, Any]) -> bytes:
    """Make an npz, as NumPy does."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **content)
    return file.getvalue()


def bomb(shape: tuple[int, ...], size: int = 0) -> bytes:
    """Make an npz whose first array claims a shape, with `size` zeros, well packed."""
    file, header = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weight/0", header.getvalue() + bytes(size))
    return file.getvalue()


def changed(number: int, **changes: Any) -> Callable[[bytes], bytes]:
    """Give a function that changes tensors in an npz; None leaves a tensor out."""
    content = {name: changes.get(name, array) for name, array in tensors(number).items()} | changes

    def write_npz(_: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in content.items():
                if array is not None:
                    with archive.open(name, "w") as entry:
                        np.lib.format.write_array(entry, np.asarray(array), allow_pickle=True)
        return file.getvalue()

    return write_npz


def flip(locate: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    def flipped(content: bytes) -> bytes:
        index = locate(content)
        return content[:index] + bytes([content[index] ^ 4]) + content[index + 1 :]

    return flipped


HALF = tensors(3)["weight/0"].tobytes()[20:60]
# Damage to the tensors, and to the manifest; the digest in the manifest stays.
DAMAGED_TENSORS: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "empty": lambda _: b"",
    "the zip's first header": flip(lambda _: 5),
    "an array's header": flip(lambda content: content.index(b"NUMPY") + 20),
    "an array's values": flip(lambda content: content.index(HALF)),
    "the zip's directory": flip(lambda content: content.index(b"PK\1\2") + 20),
    "the zip's last byte": flip(lambda content: len(content) - 1),
    "the one before": lambda _: changed(2)(b""),
}
DAMAGED_MANIFEST: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "no UTF-8": lambda content: b"\xff" + content[1:],
    "its digest": flip(lambda content: content.index(b'sha256": "') + 12),
    "its size": lambda content: content.replace(b'"bytes": ', b'"bytes": 1'),
    "its first letter": flip(lambda _: 0),
    "another version": lambda content: content.replace(b'"version": 1', b'"version": 2'),
    "more keys": lambda content: content.replace(b'"version": 1', b'"version": 1, "colour": 3'),
    "another JSON file": lambda _: b'{"state": "training"}',
    "a list": lambda _: b"[1, 2]",
    "a position of words": lambda content: content.replace(b'"batches": 3', b'"batches": "many"'),
}
# Tensors of another program, which wrote a correct digest too.
FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "other names": lambda _: foreign(tensors(3)),
    "a tensor less": changed(3, **{"best/0": None}),
    "a tensor more": changed(3, **{"best/1": np.zeros(3)}),
    "another shape": changed(3, **{"weight/0": np.zeros((5, 4), np.float32)}),
    "pickled objects": changed(3, **{"weight/0": np.asarray([[print] * 5] * 4)}),
    "words": changed(3, **{"weight/0": np.asarray([["joy"] * 5] * 4)}),
    "a huge shape": lambda _: bomb((2**31, 2**31)),
    "a negative shape": lambda _: bomb((-4, 5)),
    "much of nothing, packed": lambda _: bomb((2**24,), 2**26),
    "no zip": lambda _: b"not a zip",
    "empty": lambda _: b"",
    "a zip cut short": lambda content: content[:-30],
    "text in it": lambda _: packed(b"not an array"),
    "a header without end": lambda _: packed(b"\x93NUMPY\x01\x00\x06\x00{'a': ("),
}


def packed(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weight/0", content)
    return file.getvalue()


def fit_manifest(folder: Path, number: int) -> None:
    """Write the digest of the tensors into the manifest."""
    manifest, file = (folder / f"{number:08d}{suffix}" for suffix in (".json", ".npz"))
    content = json.loads(manifest.read_text()) | {"bytes": file.stat().st_size, "sha256": sha256(file)}
    manifest.write_text(json.dumps(content))


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with checkpoints 2 and 3; after the test, the next checkpoint can be written."""
    write(tmp_path, 1, 2, 3)
    yield tmp_path
    write(tmp_path, 4)
    assert loaded(tmp_path)[0][0] == 4
    assert len([name for name in names(tmp_path) if name.endswith(".json")]) == 2


def assert_passed_over(folder: Path, *reasons: str) -> None:
    found, messages = loaded(folder)
    assert found == [2]
    assert all(reason in messages for reason in reasons), messages


@pytest.mark.parametrize("how", DAMAGED_TENSORS)
def test_tensors_that_are_not_those_that_were_written_are_passed_over(three: Path, how: str) -> None:
    file = three / "00000003.npz"
    file.write_bytes(DAMAGED_TENSORS[how](file.read_bytes()))
    assert_passed_over(three, "00000003.npz has other bytes than were written")


@pytest.mark.parametrize("how", DAMAGED_MANIFEST)
def test_a_manifest_that_is_none_is_passed_over(three: Path, how: str) -> None:
    file = three / "00000003.json"
    before = file.read_bytes()
    file.write_bytes(DAMAGED_MANIFEST[how](before))
    assert file.read_bytes() != before
    assert_passed_over(three, str(file), "is damaged and is skipped: ")


@pytest.mark.parametrize("how", FOREIGN)
def test_tensors_of_another_program_are_passed_over(three: Path, how: str) -> None:
    file = three / "00000003.npz"
    file.write_bytes(FOREIGN[how](file.read_bytes()))
    fit_manifest(three, 3)
    found, messages = loaded(three)
    assert found == [2]
    assert messages


def test_tensors_that_are_gone_are_passed_over(three: Path) -> None:
    (three / "00000003.npz").unlink()
    assert_passed_over(three, "00000003.npz: No such file or directory")


def test_the_checkpoint_that_was_resumed_is_kept_beside_the_next(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    (tmp_path / "00000003.npz").write_bytes(b"")
    resumed = checkpoints(tmp_path)
    assert [found.state.resumes for found in resumed.newest(lambda _: None)] == [2]
    resumed.save(STATE.model_copy(update={"resumes": 4}), tensors(4).items())
    assert loaded(tmp_path) == ([4, 2], "")
    assert len(names(tmp_path)) == 4


def test_a_manifest_that_is_gone_makes_its_tensors_count_nothing(three: Path) -> None:
    (three / "00000003.json").unlink()
    assert loaded(three) == ([2], "")


def test_a_folder_in_the_place_of_tensors_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    (tmp_path / "00000002.npz").unlink()
    (tmp_path / "00000002.npz").mkdir()
    found, messages = loaded(tmp_path)
    assert (found, "00000002" in messages) == ([1], True)


def test_other_files_beside_are_left_alone(three: Path) -> None:
    others = {"notes.txt": "{}", "best.npz": "mine", ".1234abcd.00000009.npz": "half"}
    for name, content in others.items():
        (three / name).write_text(content)
    assert loaded(three) == ([3, 2], "")
    write(three, 4)
    assert {name: (three / name).read_text() for name in others} == others


def test_where_all_are_damaged_there_is_none(three: Path) -> None:
    for path in three.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    found, messages = loaded(three)
    assert found == []
    assert messages.count("is skipped") == 2


def test_nothing_is_given_of_a_checkpoint_that_another_model_made(three: Path) -> None:
    newest = next(checkpoints(three).newest(pytest.fail))
    for shapes in (SHAPES | {"weight/0": (5, 4)}, SHAPES | {"more/0": ()}, {"weight/0": SHAPES["weight/0"]}):
        with pytest.raises(Damaged, match="belong to another model, such as "):
            next(newest.tensors(shapes))


def test_another_training_is_refused_and_what_differs_is_named(three: Path) -> None:
    others = {"data": {"name": "y"}, "params": {"training": {"seed": 2}, "resources": {"threads": 8}}}
    with pytest.raises(BadParametersError, match="belongs to another training") as caught:
        list(checkpoints(three, **others).newest(pytest.fail))
    assert caught.value.exit_code == 78
    assert "data.name: x there, y here" in caught.value.message
    assert "params.training.seed: 1 there, 2 here" in caught.value.message
    assert "threads" not in caught.value.message
    assert str(three) in caught.value.hint


def test_other_resources_make_no_other_training(three: Path) -> None:
    resources = {"params": {"training": {"seed": 1}, "resources": {"threads": 8, "max_memory": "6G"}}}
    assert len(list(checkpoints(three, **resources).newest(pytest.fail))) == 2


def too_much(number: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give good tensors, then one that fits on no small disk, then more."""
    yield from tensors(number).items()
    yield "weight/2", np.zeros(LIMIT, np.float32)
    yield "weight/3", np.zeros(3, np.float32)


def test_a_full_disk_leaves_what_was_there(small_disk: Path) -> None:
    folder = small_disk / "checkpoints"
    write(folder, 1, 2, 3)
    with pytest.raises(CannotWriteError, match=r"cannot write .*00000004\.npz: ") as caught:
        checkpoints(folder).save(STATE, too_much(4))
    assert caught.value.exit_code == 73
    assert names(folder) == TWO
    assert loaded(folder) == ([3, 2], "")


def test_a_file_that_may_not_grow_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    with file_limit(LIMIT), pytest.raises(CannotWriteError):
        checkpoints(tmp_path).save(STATE, too_much(4))
    assert names(tmp_path) == TWO
    with file_limit(2048), pytest.raises(CannotWriteError, match=r"00000004\.json"):
        checkpoints(tmp_path).save(ProgressState(epochs=[EPOCH] * 100), [("weight/0", np.zeros(3))])
    assert [name for name in names(tmp_path) if name not in TWO] == ["00000004.npz"]
    assert loaded(tmp_path) == ([3, 2], "")


def test_a_read_only_folder_cannot_be_written(read_only: Path) -> None:
    with pytest.raises(CannotWriteError):
        write(read_only / "checkpoints", 1)
    assert loaded(read_only / "checkpoints") == ([], "")


def test_what_a_kill_before_the_manifest_leaves_counts_nothing_and_goes_later(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    (tmp_path / "00000004.npz").write_bytes((tmp_path / "00000003.npz").read_bytes())
    assert loaded(tmp_path) == ([3, 2], "")
    write(tmp_path, 5)
    assert loaded(tmp_path) == ([5, 3], "")
    assert "00000004.npz" not in names(tmp_path)


def test_an_error_while_tensors_are_read_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, NDArray[Any]]]:
        yield "weight/0", np.zeros(3)
        raise MemoryError

    write(tmp_path, 1)
    with pytest.raises(MemoryError):
        checkpoints(tmp_path).save(STATE, broken())
    assert names(tmp_path) == ["00000001.json", "00000001.npz"]
