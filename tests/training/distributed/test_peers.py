"""Workers in processes of their own: late, never, twice, killed and started again, of other jobs, among strangers."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from emotion.cli.main import main
from emotion.training.distributed.topology import Topology

if TYPE_CHECKING:
    from emotion.training.distributed.replicas import ReplicaGroup

# A busy machine starts a process in seconds.
SLACK = 20.0
WAIT = 60.0
GARBAGE = [
    b"",
    b"\n",
    b"\0" * 100_000,
    b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff",
]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def work(log: Path, workers: tuple[str, ...], index: int, digest: str, wait: float, seconds: dict[str, float]) -> None:
    """Join as a worker, under the signal handlers and exit codes of `emotion`."""
    sys.stdout = sys.stderr = log.open("w", buffering=1)
    os.dup2(sys.stderr.fileno(), 2)
    command = ModuleType("emotion.cli.app")
    vars(command)["app"] = lambda: join_and_sum(Topology(workers, index), digest, wait, seconds)
    sys.modules[command.__name__] = command
    main()


def join_and_sum(topology: Topology, digest: str, wait: float, seconds: dict[str, float]) -> None:
    """Sum 10 to the power of the index over all workers, until the chief finds a file `stop`."""
    from emotion.training.distributed import peers
    from emotion.training.distributed.replicas import form_group

    for name, value in seconds.items():
        setattr(peers, name, value)
    group = form_group(0, 0, topology)
    say("listening")
    peers.join(group, topology, digest, wait, say)
    stop = Path(sys.stdout.name).with_name("stop")
    stopping = False
    while not stopping:
        total, stopping = sums(group, [10.0**topology.index, float(topology.chief and stop.exists())])
        say(f"sum {total:g}")


def sums(group: "ReplicaGroup", numbers: list[float]) -> Any:
    import tensorflow as tf

    with group.reporting_lost_workers():
        return group.run(tf.function(lambda: group.sum([tf.constant(number) for number in numbers]), autograph=False))


class Worker:
    """A worker's process and what it prints."""

    def __init__(self, process: ForkServerProcess, log: Path) -> None:
        self.process, self.log = process, log

    @property
    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + WAIT
        while text not in self.output:
            assert self.process.is_alive(), self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def end(self, seconds: float = WAIT) -> int | None:
        self.process.join(seconds)
        assert self.process.exitcode is not None, self.output
        return self.process.exitcode


Start = Callable[..., Worker]


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Import TensorFlow once, in a process that forks all workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(["emotion.training.distributed.peers"])
        yield forking


@pytest.fixture
def start(processes: ForkServerContext, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a worker; all are killed at the end."""
    started: list[Worker] = []

    def start(
        workers: tuple[str, ...], index: int, digest: str = "digest", wait: float = WAIT, **seconds: float
    ) -> Worker:
        log = tmp_path / f"{len(started)}.log"
        process = processes.Process(target=work, args=(log, workers, index, digest, wait, seconds))
        process.start()
        started.append(Worker(process, log))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.join()


def addresses(count: int, host: str = "127.0.0.1") -> tuple[str, ...]:
    """Find free ports."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return tuple(f"{host}:{server.getsockname()[1]}" for server in sockets)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def call(address: str, message: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port_of(address)), SLACK)
    with contextlib.suppress(ConnectionError):
        connection.sendall(message)
    return connection


def test_late_workers_and_one_that_starts_again_join_among_strangers(start: Start, tmp_path: Path) -> None:
    workers = addresses(3)
    chief = start(workers, 0)
    chief.wait_for(f"waiting for 2 of 3 workers: {workers[1]}, {workers[2]}, up to 60 s\n")
    with contextlib.ExitStack() as strangers:
        for message in GARBAGE:
            strangers.enter_context(call(workers[0], message))
        killed = start(workers, 1)
        killed.wait_for(f"waiting for 1 of 3 workers: {workers[2]}, up to 60 s\n")
        killed.process.kill()
        killed.process.join()
        again = start(workers, 1)
        again.wait_for("waiting for 1 of 3")
        late = start(workers, 2)
        for worker in (chief, again, late):
            worker.wait_for("sum 111\n")
        for message in GARBAGE:
            strangers.enter_context(call(workers[1], message))
        (tmp_path / "stop").touch()
        assert [worker.end() for worker in (chief, again, late)] == [0, 0, 0]


def test_workers_that_never_come_are_named(start: Start) -> None:
    (first, third) = addresses(2)
    workers = (first, "nowhere.invalid:2222", third, *(f"a..b{number}:1" for number in range(20)))
    began = time.monotonic()
    worker = start(workers, 0, wait=3)
    assert worker.end() == 75
    assert 3 <= time.monotonic() - began < 3 + SLACK
    assert "22 of 23 workers did not join within 3 s: nowhere.invalid:2222 (" in worker.output
    assert f"{third} (Connection refused)" in worker.output
    assert ", and 12 more\n" in worker.output
    assert "network policy" in worker.output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_the_wait(start: Start, number: signal.Signals, code: int) -> None:
    """Also when a worker accepts connections and never answers."""
    workers = addresses(3)
    with socket.create_server(("127.0.0.1", port_of(workers[1]))):
        worker = start(workers, 0)
        worker.wait_for("waiting for 2 of 3")
        sent = time.monotonic()
        worker.send(number)
        assert worker.end() == code
        assert time.monotonic() - sent < 5


def test_a_worker_of_another_job(start: Start) -> None:
    workers = addresses(3)
    same, other, third = (start(workers, index, digest) for index, digest in enumerate(["one", "other", "one"]))
    assert [worker.end() for worker in (same, other, third)] == [78, 78, 78]
    message = "worker 1 ({}) trains another job: its parameters or data differ\n"
    assert message.format(workers[1]) in same.output
    assert message.format(workers[1]) in third.output
    assert f"worker 0 ({workers[0]}), worker 2 ({workers[2]}) train another job" in other.output
    assert "sum" not in same.output + other.output + third.output


def test_workers_of_clusters_of_two_sizes(start: Start) -> None:
    workers = addresses(3)
    larger = [start(workers, index) for index in (1, 2)]
    for worker in larger:
        worker.wait_for("waiting for 1 of 3")
    smaller = start(workers[:2], 0)
    assert smaller.end() == 78
    assert "the workers differ in number or in devices" in smaller.output
    for worker in larger:
        worker.process.kill()
    assert all("sum" not in worker.output for worker in (smaller, *larger))


def test_two_processes_with_one_index_on_one_machine(start: Start) -> None:
    workers = addresses(2)
    first = start(workers, 0)
    first.wait_for("listening")
    second = start(workers, 0)
    assert second.end() == 75
    message = f"this worker cannot open port {port_of(workers[0])} ({workers[0]}): Address already in use\n"
    assert message in second.output
    assert first.process.is_alive()


def test_two_processes_with_one_index_on_two_machines(start: Start, tmp_path: Path) -> None:
    """The chief trains with one of them, or with none."""
    first, second, elsewhere = addresses(3)
    (tmp_path / "stop").touch()
    running = [
        start(workers, index, wait=8, JOIN_SECONDS=4)
        for workers, index in (((first, second), 0), ((first, second), 1), ((first, elsewhere), 1))
    ]
    codes = [worker.end() for worker in running]
    assert 75 in codes
    assert set(codes) <= {0, 75}
    reasons = "did not join within 8 s", "servers did not connect", "lost another worker"
    for worker, code in zip(running, codes, strict=True):
        assert any(reason in worker.output for reason in reasons) == (code == 75)


def test_an_address_that_leads_back_to_this_worker(start: Start) -> None:
    first = addresses(1)[0]
    worker = start((first, first.replace("127.0.0.1", "127.0.0.2")), 0, JOIN_SECONDS=1)
    assert worker.end() == 75
    assert "did not connect: Collective has timed out waiting for other workers" in worker.output


@pytest.mark.parametrize("lost", [0, 1])
def test_a_worker_that_stands_still_while_training_is_lost(start: Start, lost: int) -> None:
    workers = addresses(2)
    running = [start(workers, index, CHECK_SECONDS=0.3, CHECK_TIMEOUT_SECONDS=0.5) for index in range(2)]
    for worker in running:
        worker.wait_for("sum 11\n")
    running[lost].send(signal.SIGSTOP)
    other = running[1 - lost]
    assert other.end() == 75
    assert f"lost another worker: Collective ops is aborted by: worker {lost} ({workers[lost]})" in other.output


def test_a_killed_worker_is_lost(start: Start) -> None:
    workers = addresses(2)
    running = [start(workers, index) for index in range(2)]
    for worker in running:
        worker.wait_for("sum 11\n")
    running[1].process.kill()
    assert running[0].end() == 75
    assert "lost another worker: " in running[0].output


def test_all_workers_are_asked_at_once_so_that_one_slow_network_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from emotion.training.distributed import peers

    topology = Topology(tuple(f"worker-{index}:2222" for index in range(5)), 1)
    asked = threading.Barrier(4)

    def absence(_: Topology, index: int) -> str:
        asked.wait(SLACK)
        return "slow" if index == 3 else ""

    monkeypatch.setattr(peers, "_absence", absence)
    assert peers._missing(topology) == {3: "slow"}
