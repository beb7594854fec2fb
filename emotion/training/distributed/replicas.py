"""Who trains together: one device, several in one process, or several processes, by TensorFlow's own engine.

Every replica takes its share of each batch, gradients are summed over all of them, and each makes the same
update of its own copy of the weights.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import tensorflow as tf

from emotion.errors import TryAgainError
from emotion.training.distributed.deadline import deadline
from emotion.training.distributed.topology import Topology

# After the workers have met, TensorFlow's servers find each other at once, or wait for ever and hold Python's lock.
JOIN_SECONDS = 30
# What a lost worker looks like from here.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)
Result = TypeVar("Result")


class ReplicaGroup:
    """The replicas of a strategy: `local` ones in each of `workers` processes, of which this is number `index`."""

    def __init__(self, strategy: Any, cluster: Topology | None = None) -> None:
        self.strategy = strategy
        self.workers = len(cluster.workers) if cluster else 1
        self.index = cluster.index if cluster else 0
        self.replicas = int(strategy.num_replicas_in_sync)
        self.local = self.replicas // self.workers

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.index == 0

    @property
    def description(self) -> str:
        """Who trains, for people; empty for one device."""
        if self.replicas == 1:
            return ""
        devices = f"{self.replicas} devices"
        return f"{devices} of {self.workers} workers, this is number {self.index}" if self.workers > 1 else devices

    def scope(self) -> AbstractContextManager[Any]:
        """Where variables are made that every replica has."""
        scope: AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do `work` on every replica; give what this process' first one returns."""
        return self.value(self.strategy.run(work, args=arguments))

    def value(self, each: Any) -> Any:
        """Give this process' first copy of what every replica has: a variable, or a result."""
        return tf.nest.map_structure(lambda one: self.strategy.experimental_local_results(one)[0], each)

    def sum(self, values: Sequence[Any]) -> Sequence[Any]:
        """Sum tensors over all replicas; to be called on every one."""
        if self.replicas == 1:
            return values
        summed: Sequence[Any] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
        return summed

    def share(self, rows: Any) -> tuple[Any, Any]:
        """First row of this replica's share of its worker's `rows`, and the one after; to be called on a replica."""
        if self.local == 1:
            return 0, rows
        number = tf.distribute.get_replica_context().replica_id_in_sync_group % self.local
        return rows * number // self.local, rows * (number + 1) // self.local

    def agree(self, *values: float) -> list[float]:
        """Give the chief's values to all workers."""
        if self.workers == 1:
            return list(values)

        def chiefs() -> Any:
            first = tf.equal(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)
            mine = tf.constant(values if self.chief else [0.0] * len(values), tf.float64)
            return self.sum([tf.where(first, mine, tf.zeros_like(mine))])[0]

        with self.careful():
            return [float(value) for value in self.run(tf.function(chiefs, autograph=False))]

    @contextlib.contextmanager
    def careful(self) -> Iterator[None]:
        """Tell a lost worker as such.

        Raises:
            TryAgainError: a worker is gone.
        """
        try:
            yield
        except LOST as error:
            if self.workers == 1:
                raise
            raise TryAgainError(
                f"another worker is gone: {_shortly(error)}",
                "start all workers again: training goes on from its last checkpoint",
            ) from error


def _shortly(error: Exception) -> str:
    """What TensorFlow says, without its own places."""
    said = re.sub(r"\{\{.*?\}\} *", "", str(error)).replace("Graph execution error:", "").strip()
    return (said.splitlines() or [type(error).__name__])[0][:200]


def single_replica() -> ReplicaGroup:
    """One device, the one that TensorFlow takes by itself."""
    return ReplicaGroup(tf.distribute.get_strategy())


def form_group(replicas: int, gpus: int, cluster: Topology | None) -> ReplicaGroup:
    """Choose the strategy: all GPUs there are, or `replicas` of them; of all workers. Before any operation.

    On the CPU `replicas` are so many parts of it. Workers have to have met before.

    Raises:
        TryAgainError: the other workers' servers do not come up.
    """
    kind = "GPU" if gpus else "CPU"
    count = replicas or max(gpus, 1)
    if count > 1 and not gpus:
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    if cluster is not None:
        return ReplicaGroup(_join(cluster), cluster)
    if count > 1:
        return ReplicaGroup(tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)]))
    return single_replica()


def _join(cluster: Topology) -> Any:
    """Start TensorFlow's server and connect it to the others'.

    Raises:
        TryAgainError: it cannot.
    """
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    try:
        with deadline(JOIN_SECONDS, TryAgainError.exit_code):
            return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except LOST as error:
        raise TryAgainError(
            f"the workers' servers did not come together: {_shortly(error)}", "start all workers again"
        ) from error
