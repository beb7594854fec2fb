"""The choice of the micro-batch: by the parameters, by free memory, and by the end of the previous attempt."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotion.errors import Terminated
from emotion.hardware import FreeMemory
from emotion.params.schema import AnnTable, WordParams
from emotion.runs import micro_batch
from emotion.runs.micro_batch import choose_micro_batch, note_attempt
from emotion.store.lease import Lease, hold
from emotion.training.memory import RESERVE, SHARE, Memory

# Whole batches of 32 take 0.1 + 0.3 + 0.1 + 32 x 0.1 GB, and 8 rows at once 1.4 GB.
MEMORY = Memory(weights=10**8, gradients=10**8, optimizer=3 * 10**8, row=10**8)
ROWS = 32
PLENTY = 10**12
# Free memory of which 1.41 GB may be taken; the weights are there already.
SCARCE = round(1.41e9 / SHARE) + RESERVE - MEMORY.weights


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this machine plenty of memory, no pressure, and no cgroup."""
    monkeypatch.setattr(micro_batch, "free_memory", lambda: FreeMemory(PLENTY, "the machine's memory"))
    monkeypatch.setattr(micro_batch, "memory_kills", lambda: ("", -1))
    monkeypatch.setattr(micro_batch, "SOON_BYTES", PLENTY)


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro_batch, "free_memory", lambda: FreeMemory(SCARCE, "the container's limit of 4.0 GB"))


def choose(
    lease: Lease | None = None,
    *,
    free_gpu: int | None = None,
    rows: int = ROWS,
    deterministic: bool = False,
    **resources: Any,
) -> tuple[int, str]:
    """Choose a micro-batch; give it with the messages."""
    messages: list[str] = []
    content = {"resources": resources, "training": {"deterministic": deterministic}}
    params = WordParams.model_validate({"model": AnnTable(), **content})
    return choose_micro_batch(params, MEMORY, rows, free_gpu, lease, messages.append), "\n".join(messages)


@pytest.mark.parametrize(("bytes_soon", "expected"), [(4e9, 32), (2e9, 16), (1e9, 8), (1, 1)])
def test_a_cpu_takes_few_rows_at_once_so_that_a_signal_is_heard(
    monkeypatch: pytest.MonkeyPatch, bytes_soon: float, expected: int
) -> None:
    monkeypatch.setattr(micro_batch, "SOON_BYTES", bytes_soon)
    chosen, messages = choose()
    assert chosen == expected
    assert ("to react to signals within seconds" in messages) == (expected < ROWS)
    assert choose(micro_batch=24)[0] == 24
    assert choose(free_gpu=PLENTY)[0] == ROWS


def attempt(folder: Path, *, ends: Callable[[], None] | None = None, pressure: float = 0.1, **facts: str | int) -> None:
    """Leave the lease of an attempt that `ends` somehow, or that was killed."""
    try:
        with hold(folder, 0, pytest.fail) as lease:
            lease.set_facts(**facts)
            if ends:
                ends()
    except (Terminated, ZeroDivisionError):
        pass
    (path,) = folder.glob("lease-*.json")
    content = json.loads(path.read_text()) | {"pressure": pressure}
    # The id of a process that does not exist.
    killed = {"ended": None, "pid": 2**22 + 1} if ends is None else {}
    path.write_text(json.dumps(content | killed))


def stopped() -> None:
    raise Terminated


def failed() -> None:
    raise ZeroDivisionError


def choose_next(folder: Path, **resources: Any) -> tuple[int, str]:
    """Choose in the next attempt, as a run does; the lease holds the choice."""
    with hold(folder, 0, pytest.fail) as lease:
        note_attempt(lease)
        chosen, messages = choose(lease, **resources)
        assert lease.holder.facts["micro_batch"] == chosen
    return chosen, messages


def test_a_batch_that_fits_goes_whole() -> None:
    chosen, messages = choose()
    assert chosen == ROWS
    assert "from the machine's memory: batches of 32 stay whole" in messages
    assert "weights 0.10 + gradients 0.10 + optimizer 0.30 + activations of 32 rows 3.20 = 3.70 GB" in messages


@pytest.mark.usefixtures("scarce")
def test_a_batch_that_does_not_fit_is_split() -> None:
    chosen, messages = choose()
    assert chosen == 8
    assert "1.41 GB available from the container's limit of 4.0 GB: batches of 32 are split into parts of 8" in messages
    assert "too much" not in messages


def test_free_memory_of_the_gpu_counts_where_there_is_one() -> None:
    chosen, messages = choose(free_gpu=round(1.41e9 / SHARE))
    assert chosen == 8
    assert "from the GPU's memory: " in messages


@pytest.mark.parametrize(("size", "expected"), [("1410M", 8), ("2 G", 11), ("4G", 32), ("1G", 4)])
def test_max_memory_is_a_gpu_s(size: str, expected: int) -> None:
    chosen, messages = choose(free_gpu=PLENTY, max_memory=size)
    assert chosen == expected
    assert "available from max_memory" in messages


def test_max_memory_is_the_process_s_with_what_it_already_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(micro_batch, "_resident", lambda: 10**9)
        chosen, messages = choose(max_memory="2610M")
    assert (chosen, "1.41 GB available from max_memory" in messages) == (8, True)
    assert choose(max_memory="900G")[0] == ROWS
    assert choose(max_memory="10M")[0] == 1


def test_what_the_parameters_say_goes_before_what_fits() -> None:
    chosen, messages = choose(micro_batch=5)
    assert chosen == 5
    assert "parts of 5 (as set in the parameters)" in messages
    assert choose(micro_batch=100)[0] == ROWS


@pytest.mark.usefixtures("scarce")
def test_too_little_memory_is_told_unless_the_parameters_say_how_many() -> None:
    chosen, messages = choose(max_memory="1M")
    assert chosen == 1
    assert "even this may need too much memory" in messages
    assert "too much" not in choose(max_memory="1M", micro_batch=32)[1]


def test_the_choice_is_noted_for_the_next_attempt(tmp_path: Path) -> None:
    with hold(tmp_path, 0, pytest.fail) as lease:
        note_attempt(lease)
        assert choose(lease, micro_batch=5)[0] == 5
        assert lease.holder.facts == {"cgroup": "", "memory_kills": -1, "micro_batch": 5}


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(("pressure", "expected"), [(0.1, 8), (0.74, 8), (0.75, 4), (1.0, 4)])
def test_an_attempt_that_vanished_with_full_memory_halves(
    tmp_path: Path, pressure: float, expected: int, *, deterministic: bool
) -> None:
    attempt(tmp_path, pressure=pressure, micro_batch=8)
    chosen, messages = choose_next(tmp_path, deterministic=deterministic)
    assert chosen == expected
    assert ("ended unexpectedly" in messages) == (expected == 4)
    assert ("as in the previous attempt" in messages) == (expected == 8)


def test_where_nothing_was_noted_what_fits_is_halved(tmp_path: Path) -> None:
    attempt(tmp_path, pressure=0.9)
    assert choose_next(tmp_path)[0] == ROWS // 2


@pytest.mark.parametrize("pressure", [0.1, 1.0])
@pytest.mark.parametrize(("kills", "expected"), [(3, 8), (4, 4)])
def test_in_the_same_cgroup_its_count_of_kills_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, expected: int, pressure: float
) -> None:
    attempt(tmp_path, pressure=pressure, micro_batch=8, cgroup="1:2", memory_kills=3)
    monkeypatch.setattr(micro_batch, "memory_kills", lambda: ("1:2", kills))
    chosen, messages = choose_next(tmp_path)
    assert chosen == expected
    assert ("was killed for memory" in messages) == (expected == 4)


@pytest.mark.parametrize(("pressure", "expected"), [(0.1, 8), (1.0, 4)])
def test_in_another_cgroup_the_pressure_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pressure: float, expected: int
) -> None:
    attempt(tmp_path, pressure=pressure, micro_batch=8, cgroup="1:2", memory_kills=3)
    monkeypatch.setattr(micro_batch, "memory_kills", lambda: ("7:8", 9))
    assert choose_next(tmp_path)[0] == expected


@pytest.mark.parametrize(("over", "expected"), [(0, 8), (1, 4)])
def test_memory_may_fill_up_faster_than_its_pressure_is_seen(tmp_path: Path, over: int, expected: int) -> None:
    attempt(tmp_path, micro_batch=8, over=over)
    chosen, messages = choose_next(tmp_path)
    assert chosen == expected
    assert ("more rows at once than the estimate allowed" in messages) == (expected == 4)


@pytest.mark.parametrize("ends", [stopped, failed])
def test_an_attempt_that_said_how_it_ended_halves_nothing(tmp_path: Path, ends: Callable[[], None]) -> None:
    attempt(tmp_path, ends=ends, pressure=1.0, micro_batch=8)
    assert choose_next(tmp_path)[0] == 8


def test_attempts_that_are_killed_again_and_again_go_down_to_one_row(tmp_path: Path) -> None:
    chosen = []
    for _ in range(7):
        chosen.append(choose_next(tmp_path)[0])
        (path,) = tmp_path.glob("lease-*.json")
        dead = {"ended": None, "pid": 2**22 + 1, "pressure": 0.95}
        path.write_text(json.dumps(json.loads(path.read_text()) | dead))
    assert chosen == [32, 16, 8, 4, 2, 1, 1]


def test_an_attempt_that_died_before_it_chose_forgets_nothing(tmp_path: Path) -> None:
    attempt(tmp_path, ends=stopped, micro_batch=8)
    with hold(tmp_path, 0, pytest.fail) as lease:
        note_attempt(lease)
    assert choose_next(tmp_path)[0] == 8


@pytest.mark.parametrize(("before", "expected"), [(8, 8), (16, 16), (64, 32)])
def test_a_deterministic_training_keeps_its_parts_where_less_would_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, expected: int
) -> None:
    attempt(tmp_path, ends=stopped, micro_batch=before)
    monkeypatch.setattr(micro_batch, "free_memory", lambda: FreeMemory(SCARCE, "the machine's memory"))
    assert choose_next(tmp_path, deterministic=True)[0] == expected
    assert choose_next(tmp_path, deterministic=True, micro_batch=4)[0] == 4


@pytest.mark.usefixtures("scarce")
def test_other_trainings_take_what_fits_now_and_never_more_than_before(tmp_path: Path) -> None:
    attempt(tmp_path, ends=stopped, micro_batch=16)
    assert choose_next(tmp_path)[0] == 8
    assert choose_next(tmp_path, max_memory="900G")[0] == 8


@pytest.mark.parametrize("noted", ["many", 0, -3, 2.5])
def test_a_note_that_makes_no_sense_is_passed_over(tmp_path: Path, noted: Any) -> None:
    attempt(tmp_path, ends=stopped, micro_batch=noted)
    assert choose_next(tmp_path)[0] == ROWS
