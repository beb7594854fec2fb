"""The status on terminals that are too small for all jobs."""

import io
from typing import Any

import pytest
from rich.console import Console

from emotion.cli import console
from emotion.cli.status_screen import row, screen
from emotion.cluster.kubectl import Kubectl


def record(number: int, phase: str, reason: str = "") -> dict[str, Any]:
    position = dict.fromkeys(("epoch", "epochs", "step", "steps"))
    about = {"job": "ann", "run": f"r{number:03}", "name": f"ann-r{number:03}", "phase": phase, "reason": reason}
    return {**about, **position, "pods_succeeded": 0, "pods_wanted": 1, "retries": 0, "age_seconds": 60, "node": ""}


def lines_on(monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]], height: int, width: int) -> list[str]:
    """Show records on a terminal of this size, and give its lines."""
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system=None, height=height, width=width)
    monkeypatch.setattr(console, "out", terminal)
    with terminal.capture() as capture:
        terminal.print(screen(Kubectl("team"), records))
    return capture.get().splitlines()


def test_a_sweep_shows_its_complete_points_and_the_epoch_of_one_at_work() -> None:
    sweep = {**record(1, "running"), "pods_wanted": 4, "epoch": 3, "epochs": 12}
    assert row(sweep)[3] == "epoch 3 of 12"
    assert row({**sweep, "pods_succeeded": 2})[3] == "2 of 4 pods, epoch 3 of 12"
    assert row({**record(1, "waiting"), "pods_wanted": 4})[3] == "0 of 4 pods"


@pytest.mark.parametrize("size", [(24, 100), (24, 50), (10, 100), (60, 100)])
def test_any_size_has_the_running_job_and_the_number_of_the_others(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    records = [record(number, "running" if number == 1 else "complete") for number in range(100)]
    lines = lines_on(monkeypatch, records, *size)
    assert len(lines) <= size[0]
    shown = "".join(lines)
    assert "r001" in shown
    assert "r099" in shown
    assert "more jobs (" in shown


def test_reasons_leave_room_for_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = (
        "Unschedulable: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu. " + "preemption is not helpful " * 9
    )
    records = [record(number, "waiting", reason) for number in range(40)]
    lines = lines_on(monkeypatch, [record(40, "running"), *records], 24, 100)
    assert len(lines) <= 24
    assert sum(line.startswith("│") for line in lines) >= 10
    assert "r040" in "".join(lines)
    assert any(line.startswith("not shown: ") and "and more reasons: emotion status -n team" in line for line in lines)
    assert any(line.startswith("ann-r039: Unschedulable") for line in lines)
    assert any("--gpus 0" in line for line in lines)


@pytest.mark.parametrize("height", [1, 4])
def test_a_terminal_of_few_lines_waits_for_the_first_job(monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    assert "phase" in "".join(lines_on(monkeypatch, [], height, 100))
