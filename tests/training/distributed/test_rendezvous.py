"""Workers meet on real sockets: late, never, twice, killed and started again, among strangers."""

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from emotion.errors import BadParametersError, EmotionError, TryAgainError
from emotion.training.distributed.links import LINE_BYTES, PROTOCOL, STRANGERS, Hello, read_hello
from emotion.training.distributed.rendezvous import meet
from emotion.training.distributed.topology import Topology

SECONDS = 20.0
PROCESS = """
import signal, sys
from emotion.errors import Terminated
from emotion.training.distributed.topology import Cluster
from emotion.training.distributed.rendezvous import meet

def terminate(*_):
    raise Terminated

signal.signal(signal.SIGTERM, terminate)
signal.signal(signal.SIGINT, signal.default_int_handler)
print("here", flush=True)
try:
    meet(Cluster(tuple(sys.argv[2:]), int(sys.argv[1])), "digest", 20, print)
except (KeyboardInterrupt, Terminated) as stopped:
    print(type(stopped).__name__)
    sys.exit(3)
print("met", flush=True)
"""
TENSORFLOW = """
import os, sys
from emotion.training.distributed.topology import Cluster
from emotion.training.distributed.rendezvous import meet

cluster = Cluster(tuple(sys.argv[2:]), int(sys.argv[1]))
meet(cluster, "digest", 60, print)
os.environ["TF_CONFIG"] = cluster.tf_config()
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
mine = tf.constant(10.0 ** cluster.index)
total = strategy.run(lambda: tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, mine))
print(float(strategy.experimental_local_results(total)[0]))
"""


def addresses(count: int, host: str = "127.0.0.1") -> tuple[str, ...]:
    """Find free ports."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return tuple(f"{host}:{each.getsockname()[1]}" for each in taken)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def call(address: str) -> socket.socket:
    """Connect to a worker that may not listen yet."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port_of(address)), SECONDS)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)


def listen_as_grpc_does(address: str) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("0.0.0.0", port_of(address)))  # noqa: S104  as TensorFlow's server does
        server.listen()


@dataclass
class Worker:
    """A worker in a thread, with what it was told."""

    result: "Future[float]"
    told: list[str] = field(default_factory=list)

    def wait_for(self, words: str, count: int = 1) -> None:
        end = time.monotonic() + SECONDS
        while sum(words in line for line in self.told) < count:
            assert not self.result.done(), self.result.exception()
            assert time.monotonic() < end, self.told
            time.sleep(0.02)

    def failure(self) -> EmotionError:
        error = self.result.exception(SECONDS)
        assert isinstance(error, EmotionError)
        return error


Start = Callable[..., Worker]


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know localhost, and no name that ends in .invalid, whatever this machine's resolver says of them."""
    look_up = socket.getaddrinfo

    def known(host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up("127.0.0.1" if host == "localhost" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", known)


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a worker in a thread; its result is when it had met all, and had its port again."""
    with ThreadPoolExecutor(32) as pool:

        def work(workers: tuple[str, ...], index: int, digest: str, seconds: float, told: list[str]) -> float:
            meet(Topology(workers, index), digest, seconds, told.append)
            listen_as_grpc_does(workers[index])
            return time.monotonic()

        def start(workers: tuple[str, ...], index: int, digest: str = "digest", seconds: float = SECONDS) -> Worker:
            told: list[str] = []
            return Worker(pool.submit(work, workers, index, digest, seconds, told), told)

        yield start


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell at once who is missing, and decide soon who is there twice."""
    monkeypatch.setattr("emotion.training.distributed.rendezvous.FIRST_NEWS", 0.0)
    monkeypatch.setattr("emotion.training.distributed.rendezvous.NEWS", 0.1)
    monkeypatch.setattr("emotion.training.distributed.rendezvous.RIVAL_SECONDS", 0.5)


@contextlib.contextmanager
def process(workers: tuple[str, ...], index: int, script: str = PROCESS) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-W", "error", "-c", script, str(index), *workers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def first_line(running: "subprocess.Popen[str]") -> str:
    assert running.stdout is not None
    return running.stdout.readline()


IPV6 = pytest.param(2, "[::1]", marks=pytest.mark.machine)


@pytest.mark.parametrize(
    ("count", "host"), [(2, "127.0.0.1"), (3, "localhost"), (5, "127.0.0.1"), IPV6, (12, "127.0.0.1")]
)
def test_workers_that_start_at_different_times_meet(start: Start, count: int, host: str) -> None:
    workers = addresses(count, host)
    order = [*range(1, count), 0]
    running = []
    for index in order:
        running.append(start(workers, index))
        time.sleep(0.6 / count)
    last = time.monotonic()
    ends = [worker.result.result(SECONDS) for worker in running]
    assert max(ends) - min(ends) < 1
    assert last - 0.6 < min(ends) < last + 3


def test_workers_that_start_at_once_meet_at_once(start: Start) -> None:
    workers = addresses(3)
    began = time.monotonic()
    running = [start(workers, index) for index in range(3)]
    assert all(worker.result.result(SECONDS) < began + 2 for worker in running)
    assert not any(worker.told for worker in running)


def test_a_worker_that_never_comes_is_named(start: Start) -> None:
    workers = addresses(3)
    began = time.monotonic()
    running = [start(workers, index, seconds=2.5) for index in range(2)]
    for worker in running:
        error = worker.failure()
        assert isinstance(error, TryAgainError)
        assert error.exit_code == 75
        assert " of 3 workers did not join within 2.5 s: " in error.message
        assert f"{workers[2]} (Connection refused)" in error.message
        assert "network policy" in error.hint
        assert worker.told == [f"waiting for 1 of 3 workers: {workers[2]}, up to 2.5 s"]
    assert 2.5 <= time.monotonic() - began < 3.5


def test_names_that_no_one_knows_and_long_lists(start: Start) -> None:
    error = start((*addresses(1), "nowhere.invalid:2222", *(f"a..b{n}:1" for n in range(20))), 0, seconds=1).failure()
    assert "21 of 22 workers did not join within 1 s: nowhere.invalid:2222 (" in error.message
    assert error.message.endswith(", and 11 more")
    assert "no answer yet" not in error.message.partition("a..b0")[0]


def test_a_way_that_is_open_on_one_side_only(start: Start) -> None:
    first, second, wrong = addresses(3)
    running = start((first, wrong), 0, seconds=1.5), start((first, second), 1, seconds=1)
    assert f"{wrong} (Connection refused)" in running[0].failure().message
    assert f"{first} (answers, and has not reached this worker)" in running[1].failure().message


def test_who_has_met_all_waits_for_those_who_have_not(start: Start) -> None:
    """Else a worker that is started again would find TensorFlow's server on the port."""
    first, second, third, wrong = addresses(4)
    running = [start((first, second, third), index, seconds=1 + index / 2) for index in range(2)]
    running.append(start((first, wrong, third), 2, seconds=2))
    waiting = f"{second} (waits for others), {third} (waits for others)"
    assert running[0].failure().message == f"2 of 3 workers did not join within 1 s: {waiting}"
    assert f"{third} (answers, and has not reached this worker)" in running[1].failure().message
    assert f"{wrong} (Connection refused)" in running[2].failure().message


def test_a_worker_of_another_job(start: Start) -> None:
    workers = addresses(2)
    running = start(workers, 0, "one"), start(workers, 1, "other")
    for worker, other in zip(running, (1, 0), strict=True):
        error = worker.failure()
        assert isinstance(error, BadParametersError)
        assert error.message == (f"worker {other} ({workers[other]}) trains another job: its parameters or data differ")


def test_a_worker_of_a_larger_cluster(start: Start) -> None:
    workers = addresses(3)
    running = start(workers[:2], 0), start((workers[0], workers[2], workers[1]), 2)
    assert "worker 2 trains another job" in running[0].failure().message
    assert f"worker 0 ({workers[0]}) trains another job" in running[1].failure().message


@pytest.mark.usefixtures("impatient")
def test_two_processes_that_are_the_same_worker(start: Start) -> None:
    first, second, absent, other = addresses(4)
    worker = start((first, second, absent), 0)
    start((first, second, absent), 1, seconds=1.5)
    worker.wait_for("waiting for 1 of 3")
    start((first, other, absent), 1, seconds=1)
    error = worker.failure()
    assert isinstance(error, BadParametersError)
    assert error.message == f"worker 1 ({second}) is there twice"


def test_another_process_with_this_workers_index(start: Start) -> None:
    first, second, absent = addresses(3)
    running = start((first, second), 0), start((second, absent), 0)
    assert running[0].failure().message == f"worker 0 ({first}) is there twice"
    assert running[1].failure().message == f"worker 0 ({second}) is there twice"


def test_an_address_that_leads_back_to_this_worker(start: Start) -> None:
    first = addresses(1)[0]
    error = start((first, first.replace("127.0.0.1", "localhost")), 0, seconds=0.7).failure()
    assert isinstance(error, TryAgainError)
    assert "(worker 0 answers there)" in error.message


@pytest.mark.usefixtures("impatient")
def test_a_worker_that_is_killed_and_started_again_during_the_meeting(start: Start) -> None:
    workers = addresses(3)
    worker = start(workers, 0)
    for count in (1, 2):
        with process(workers, 1) as killed:
            worker.wait_for("waiting for 2 of 3", count)
            worker.wait_for("waiting for 1 of 3", count)
            killed.kill()
    with process(workers, 1) as again:
        worker.wait_for("waiting for 1 of 3", 3)
        last = start(workers, 2)
        ends = [each.result.result(SECONDS) for each in (worker, last)]
        assert abs(ends[0] - ends[1]) < 1
        assert again.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("number", "name", "busy"),
    [
        (signal.SIGTERM, "Terminated", False),
        (signal.SIGINT, "KeyboardInterrupt", False),
        (signal.SIGTERM, "Terminated", True),
    ],
)
def test_signals_end_the_wait(start: Start, number: signal.Signals, name: str, busy: bool) -> None:
    """Of a worker among others, and of one whose port is in use."""
    workers = (*addresses(2), "nowhere.invalid:2222")
    with contextlib.ExitStack() as stack:
        if busy:
            stack.enter_context(socket.create_server(("", port_of(workers[0]))))
        else:
            start(workers, 1, seconds=1)
        running = stack.enter_context(process(workers, 0))
        assert first_line(running) == "here\n"
        time.sleep(0.4)
        sent = time.monotonic()
        running.send_signal(number)
        output, errors = running.communicate(timeout=SECONDS)
        assert time.monotonic() - sent < 1
    assert running.returncode == 3, errors
    assert output.endswith(name + "\n")
    assert not errors
    listen_as_grpc_does(workers[0])


def test_a_port_in_use(start: Start) -> None:
    workers = addresses(2)
    with socket.create_server(("", port_of(workers[0]))):
        began = time.monotonic()
        worker = start(workers, 0, seconds=1)
        error = worker.failure()
        assert 1 <= time.monotonic() - began < 2
    assert isinstance(error, TryAgainError)
    reason = f"port {port_of(workers[0])} of this worker ({workers[0]}) cannot be had: Address already in use"
    assert error.message == reason
    assert worker.told == [f"{reason}; waiting for it"]


def test_a_port_that_becomes_free(start: Start) -> None:
    workers = addresses(2)
    with socket.create_server(("", port_of(workers[0]))):
        running = [start(workers, index) for index in range(2)]
        running[0].wait_for("cannot be had")
        time.sleep(0.3)
    assert all(worker.result.result(SECONDS) for worker in running)


def test_a_port_that_may_not_be_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.create_server", refuse)
    error = start(("127.0.0.1:80", "127.0.0.1:81"), 0).failure()
    assert isinstance(error, BadParametersError)
    assert error.message == "port 80 may not be used: Permission denied"


GARBAGE = [
    b"",
    b"\n",
    b"\0" * 10 * LINE_BYTES,
    b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n",
    b"[" * (LINE_BYTES - 1) + b"\n",
    b"[1, 2]\n",
    b'{"index": 1',
    b"met\n",
    Hello(1, 2, "digest", "token").line()[:40] + b"\n",
    Hello(0, 2, "digest", "", "emotion-meeting/0").line(),
    Hello(1, 2, "digest", "token").line().replace(b"1", b"1.0", 1),
    Hello(1, 2, "digest", "token").line().replace(b"1", b"true", 1),
    Hello(2, 2, "digest", "token").line(),
    Hello(-1, 2, "digest", "token").line(),
    b'{"index": ' + b"9" * 4000 + b"}\n",
    b"\xff\xfe\n",
]


def test_strangers_on_the_port(start: Start) -> None:
    """They say nonsense, say nothing, say more than anyone would read, or are many."""
    workers = addresses(2)
    worker = start(workers, 0)
    with contextlib.ExitStack() as stack:
        for garbage in GARBAGE:
            stranger = stack.enter_context(call(workers[0]))
            with contextlib.suppress(ConnectionError):
                stranger.sendall(garbage)
        for _ in range(5):
            reset = call(workers[0])
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.close()
        silent = [stack.enter_context(call(workers[0])) for _ in range(2 * STRANGERS)]
        assert silent[0].recv(1) == b""
        other = start(workers, 1)
        assert worker.result.result(SECONDS)
        assert other.result.result(SECONDS)


def test_a_stranger_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion.training.distributed.links.HELLO_SECONDS", 0.3)
    workers = addresses(2)
    start(workers, 0, seconds=0.6)
    with call(workers[0]) as slow:
        slow.sendall(b"{")
        assert slow.recv(1) == b""


def test_a_stranger_who_sends_more_than_a_hello(start: Start) -> None:
    workers = addresses(3)
    worker = start(workers, 0, seconds=0.6)
    with call(workers[0]) as stranger, stranger.makefile("rb") as lines:
        stranger.sendall(Hello(1, 3, "digest", "token").line())
        answer = read_hello(lines.readline())
        assert answer is not None
        assert (answer.index, answer.workers, answer.digest, answer.protocol) == (0, 3, "digest", PROTOCOL)
        stranger.sendall(b"anything\n")
        assert lines.read() == b""
    assert "2 of 3 workers" in worker.failure().message


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_stranger_at_another_workers_address(start: Start, answer: bytes) -> None:
    workers = addresses(2)
    with socket.create_server(("", port_of(workers[1]))) as stranger:
        worker = start(workers, 0)
        connection, _ = stranger.accept()
        with connection:
            assert json.loads(connection.recv(LINE_BYTES))["index"] == 0
            connection.sendall(answer)
    other = start(workers, 1)
    assert abs(worker.result.result(SECONDS) - other.result.result(SECONDS)) < 1


def test_tensorflow_takes_over_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    workers = addresses(2)
    with process(workers, 0, TENSORFLOW) as first, process(workers, 1, TENSORFLOW) as second:
        for running in (first, second):
            output, errors = running.communicate(timeout=300)
            assert output.splitlines()[-1:] == ["11.0"], errors
