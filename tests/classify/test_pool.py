"""Several processes classify one file: the bytes are the same, and none outlives the first."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion.classify import pieces
from emotion.classify.engine import FileResult, classify_file
from emotion.classify.pool import Pool, open_pool
from emotion.classify.precision import load_predictor
from emotion.classify.tasks import Settings, list_tasks
from emotion.composites.find import choose_model
from emotion.composites.predictor import Member, Predictor
from emotion.composites.spec import Composite
from emotion.errors import BadDataError, UnavailableError
from emotion.onnx.config import write_temperature
from emotion.onnx.session import Classifier
from emotion.store.layout import Store
from tests.classify.conftest import LISTENER, Classify, errors_of
from tests.toy import single, write_model

ROWS = ["happy,1", '"so\nfurious",2', ",3", '"scared ""of"" it",4', "a,b,c", '"5" wide,6']


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "FIRST_PIECE", 1000)
    monkeypatch.setattr(pieces, "LARGEST_PIECE", 8000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("text,n\n" + "".join(f"{ROWS[n % len(ROWS)]}\n" for n in range(6000)))
    return path


@pytest.fixture
def pool(toy_model: Path) -> Iterator[Pool]:
    with open_pool(single(Classifier.load(toy_model, 3, concurrent=True)), 3) as opened:
        assert opened is not None
        yield opened


def classify(source: Path, toy: Classifier, pool: Pool | None, **settings: object) -> FileResult:
    [task] = list_tasks(source, source.with_name("out.csv")).tasks
    return classify_file(task, single(toy), Settings(**settings), LISTENER, pool=pool)  # type: ignore[arg-type]


def helpers(pool: Pool) -> list[int]:
    return [helper._process.pid for helper in pool._helpers if helper._process is not None]


def test_several_processes_write_the_same_bytes(
    tmp_path: Path, source: Path, run: Classify, toy: Classifier, pool: Pool
) -> None:
    whole = run(source, tmp_path / "whole.csv")
    for _ in range(2):
        assert classify(source, toy, pool) == whole
        assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
        assert errors_of(tmp_path / "out.csv") == errors_of(tmp_path / "whole.csv")
    assert len(helpers(pool)) == 2


def test_a_small_file_starts_no_process(source: Path, toy: Classifier, pool: Pool) -> None:
    source.write_text("text,n\nhappy,1\n")
    assert classify(source, toy, pool).counts.rows == 1
    assert not helpers(pool)


def test_the_line_of_an_error_counts_from_the_start(source: Path, toy: Classifier, pool: Pool) -> None:
    good = source.read_text().replace(",3\n", "x,3\n").replace("a,b,c\n", "a,b\n").replace('"5"', "5")
    source.write_text(good + ",9\n")
    with pytest.raises(BadDataError, match=rf"line {good.count(chr(10)) + 1}: empty text"):
        classify(source, toy, pool, stop_at_error=True)
    assert not source.with_name("out.csv").exists()


def test_a_process_that_is_killed_is_reported(source: Path, toy: Classifier, pool: Pool) -> None:
    classify(source, toy, pool)
    os.kill(helpers(pool)[0], signal.SIGKILL)
    source.with_name("out.csv").unlink()
    with pytest.raises(UnavailableError, match="a helper process was killed"):
        classify(source, toy, pool)
    assert not source.with_name("out.csv").exists()


def test_a_model_that_changes_meanwhile(tmp_path: Path, source: Path) -> None:
    folder = write_model(tmp_path / "model")
    classifier = Classifier.load(folder, 2, concurrent=True)
    with open_pool(single(classifier), 2) as pool:
        write_temperature(folder / "config.json", 2.5)
        with pytest.raises(BadDataError, match="changed meanwhile"):
            classify(source, classifier, pool)
    assert not source.with_name("out.csv").exists()


def test_one_core_needs_no_other_process(toy_model: Path) -> None:
    for cores, expected in ((1, False), (3, True)):
        with open_pool(single(Classifier.load(toy_model, cores, concurrent=True)), cores) as pool:
            assert (pool is not None) == expected


COMMAND = """
from emotion.classify import pieces
pieces.FIRST_PIECE = pieces.LARGEST_PIECE = 2000
if __name__ == "__main__":
    from emotion.cli.main import main
    main()
"""


def children(pid: int) -> set[int]:
    """Processes that a process started, and that live."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize("seconds", [0, 0.7])
@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGKILL, False)],
)
def test_no_process_outlives_the_first(
    tmp_path: Path, toy_model: Path, number: signal.Signals, seconds: float, *, whole_group: bool
) -> None:
    source, script = tmp_path / "in.csv", tmp_path / "command.py"
    script.write_text(COMMAND)
    source.write_text("text\n" + "so happy\n" * 3_000_000)
    arguments = ["classify", source, tmp_path / "out.csv", "--model", toy_model, "--threads", "3"]
    process = subprocess.Popen(
        [sys.executable, script, *map(str, arguments)], stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(found := children(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds)
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGKILL: -9}.get(number, 128 + number), errors
    assert b"Traceback" not in errors, errors.decode()
    while any(Path(f"/proc/{pid}").exists() for pid in found) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in found)
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_others_cannot_open_is_classified_here(tmp_path: Path, source: Path, toy_model: Path) -> None:
    """/dev/stdin is a file of this process alone."""
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    for name, given in (("one.csv", source), ("two.csv", "/dev/stdin")):
        arguments = ["classify", given, tmp_path / name, "--format", "csv", "--model", toy_model, "--threads", "2"]
        with source.open() as file:
            subprocess.run([sys.executable, script, *map(str, arguments)], stdin=file, check=True, timeout=60)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_helpers_import_nothing_from_the_current_folder(
    tmp_path: Path, source: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of data may hold anybody's files."""
    (tmp_path / "random.py").write_text("raise SystemExit('this is somebody else')")
    (tmp_path / "queue.py").write_text(f"open({str(tmp_path / 'seen')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    with open_pool(single(Classifier.load(toy_model, 2, concurrent=True)), 2) as pool:
        assert classify(source, Classifier.load(toy_model, 1), pool).counts.rows == 6000
        assert pool is not None
        assert helpers(pool)
    assert not (tmp_path / "seen").exists()


def test_a_helper_that_stopped_does_not_hold_up_the_end(source: Path, toy: Classifier, pool: Pool) -> None:
    classify(source, toy, pool)
    for pid in helpers(pool):
        os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 10


def test_a_helper_that_cannot_start_says_why(
    source: Path, toy: Classifier, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fail)
    with pytest.raises(UnavailableError, match="cannot start: Resource temporarily unavailable"):
        classify(source, toy, pool)


def test_a_piece_that_is_too_large_for_memory_is_written_chunk_by_chunk(
    tmp_path: Path, run: Classify, source: Path, toy: Classifier, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion.classify.pool.LARGEST_BLOCK", 10_000)
    # After the malformed row, quotes show nowhere what is open.
    rows = ["text,n\n", *(f"happy,{n}\n" for n in range(4000)), '""x"",1\n', *(f'"",{n}\n' for n in range(4000))]
    source.write_text("".join(rows))
    whole = run(source, tmp_path / "whole.csv")
    assert classify(source, toy, pool) == whole
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_member_that_changes_meanwhile(tmp_path: Path, source: Path) -> None:
    members = [write_model(tmp_path / name) for name in ("cheap", "dear")]
    name = f"cascade:{members[0]},{members[1]}@1"
    predictor = load_predictor(choose_model(name, Store(tmp_path)), 2, "float32", "cpu", shard=False)
    with open_pool(predictor, 2) as pool:
        write_temperature(members[1] / "config.json", 2.5)
        [task] = list_tasks(source, source.with_name("out.csv")).tasks
        with pytest.raises(BadDataError, match=rf"the model in {members[1]} changed meanwhile"):
            classify_file(task, predictor, Settings(), LISTENER, pool=pool)


def test_the_calls_of_a_large_member_take_all_cores(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Member("small", Classifier.load(toy_model, 3, concurrent=True))
    monkeypatch.setattr("emotion.onnx.session.SMALL_MODEL_BYTES", 1)
    large = Member("large", Classifier.load(write_model(tmp_path / "large"), 3, concurrent=True))
    for members, expected in (((small, small), True), ((small, large), False)):
        with open_pool(Predictor("", members, Composite("ensemble", ("", ""))), 3) as pool:
            assert (pool is not None) == expected
