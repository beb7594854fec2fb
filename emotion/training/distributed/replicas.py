"""TensorFlow's replicas that train together: one device, several devices of one process, or several processes.

Every replica takes its share of a batch. Gradients are summed over all replicas. Then every replica updates its copy of
the weights in the same way.
"""

import contextlib
import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended
from tensorflow.python.eager import context

from emotion.errors import BadParametersError, TryAgainError
from emotion.training.distributed.topology import Topology, split_address

# TensorFlow raises these errors when a worker is lost.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)


class ReplicaGroup:
    """The replicas of a strategy: `local` replicas in each of `workers` processes; this process has number `index`.

    `waiting` is True while this process may wait for other workers.
    """

    def __init__(self, strategy: Any, topology: Topology | None = None) -> None:
        self.strategy = strategy
        self.workers = len(topology.workers) if topology else 1
        self.index = topology.index if topology else 0
        self.replicas = int(strategy.num_replicas_in_sync)
        self.local = self.replicas // self.workers
        self.waiting = False
        # One function for all calls: TensorFlow traces every new function again and logs a warning.
        self._chiefs = tf.function(self._keep_chiefs, autograph=False)

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.index == 0

    @property
    def description(self) -> str:
        """Name the devices and workers, for people; empty for one device."""
        if self.replicas == 1:
            return ""
        devices = f"{self.replicas} devices"
        return f"{devices} of {self.workers} workers, this is number {self.index}" if self.workers > 1 else devices

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Make variables on every replica; all replicas get the chief's values.

        Raises:
            TryAgainError: a worker is lost.
        """
        with self.reporting_lost_workers(), self.strategy.scope():
            yield

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do `work` on every replica; return the result of this process's first replica."""
        return self.value(self.strategy.run(work, args=arguments))

    def value(self, values: Any) -> Any:
        """Give this process's first copy of a variable or result with copies on all replicas."""
        return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], values)

    def sum(self, values: Sequence[Any]) -> Sequence[Any]:
        """Sum tensors over all replicas. Call it on every replica."""
        if self.replicas == 1:
            return values
        summed: Sequence[Any] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
        return summed

    def share(self, rows: Any) -> tuple[Any, Any]:
        """Give the start and end row of this replica's share of its worker's `rows`. Call it on a replica."""
        if self.local == 1:
            return 0, rows
        number = tf.distribute.get_replica_context().replica_id_in_sync_group % self.local
        return rows * number // self.local, rows * (number + 1) // self.local

    def agree(self, *values: float) -> list[float]:
        """Give the chief's values to all workers.

        Raises:
            TryAgainError: a worker is lost.
        """
        if self.workers == 1:
            return list(values)

        with self.reporting_lost_workers():
            return [float(value) for value in self.run(self._chiefs, tf.constant(values, tf.float64))]

    def _keep_chiefs(self, values: Any) -> Any:
        """Give the values of the first replica, float64 (values,); runs on a replica."""
        first = tf.equal(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)
        return self.sum([tf.where(first, values, tf.zeros_like(values))])[0]

    @contextlib.contextmanager
    def reporting_lost_workers(self) -> Iterator[None]:
        """Wrap operations that wait for other workers.

        Raises:
            TryAgainError: a worker is lost.
        """
        before, self.waiting = self.waiting, True
        try:
            yield
        except LOST as error:
            if self.workers == 1:
                raise
            raise TryAgainError(
                f"lost another worker: {short_message(error)}",
                "start all workers again to resume from the last checkpoint",
            ) from error
        finally:
            self.waiting = before


def short_message(error: Exception) -> str:
    """Shorten TensorFlow's message to one line, without stack trace and graph nodes."""
    lines = re.sub(r"\{\{.*?\}\} *", "", str(error)).splitlines()
    trace = (" ", "Graph execution error", "Detected at node")
    return next((line for line in lines if line and not line.startswith(trace)), type(error).__name__)[:200]


def single_replica() -> ReplicaGroup:
    """One device, chosen by TensorFlow."""
    return ReplicaGroup(tf.distribute.get_strategy())


def form_group(replicas: int, gpus: int, topology: Topology | None) -> ReplicaGroup:
    """Choose the strategy before any operation: all GPUs, or `replicas` GPUs, of all workers.

    On the CPU, `replicas` are logical devices. Several workers must `join` before the first operation.

    Raises:
        TryAgainError: another process has this worker's port.
        BadParametersError: this process may not use the port.
    """
    kind = "GPU" if gpus else "CPU"
    count = replicas or max(gpus, 1)
    if count > 1 and not gpus:
        devices = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    if topology is not None:
        return ReplicaGroup(_start_server(topology), topology)
    if count > 1:
        return ReplicaGroup(tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)]))
    return single_replica()


def _start_server(topology: Topology) -> tf.distribute.MultiWorkerMirroredStrategy:
    """Start TensorFlow's server for this worker without waiting for the others: see `peers`."""
    _check_port(topology)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(topology.workers)}),
        task_type="worker",
        task_id=topology.index,
        rpc_layer="grpc",
    )
    context.context().configure_coordination_service(service_type="")
    CollectiveAllReduceExtended._enable_check_health = False
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except LOST as error:
        reason = f"TensorFlow's server did not start: {short_message(error)}"
        raise TryAgainError(reason, "start this worker again") from error


def _check_port(topology: Topology) -> None:
    """Raise an error if this worker's port cannot be used: TensorFlow gives no reason."""
    _, port = split_address(topology.address)
    try:
        socket.create_server(("", port)).close()
    except PermissionError as error:
        reason = f"this process may not use port {port}: {os.strerror(error.errno or 0)}"
        raise BadParametersError(reason, "choose a port above 1023") from error
    except OSError as error:
        reason = f"this worker cannot open port {port} ({topology.address}): {os.strerror(error.errno or 0)}"
        raise TryAgainError(reason, "stop the process that uses the port, or choose another port") from error
