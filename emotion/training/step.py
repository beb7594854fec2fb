"""The training step: loss, gradients and update, on every replica, as a whole or in micro-batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion.errors import TryAgainError
from emotion.models.backend import load_keras
from emotion.models.compute import Compute
from emotion.params.schema import TrainingTable
from emotion.training.batches import Examples
from emotion.training.distributed.replicas import ReplicaGroup
from emotion.training.loss_scale import LossScale
from emotion.training.optimizer import AdamW
from emotion.training.variables import add, read


class Done(NamedTuple):
    """What a step gave: the mean loss, the number of right answers, and whether any worker is asked to stop."""

    loss: float
    right: int
    stopping: bool


class Step:
    """Trains a Keras model one batch at a time; `weights` float32 (labels,) are what each label counts.

    A replica takes at most `micro` rows at once: it adds up the gradients of its share's parts before the
    update. With dropout a smaller `micro` makes another, equally good training: each part draws its own.
    """

    def __init__(
        self,
        model: Any,
        params: TrainingTable,
        steps: int,
        weights: NDArray[np.float32],
        compute: Compute,
        team: ReplicaGroup,
        micro: int,
    ) -> None:
        self.model, self.team, self.micro = model, team, micro
        self.seed = params.seed % 2**31
        self.weights = tf.constant(weights)
        with team.scope():
            self.optimizer = AdamW(model.trainable_variables, params, steps)
            self.scale = LossScale() if compute.precision == "float16" else None
        self.sums: list[Any] = []
        self.before = 0.0
        self.loss = load_keras().losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=params.label_smoothing, reduction="none"
        )
        self.inputs = [each.name for each in model.inputs]
        # Compiled apart: XLA takes the variables of one device only.
        self._gradients = (
            tf.function(self._some_gradients, autograph=False, jit_compile=True)
            if compute.xla
            else self._some_gradients
        )
        batch = {each.name: tf.TensorSpec(each.shape, "int32") for each in model.inputs}, tf.TensorSpec([None], "int32")
        number = tf.TensorSpec([], "int32")
        self._whole, self._part, self._finish = (
            tf.function(
                lambda *arguments, work=work: team.run(work, *arguments),
                input_signature=signature,
                autograph=False,
            )
            for work, signature in (
                (self._train, (*batch, *[number] * 4)),
                (self._add_up, (*batch, *[number] * 3)),
                (self._update_by_sums, (number,)),
            )
        )

    def __call__(self, batch: Examples, number: int, stopping: Callable[[], bool] = bool) -> Done | None:
        """Update the weights by one batch, the step of this `number` from 0.

        Gives None, with the weights as they were, where this process alone is asked to stop meanwhile. Memory
        that runs out halves `micro`.

        Raises:
            TryAgainError: a worker is lost, or memory ran out in the middle of an update.
        """
        self.before = self._updates
        while True:
            try:
                with self.team.reporting_lost_workers():
                    return self._once(batch, number, stopping)
            except tf.errors.ResourceExhaustedError as error:
                if not self.whole or self.micro == 1:
                    raise TryAgainError(
                        f"out of memory with {self.micro} rows at once",
                        "give it more memory, or shorten [text] max_length",
                    ) from error
                self.micro = math.ceil(min(self.micro, len(batch)) / 2)

    @property
    def whole(self) -> bool:
        """Whether no weight was changed by a step that failed."""
        return self._updates == self.before

    @property
    def _updates(self) -> float:
        return float(self.team.value(self.optimizer.done))

    def state(self, *, weights_only: bool = False) -> dict[str, Any]:
        """The variables that a training goes on from, by name, in an order that is always the same."""
        kinds = {"weight": [weight.value for weight in self.model.weights]}
        if not weights_only:
            optimizer = self.optimizer
            averages = [average for average, _ in optimizer.averaged]
            kinds |= {
                "first": optimizer.first,
                "second": optimizer.second,
                "average": averages,
                "done": [optimizer.done],
            }
            kinds |= {"scale": [self.scale.factor, self.scale.good]} if self.scale else {}
        return {f"{kind}/{index}": each for kind, some in kinds.items() for index, each in enumerate(some)}

    def _once(self, batch: Examples, number: int, stopping: Callable[[], bool]) -> Done | None:
        inputs, labels, count = batch.texts.inputs(self.inputs), batch.labels, len(batch)
        begin, end = (count * each // self.team.workers for each in (self.team.index, self.team.index + 1))
        parts = math.ceil((end - begin) / (self.micro * self.team.local))
        # Workers have memory of their own: each may take other parts, and all meet in the same update.
        if parts <= 1 and self.team.workers == 1:
            return _done(self._whole(inputs, labels, number, 0, count, int(stopping())))
        self._clear_sums()
        for part in range(parts):
            if stopping() and self.team.workers == 1:
                return None
            first, last = (begin + (end - begin) * each // parts for each in (part, part + 1))
            rows = {name: each[first:last] for name, each in inputs.items()}
            self._part(rows, labels[first:last], number, first, count)
        return _done(self._finish(int(stopping())))

    def _train(self, inputs: Any, labels: Any, number: Any, first: Any, count: Any, stopping: Any) -> Any:
        """Update by a batch at once; on a replica."""
        return self._update(*self._share_of_gradients(inputs, labels, number, first, count), stopping)

    def _add_up(self, inputs: Any, labels: Any, number: Any, first: Any, count: Any) -> Any:
        """Add the gradients of a part of a batch to the sums; on a replica."""
        gradients, figures = self._share_of_gradients(inputs, labels, number, first, count)
        for total, each in zip(self.sums, (*gradients, figures), strict=True):
            add(total, each)
        return first

    def _update_by_sums(self, stopping: Any) -> Any:
        """Update by the sums; on a replica."""
        *gradients, figures = map(read, self.sums)
        return self._update(gradients, figures, stopping)

    def _clear_sums(self) -> None:
        if not self.sums:
            shapes = [*(each.shape for each in self.model.trainable_variables), (2,)]
            with self.team.scope():
                self.sums = [
                    tf.Variable(tf.zeros(shape), trainable=False, synchronization=tf.VariableSynchronization.ON_READ)
                    for shape in shapes
                ]
        for each in self._local(self.sums):
            each.assign(tf.zeros_like(each))

    def _local(self, variables: Sequence[Any]) -> Iterator[Any]:
        for each in variables:
            yield from self.team.strategy.experimental_local_results(each)

    def _share_of_gradients(
        self, inputs: Any, labels: Any, number: Any, first: Any, count: Any
    ) -> tuple[Sequence[Any], Any]:
        """Gradients of this replica's part of the mean weighted loss of `count` rows; that part, the right answers.

        `first` is the number in the whole batch of the first row that is given here.
        """
        begin, end = self.team.share(tf.shape(labels)[0])
        some = {name: each[begin:end] for name, each in inputs.items()}
        gradients, figures = self._gradients(some, labels[begin:end], number, first + begin, count)
        return gradients, figures

    def _some_gradients(
        self, inputs: Any, labels: Any, number: Any, first: Any, count: Any
    ) -> tuple[Sequence[Any], Any]:
        self.model.chance.start(self.seed, number, first)
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            losses = self.loss(tf.one_hot(labels, logits.shape[-1]), logits) * tf.gather(self.weights, labels)
            loss = tf.reduce_sum(losses) / tf.cast(count, tf.float32)
            scaled = self.scale.up(loss) if self.scale else loss
        found = tape.gradient(scaled, self.model.trainable_variables, unconnected_gradients="zero")
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        figures = tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])
        return [tf.convert_to_tensor(each) for each in found], figures

    def _update(self, gradients: Sequence[Any], figures: Any, stopping: Any) -> Any:
        """Sum over the replicas, then change the weights: not before all gradients are there."""
        figures = tf.concat([figures, [tf.cast(stopping, tf.float32)]], axis=0)
        *gradients, figures = self.team.sum([*gradients, figures])
        with tf.control_dependencies([*gradients, figures]):
            gradients = [tf.identity(each) for each in gradients]
            if self.scale:
                self.scale.apply(gradients, self.optimizer.apply)
            else:
                self.optimizer.apply(gradients)
        return figures


def _done(figures: Any) -> Done:
    loss, right, stopping = figures.numpy()
    return Done(float(loss), int(right), bool(stopping))


def label_weights(params: TrainingTable, names: Sequence[str], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """What each label counts, float32 (labels,), so that the mean over the rows of train is 1."""
    counts = np.bincount(labels, minlength=len(names))
    if params.class_weights == "none":
        return np.ones(len(names), np.float32)
    if params.class_weights == "balanced":
        weights = 1 / np.maximum(counts, 1)
    else:
        weights = np.asarray([params.class_weights.get(name, 1.0) for name in names])
    return np.asarray(weights * counts.sum() / (weights * counts).sum(), np.float32)
