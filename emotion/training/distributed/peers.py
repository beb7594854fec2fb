"""Waits for the other workers, checks that they train the same job, and detects lost workers.

TensorFlow 2.21 waits for workers while its server starts. Worker 0 waits without a limit and holds Python's lock: no
signal arrives, and the run's lease expires. So `form_group` starts the server without TensorFlow's coordination
service. That service would also log a crash on the chief when a worker ends well. TensorFlow's health check of single
peers finds missing and lost workers.
"""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from emotion.errors import BadParametersError, TryAgainError
from emotion.formatting import first_items
from emotion.training.distributed.replicas import LOST, ReplicaGroup, short_message
from emotion.training.distributed.topology import Topology, split_address

PROBE_SECONDS = 1.0  # limit on the answer to a probe: signals wait this long if the network drops packets
PAUSE_SECONDS = 0.5  # between two rounds of probes
FIRST_NOTE_SECONDS = 2.0  # before the log names missing workers: workers that start together need less
NOTE_SECONDS = 10.0  # between two notes
JOIN_SECONDS = 60  # limit on the first all-reduce, after all workers have answered: names reach others up to 30 s later
CHECK_SECONDS = 2.0  # between two rounds of health checks while an operation may wait for other workers
CHECK_TIMEOUT_SECONDS = 5.0  # limit on a busy worker's answer to a health check
LOST_CHECKS = 3  # failed checks in a row that mean a lost worker: one failure may be a short network break
PROBES = 64  # workers to ask at once: a network that drops packets then costs its time only once
NAMES = 10  # most workers that a message names
SAME_JOB_HINT = "start all workers with the same parameters, data and number of workers"


def join(group: ReplicaGroup, topology: Topology, digest: str, seconds: float, note: Callable[[str], None]) -> None:
    """Wait for all workers, check that all train the job `digest`, then watch them.

    `note` receives a line that names the missing workers.

    Raises:
        TryAgainError: a worker is missing after `seconds`, or is lost during the join.
        BadParametersError: a worker trains another job, or has another number of workers or devices.
    """
    _wait(topology, seconds, note)
    _check_same_job(group, topology, digest)
    threading.Thread(target=_watch, args=(group, topology), name="peers", daemon=True).start()


def _wait(topology: Topology, seconds: float, note: Callable[[str], None]) -> None:
    """Wait until all workers answer in one round: a worker that restarts meanwhile must answer again."""
    start = time.monotonic()
    next_note, noted = start + FIRST_NOTE_SECONDS, list[int]()
    while missing := _missing(topology):
        now = time.monotonic()
        if now >= start + seconds:
            raise _missing_error(topology, missing, seconds)
        if now >= next_note and list(missing) != noted:
            names = _listed([topology.workers[index] for index in missing])
            note(f"waiting for {len(missing)} of {len(topology.workers)} workers: {names}, up to {seconds:g} s")
            next_note, noted = now + NOTE_SECONDS, list(missing)
        time.sleep(PAUSE_SECONDS)


def _others(topology: Topology) -> list[int]:
    return [index for index in range(len(topology.workers)) if index != topology.index]


def _missing(topology: Topology) -> dict[int, str]:
    """Ask all other workers; return the reasons of workers that do not answer."""
    others = _others(topology)
    with ThreadPoolExecutor(min(len(others), PROBES)) as pool:
        reasons = list(pool.map(partial(_absence, topology), others))
    return {index: reason for index, reason in zip(others, reasons, strict=True) if reason}


def _absence(topology: Topology, index: int) -> str:
    """Give the reason why a worker does not answer, or an empty result.

    A plain connection comes first: gRPC may look up a failed name again only after two minutes.
    """
    try:
        socket.create_connection(split_address(topology.workers[index]), PROBE_SECONDS).close()
        _check_health(index, PROBE_SECONDS)
    except (OSError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error)
    except tf.errors.OpError:
        return "does not answer like a worker"
    return ""


def _check_health(index: int, seconds: float) -> None:
    """Ask a worker's server for its status.

    Raises:
        tf.errors.OpError: no answer within `seconds`, or the worker has started again since the first all-reduce.
    """
    context.context().check_collective_ops_peer_health(f"/job:worker/replica:0/task:{index}", int(1000 * seconds))


def _missing_error(topology: Topology, missing: dict[int, str], seconds: float) -> TryAgainError:
    names = [f"{topology.workers[index]} ({reason})" for index, reason in missing.items()]
    return TryAgainError(
        f"{len(missing)} of {len(topology.workers)} workers did not join within {seconds:g} s: {_listed(names)}",
        "check the logs of the workers, their headless service, and the network policy between them",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(first_items(names, NAMES))


def _check_same_job(group: ReplicaGroup, topology: Topology, digest: str) -> None:
    """Exchange the digests of all workers' jobs in the first all-reduce.

    Raises:
        TryAgainError: a worker is lost, or does not join within `JOIN_SECONDS`.
        BadParametersError: a digest differs, or the number of workers or devices differs.
    """
    # 32-bit numbers: float64 sums them exactly.
    mine = np.frombuffer(hashlib.sha256(digest.encode()).digest(), np.uint32).astype(np.float64)
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=JOIN_SECONDS)

    def gather() -> tf.Tensor:
        """Give all workers' digests: float64 (workers, 8), times the replicas of a worker."""
        rows = tf.one_hot(group.index, group.workers, dtype=tf.float64)[:, tf.newaxis] * mine
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, rows, options=options)

    try:
        digests = group.run(tf.function(gather, autograph=False)).numpy() / group.local
    except LOST as error:
        raise _join_error(error) from error
    differing = [f"worker {index} ({topology.workers[index]})" for index in np.flatnonzero((digests != mine).any(1))]
    if differing:
        verb = "trains" if len(differing) == 1 else "train"
        reason = f"{_listed(differing)} {verb} another job: its parameters or data differ"
        raise BadParametersError(reason, SAME_JOB_HINT)


def _join_error(error: tf.errors.OpError) -> TryAgainError | BadParametersError:
    if "joining a group with size" in str(error):
        return BadParametersError(f"the workers differ in number or in devices: {short_message(error)}", SAME_JOB_HINT)
    reason = f"the workers' servers did not connect: {short_message(error)}"
    return TryAgainError(reason, "start all workers again, with the same list of workers")


def _watch(group: ReplicaGroup, topology: Topology) -> None:
    """Abort an operation that waits for a lost worker: TensorFlow would wait forever."""
    failures = dict.fromkeys(_others(topology), 0)
    while True:
        time.sleep(CHECK_SECONDS)
        for index in failures:
            try:
                if group.waiting:
                    _check_health(index, CHECK_TIMEOUT_SECONDS)
                failures[index] = 0
            except tf.errors.OpError:
                failures[index] += 1
            if failures[index] == LOST_CHECKS:
                reason = f"worker {index} ({topology.workers[index]}) does not answer"
                context.context().abort_collective_ops(tf.errors.UNAVAILABLE, reason)
                return
