"""The training step: loss, gradients and update of one batch on every replica, at once or in micro-batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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


class StepResult(NamedTuple):
    """A step's mean loss, its number of correct predictions, and whether any worker must stop.

    `gradient_norm` is the norm before clipping, or NaN if not measured. For a step that float16 skips, `gradient_norm`
    and `learning_rate` are NaN.
    """

    loss: float
    right: int
    stopping: bool
    learning_rate: float
    gradient_norm: float


class Step:
    """Trains a Keras model one batch at a time; `weights` float32 (labels,) weight each label's loss.

    With `soft`, the model learns the batches' targets instead of the labels.

    A replica takes at most `micro_batch` rows at once and sums the gradients of its micro-batches before the update.
    Dropout is drawn per micro-batch. So with dropout, a different `micro_batch` gives a different, equally good
    training.
    """

    def __init__(
        self,
        model: Any,
        params: TrainingTable,
        steps: int,
        weights: NDArray[np.float32],
        compute: Compute,
        group: ReplicaGroup,
        micro_batch: int,
        *,
        soft: bool = False,
    ) -> None:
        self.model, self.group, self.micro_batch, self.soft = model, group, micro_batch, soft
        self.seed = params.seed % 2**31
        self.weights = tf.constant(weights)
        with group.scope():
            self.optimizer = AdamW(model.trainable_variables, params, steps)
            self.scale = LossScale() if compute.precision == "float16" else None
        self.sums: list[Any] = []
        self.updates_before = 0.0
        self.loss = load_keras().losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=params.label_smoothing, reduction="none"
        )
        self.inputs = [tensor.name for tensor in model.inputs]
        # Compiled separately from the update: XLA takes variables of only one device.
        self._gradients = (
            tf.function(self._compute_gradients, autograph=False, jit_compile=True)
            if compute.xla
            else self._compute_gradients
        )
        inputs = {tensor.name: tf.TensorSpec(tensor.shape, "int32") for tensor in model.inputs}
        batch = inputs, tf.TensorSpec([None], "int32"), tf.TensorSpec([None, len(weights) if soft else 0], "float32")
        number, switch = tf.TensorSpec([], "int32"), tf.TensorSpec([], "bool")
        self._run_whole, self._run_part, self._run_update = (
            tf.function(
                lambda *arguments, work=work: group.run(work, *arguments),
                input_signature=signature,
                autograph=False,
            )
            for work, signature in (
                (self._train_whole, (*batch, *[number] * 4, switch)),
                (self._add_to_sums, (*batch, *[number] * 3)),
                (self._update_from_sums, (number, switch)),
            )
        )

    def __call__(
        self, batch: Examples, number: int, stopping: Callable[[], bool] = bool, *, measure: bool = False
    ) -> StepResult | None:
        """Update the weights by one batch, in step `number`, from 0.

        `measure` asks for the gradient norm, which clipping gives anyway. Returns None, with unchanged weights, if this
        process trains alone and a signal arrives during the step. If memory runs out, `micro_batch` is halved.

        Raises:
            TryAgainError: a worker is lost, or memory ran out with one row at once or during an update.
        """
        self.updates_before = self._updates
        while True:
            try:
                with self.group.reporting_lost_workers():
                    return self._train(batch, number, stopping, measure)
            except tf.errors.ResourceExhaustedError as error:
                if not self.weights_unchanged or self.micro_batch == 1:
                    raise TryAgainError(
                        f"out of memory with {self.micro_batch} rows at once",
                        "add memory, or shorten [text] max_length",
                    ) from error
                self.micro_batch = math.ceil(min(self.micro_batch, len(batch)) / 2)

    @property
    def weights_unchanged(self) -> bool:
        """Whether the last call failed before it changed any weight."""
        return self._updates == self.updates_before

    @property
    def _updates(self) -> float:
        return float(self.group.value(self.optimizer.done))

    def state(self, *, weights_only: bool = False) -> dict[str, Any]:
        """Give the variables for resuming, by their names in a checkpoint, always in the same order."""
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
        return {
            f"{kind}/{index}": variable for kind, variables in kinds.items() for index, variable in enumerate(variables)
        }

    def _train(self, batch: Examples, number: int, stopping: Callable[[], bool], measure: bool) -> StepResult | None:
        inputs, labels, count = batch.texts.inputs(self.inputs), batch.labels, len(batch)
        targets = np.zeros((count, 0), np.float32) if batch.targets is None else batch.targets
        begin, end = (count * worker // self.group.workers for worker in (self.group.index, self.group.index + 1))
        parts = math.ceil((end - begin) / (self.micro_batch * self.group.local))
        # Workers with different memory use different numbers of parts, but all meet in the same update.
        if parts <= 1 and self.group.workers == 1:
            return _result(self._run_whole(inputs, labels, targets, number, 0, count, int(stopping()), measure))
        self._clear_sums()
        for part in range(parts):
            if stopping() and self.group.workers == 1:
                return None
            first, last = (begin + (end - begin) * bound // parts for bound in (part, part + 1))
            rows = {name: array[first:last] for name, array in inputs.items()}
            self._run_part(rows, labels[first:last], targets[first:last], number, first, count)
        return _result(self._run_update(int(stopping()), measure))

    def _train_whole(
        self, inputs: Any, labels: Any, targets: Any, number: Any, first: Any, count: Any, stopping: Any, measure: Any
    ) -> Any:
        """Update by a whole batch; runs on a replica."""
        return self._update(*self._replica_gradients(inputs, labels, targets, number, first, count), stopping, measure)

    def _add_to_sums(self, inputs: Any, labels: Any, targets: Any, number: Any, first: Any, count: Any) -> Any:
        """Add the gradients of a micro-batch to the sums; runs on a replica."""
        gradients, figures = self._replica_gradients(inputs, labels, targets, number, first, count)
        for total, value in zip(self.sums, (*gradients, figures), strict=True):
            add(total, value)
        return first

    def _update_from_sums(self, stopping: Any, measure: Any) -> Any:
        """Update by the summed gradients; runs on a replica."""
        *gradients, figures = map(read, self.sums)
        return self._update(gradients, figures, stopping, measure)

    def _clear_sums(self) -> None:
        if not self.sums:
            shapes = [*(variable.shape for variable in self.model.trainable_variables), (2,)]
            with self.group.scope():
                self.sums = [
                    tf.Variable(tf.zeros(shape), trainable=False, synchronization=tf.VariableSynchronization.ON_READ)
                    for shape in shapes
                ]
        for total in self._local_copies(self.sums):
            total.assign(tf.zeros_like(total))

    def _local_copies(self, variables: Sequence[Any]) -> Iterator[Any]:
        for variable in variables:
            yield from self.group.strategy.experimental_local_results(variable)

    def _replica_gradients(
        self, inputs: Any, labels: Any, targets: Any, number: Any, first: Any, count: Any
    ) -> tuple[Sequence[Any], Any]:
        """Give this replica's gradients of the mean weighted loss over `count` rows, and its figures.

        The figures, float32 (2,), are its part of the loss and its number of correct predictions. `first` is the index
        of the first row of `inputs` in the whole batch.
        """
        begin, end = self.group.share(tf.shape(labels)[0])
        rows = {name: tensor[begin:end] for name, tensor in inputs.items()}
        gradients, figures = self._gradients(rows, labels[begin:end], targets[begin:end], number, first + begin, count)
        return gradients, figures

    def _compute_gradients(
        self, inputs: Any, labels: Any, targets: Any, number: Any, first: Any, count: Any
    ) -> tuple[Sequence[Any], Any]:
        self.model.dropout_seed.start(self.seed, number, first)
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            losses = self._losses(logits, labels, targets) * tf.gather(self.weights, labels)
            loss = tf.reduce_sum(losses) / tf.cast(count, tf.float32)
            scaled = self.scale.up(loss) if self.scale else loss
        gradients = tape.gradient(scaled, self.model.trainable_variables, unconnected_gradients="zero")
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels)
        figures = tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])
        return [tf.convert_to_tensor(gradient) for gradient in gradients], figures

    def _losses(self, logits: Any, labels: Any, targets: Any) -> Any:
        """Compute the cross-entropy of every row with its targets, or with its smoothed label."""
        if self.soft:
            return tf.nn.softmax_cross_entropy_with_logits(targets, logits)
        return self.loss(tf.one_hot(labels, logits.shape[-1]), logits)

    def _update(self, gradients: Sequence[Any], figures: Any, stopping: Any, measure: Any) -> Any:
        """Sum gradients and figures over the replicas, then change the weights."""
        figures = tf.concat([figures, [tf.cast(stopping, tf.float32)]], axis=0)
        *gradients, figures = self.group.sum([*gradients, figures])
        with tf.control_dependencies([*gradients, figures]):
            gradients = [tf.identity(gradient) for gradient in gradients]
            apply = partial(self.optimizer.apply, measure=measure)
            applied = self.scale.apply(gradients, apply) if self.scale else apply(gradients)
        return tf.concat([figures, applied], axis=0)


def _result(figures: Any) -> StepResult:
    loss, right, stopping, rate, norm = figures.numpy().tolist()
    return StepResult(loss, int(right), bool(stopping), rate, norm)
