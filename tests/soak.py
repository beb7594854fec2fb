"""Kills trainings, classifications and aggregations at random moments: results must not change. `make soak`."""

import argparse
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emotion.errors import EmotionError
from emotion.store.layout import Run, Store, read_json
from tests import soak_results
from tests.soak_kills import Attempt, Soak
from tests.soak_shards import kill_shards
from tests.soak_workspace import (
    INTERVAL,
    NAME,
    SHARDS,
    SIZES,
    Workspace,
    aggregate,
    classified,
    prepare,
    run_undisturbed,
    write_data,
)

# Minimum share of kills that hit trainings, which have most to lose.
MIN_TRAINING_KILLS = 0.4
# Kills per training, classification, shard and aggregation. After these a process is left alone.
MAX_KILLS = {"train": 8, "classify": 2, "shard": 1, "aggregate": 1}


class RunCheck:
    """Checks a run's folder after every attempt: files are whole, and at most INTERVAL steps are lost."""

    def __init__(self, soak: Soak, run: Run) -> None:
        self.soak, self.run, self.lost = soak, run, 0

    def __call__(self, attempt: Attempt) -> str:
        if wrong := soak_results.damage(self.run):
            self.soak.fail(f"{self.run.folder}: {wrong}")
        try:
            progress = read_json(self.run.progress)
        except EmotionError:
            return "nothing written yet"
        lost, before = progress["lost_steps"], self.lost
        self.lost = lost
        if not 0 <= lost - before <= INTERVAL:
            self.soak.fail(f"{self.run.folder}: {lost - before} steps lost at once")
        began = attempt.messages("resume").replace("resuming from the checkpoint after", "went on from")
        return f"{began + '; ' if began else ''}then {progress['state']}, step {progress['step']}"


def train_killed(soak: Soak, workspace: Workspace, model: str, store: Store, draw: int) -> None:
    """Train with kills, and compare with the undisturbed training."""
    run, what = store.run(model, NAME), f"train {model}"
    check = RunCheck(soak, run)
    dice = soak.dice(f"{what} {draw}")
    command = workspace.train(model, store)
    attempts = soak.until_done(what, command, dice, workspace.seconds[model], max_kills=MAX_KILLS["train"], check=check)
    if len(attempts) == 1:
        # The machine may have been busy during the undisturbed training.
        workspace.seconds[model] = attempts[0].seconds
    kills = sum("SIGKILL" in attempt.signal for attempt in attempts)
    if check.lost > INTERVAL * kills:
        soak.fail(f"{run.folder}: {check.lost} steps lost by {kills} kills")
    soak.compare(
        "trainings", f"{what} after {len(attempts)} attempts", soak_results.training(run), workspace.results[model]
    )


def train_twice(soak: Soak, workspace: Workspace, model: str, store: Store, *, kill: bool) -> None:
    """Two processes on one run: the second waits, and takes over if the first is killed."""
    run, what, command = store.run(model, NAME), f"train {model}", workspace.train(model, store)
    dice = soak.dice(f"pair {store.folder}")
    with soak.started(f"{what} first", command) as (first, _):
        wait_for(lambda: run.folder.is_dir() and any(run.folder.glob("lease-*.json")))
        with soak.started(f"{what} second", command) as (second, log):
            wait_for(lambda: '"event": "wait"' in log.read_text() or second.poll() is not None)
            if kill:
                time.sleep(dice.uniform(0, 0.7 * workspace.seconds[model]))
                first.kill()
            code = first.wait()
            if code:
                soak.kills["train", "SIGKILL"] += 1
                soak.say(f"kill {soak.killed():3d}  {what}: SIGKILL while another process waits: {code}")
            before = None if code else {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
            ended = Attempt("", 0.0, second.wait(), log.read_text())
    if ended.code or "is held by" not in ended.messages("wait"):
        soak.fail(f"the second process of {run} did not wait, or ended with {ended.code}: see {log}")
    if before is not None and before != {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}:
        soak.fail(f"the second process of {run} changed what was complete: see {log}")
    if before is not None and f"{run} is complete" not in ended.messages("complete"):
        soak.fail(f"the second process of {run} did not say that it is complete: see {log}")
    soak.say(f"{what}: the second process {'did nothing' if before else 'took over'}")
    soak.compare("trainings", f"{what} by two at once", soak_results.training(run), workspace.results[model])


def wait_for(holds: Any) -> None:
    """Wait until `holds`, for at most two minutes."""
    end = time.monotonic() + 120
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def aggregate_killed(soak: Soak, workspace: Workspace, store: Store, draw: int, over: threading.Event) -> None:
    """Aggregate repeatedly with kills while runs are written. The last result equals the undisturbed one."""
    dice = soak.dice(f"aggregate {draw}")

    def check(_: Attempt) -> str:
        if wrong := soak_results.comparison_damage(store.comparison):
            soak.fail(f"{store.comparison}: {wrong}")
        return "whole" if store.best.exists() else "no comparison yet"

    last = False
    while not last:
        last = over.wait(dice.uniform(2, 10))
        if last or any(run.complete for run in store.runs()):
            seconds = workspace.seconds["aggregate"]
            soak.until_done("aggregate", aggregate(store), dice, seconds, max_kills=MAX_KILLS["aggregate"], check=check)
    copy = Store(store.folder / "copy")
    for run in store.runs():
        shutil.copytree(run.folder, copy.run(run.model, run.name).folder)
    soak.attempt("aggregate undisturbed", aggregate(copy), dice, 0)
    found, expected = (soak_results.comparison(compared.comparison) for compared in (store, copy))
    soak.compare("comparisons", "aggregate", found, expected)


def classify_killed(soak: Soak, workspace: Workspace, folder: Path, draw: int) -> None:
    """Classify a file with kills, whole and in parts by two processes, and compare."""
    expected = workspace.results["classify"]

    def work(output: Path, kind: str, shards: list[int]) -> None:
        dice = soak.dice(f"{output} {draw} {shards}")

        def check(_: Attempt) -> str:
            found = classified(output)
            if any(found[name] != expected[name] for name in found):
                soak.fail(f"{output} is not whole")
            return "whole" if "out" in found else "not there yet"

        for shard in shards or [None]:  # type: ignore[list-item]
            options = [] if shard is None else ["--shard", f"{shard}/{SHARDS}"]
            what = "classify" if shard is None else f"classify {shard}/{SHARDS}"
            command = workspace.classify(output, *options)
            soak.until_done(what, command, dice, workspace.seconds[kind], max_kills=MAX_KILLS[kind], check=check)

    folder.mkdir(parents=True)
    work(folder / "out.csv", "classify", [])
    soak.compare("classifications", "classify", classified(folder / "out.csv"), expected)
    with ThreadPoolExecutor(2) as pool:
        halves = [list(range(SHARDS))[begin::2] for begin in range(2)]
        list(pool.map(lambda half: work(folder / "parts.csv", "shard", half), halves))
    soak.compare("classifications", "classify in parts", classified(folder / "parts.csv"), expected)


def play(soak: Soak, workspace: Workspace, number: int) -> None:
    """One round: every model trains while others aggregate; then classifications."""
    store = Store(soak.folder / "rounds" / str(number))
    over = threading.Event()
    before = len(soak.wrong)
    models = [*SIZES]
    soak.dice(f"round {number}").shuffle(models)
    with ThreadPoolExecutor(1) as pool:
        comparing = pool.submit(aggregate_killed, soak, workspace, store, number, over)
        for index, model in enumerate(models):
            if index == 0 and number % 2:
                train_twice(soak, workspace, model, store, kill=number % 4 == 1)
            else:
                train_killed(soak, workspace, model, store, number)
        over.set()
        comparing.result()
    classify_killed(soak, workspace, store.folder / "classified", number)
    if len(soak.wrong) == before:
        shutil.rmtree(store.folder)


def play_all(soak: Soak, kills: int, seconds: float) -> None:
    """Play rounds for so many kills and seconds."""
    end = time.monotonic() + seconds
    workspace = prepare(soak)
    number = 0
    while soak.killed() < kills or soak.killed("train") < MIN_TRAINING_KILLS * kills or time.monotonic() < end:
        number += 1
        play(soak, workspace, number)


def play_shards(soak: Soak, kills: int) -> None:
    """Train a small model, and kill shards that classify with it."""
    workspace = Workspace(soak.folder)
    write_data(soak.folder)
    run_undisturbed(soak, workspace, "ann", workspace.train("ann", workspace.undisturbed))
    kill_shards(soak, workspace.undisturbed.run("ann", NAME).folder, kills)


def summary(soak: Soak, seconds: float) -> None:
    """Print what was done, and what was wrong."""
    for (kind, name), count in sorted(soak.kills.items()):
        soak.say(f"{count:5d} {kind:10} {name}")
    compared = ", ".join(f"{count} {kind}" for kind, count in soak.results.items())
    soak.say(
        f"{soak.killed()} kills, {soak.restarts} restarts, compared: {compared}; {seconds:.0f} s, seed {soak.seed}"
    )
    for line in soak.wrong:
        soak.say(f"WRONG: {line}")
    soak.say(
        f"{len(soak.wrong)} WRONG: see {soak.folder}" if soak.wrong else "every result is that of an undisturbed run"
    )


def main() -> None:
    """Play until the requested kills and hours are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least so many (default: 100)")
    parser.add_argument("--hours", type=float, default=0.0, help="at least so long")
    parser.add_argument("--shards", type=int, default=0, help="kill so many shards' processes, and nothing else")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="of the moments (default: another each time)"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    began = time.monotonic()
    soak = Soak(options.folder.resolve(), options.seed)
    if options.shards:
        play_shards(soak, options.shards)
    else:
        play_all(soak, options.kills, 3600 * options.hours)
    summary(soak, time.monotonic() - began)
    sys.exit(1 if soak.wrong else 0)


if __name__ == "__main__":
    main()
