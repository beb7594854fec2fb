"""A pod's log across cut connections."""

import time
from pathlib import Path

import pytest

from emotion.cluster.kubectl import Kubectl
from emotion.cluster.pod_log import PodLog
from tests.cluster.api import ApiServer
from tests.cluster.conftest import Emotion
from tests.cluster.scenes import Scene, play


def test_no_line_is_lost_or_repeated_when_the_logs_connection_is_cut(api: ApiServer, emotion: Emotion) -> None:
    def scene(scene: Scene) -> None:
        pod = scene.pod()
        scene.run(pod)
        for number in range(60):
            # Every third line comes from the other stream, and has an earlier time than the line before it.
            scene.api.log(pod, f"line {number:03d}.", late=90_000_000 if number % 3 == 2 else 0)
            time.sleep(0.05)
            if number % 20 == 10:
                scene.api.cut_logs()
        scene.end(pod)
        scene.complete()

    play(api, scene)
    done = emotion("submit", "ann")
    assert done.returncode == 0
    printed = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert printed == [f"line {number:03d}." for number in range(60)]


def read_passes(folder: Path, monkeypatch: pytest.MonkeyPatch, *passes: str) -> list[str]:
    """Read a log from a program that answers as kubectl does: every pass but the last one is cut off."""
    for number, text in enumerate(passes):
        (folder / f"pass{number}").write_text(text)
    program = folder / "kubectl"
    program.write_text(
        f"#!/bin/sh\ncd {folder}; echo $* >> calls; n=$(($(wc -l < calls) - 1))\n"
        f"cat pass$n || {{ echo 'Error from server (NotFound): pods \"pod\" not found' >&2; exit 1; }}\n"
        f"[ $n -ge {len(passes) - 1} ]\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("emotion.cluster.pod_log.RETRY_SECONDS", 0.01)
    lines: list[str] = []
    log = PodLog(Kubectl("emotion"), "pod", lines.append)
    log.start()
    while len((folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []) < len(passes):
        time.sleep(0.01)
    log.finish(10)
    assert not log.is_alive()
    return lines


def stamped(*lines: tuple[float, str]) -> str:
    """Give log lines as the server sends them."""
    return "".join(f"2026-01-01T12:00:{second:012.9f}Z {text}\n" for second, text in lines)


def test_equal_lines_with_equal_times_are_all_printed_and_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stamped((3, "same"), (3, "same"), (2.99995, "older than the line before"))
    again = first + stamped((3, "same"), (2.9999, "older, and new"), (3.5, ""), (4, "last"))
    lines = read_passes(tmp_path, monkeypatch, first, again, again)
    assert lines == ["same", "same", "older than the line before", "same", "older, and new", "", "last"]


def test_reading_goes_on_seconds_before_the_newest_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_passes(tmp_path, monkeypatch, stamped((30.5, "one"), (30.4, "two")), "")
    since = (tmp_path / "calls").read_text().splitlines()[1].partition("--since-time=")[2]
    assert "2026-01-01T12:00:20" < since < "2026-01-01T12:00:30"


def test_times_with_an_offset_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "2026-01-01T07:00:03.123456789-05:00 one\n2026-01-01T07:00:03.1-05:00 two\n"
    assert read_passes(tmp_path, monkeypatch, first, first) == ["one", "two"]
    assert "--since-time=2026-01-01T11:59:5" in (tmp_path / "calls").read_text()


def test_a_line_that_is_cut_in_its_middle_is_printed_whole_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stamped((1, "one"), (2, "a long line"))
    assert read_passes(tmp_path, monkeypatch, whole[:-6], whole) == ["one", "a long line"]


def test_a_last_line_without_a_line_feed_is_printed_though_its_pod_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_passes(tmp_path, monkeypatch, stamped((1, "one"), (2, "two")).rstrip("\n")) == ["one", "two"]
