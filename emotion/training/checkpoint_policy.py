"""When a training is kept, and how it goes on from what was kept."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from emotion.training.checkpoints import Checkpoint, Checkpoints, Damaged
from emotion.training.progress_state import ProgressState
from emotion.training.step import Step

UNITS = {"s": 1, "m": 60, "h": 3600}
# By time, a checkpoint is due after so many times what the last one took, at the earliest: 2 % of the time.
LEAST_TIMES = 50

Weights = list[NDArray[Any]]


class CheckpointPolicy:
    """Writes checkpoints `every` so often ("200 steps", "30s", "5m"), and finds the one to go on from.

    `tell` hears of damaged ones. In a process that is not `chief` nothing is written.
    """

    def __init__(
        self, checkpoints: Checkpoints, every: str, tell: Callable[[str], None], *, chief: bool = True
    ) -> None:
        self.checkpoints, self.tell, self.chief = checkpoints, tell, chief
        number, unit = re.fullmatch(r"(\d+) *(\w+)", every).groups()  # type: ignore[union-attr]
        self.steps = int(number) if unit == "steps" else 0
        self.pause = 0.0 if self.steps else float(number) * UNITS[unit]
        self.cost = 0.0
        self.began(0)

    def resume(self, step: Step) -> tuple[ProgressState, Weights | None] | None:
        """Load the newest good checkpoint into `step`; give its position, and the best weights so far.

        Raises:
            BadParametersError: it is a checkpoint of another training.
        """
        for checkpoint in self.checkpoints.newest(self.tell):
            try:
                best = _load(checkpoint, step)
            except Damaged as error:
                self.tell(f"checkpoint {checkpoint.file} is damaged and passed over: {error}")
                continue
            return checkpoint.position, best
        return None

    def began(self, number: int) -> None:
        """Count from here: training begins after `number` steps."""
        self.saved_at, self.saved_step = time.monotonic(), number

    def due(self, number: int) -> bool:
        """Whether a checkpoint should be written after `number` steps."""
        if self.steps:
            return number - self.saved_step >= self.steps
        return time.monotonic() - self.saved_at >= max(self.pause, LEAST_TIMES * self.cost)

    def keep(self, step: Step, position: ProgressState, best: Weights | None, number: int) -> float:
        """Write a checkpoint after `number` steps; give the seconds that it took.

        Raises:
            CannotWriteError: the store is full or read-only.
        """
        started = time.monotonic()
        if self.chief:
            self.checkpoints.save(position, _tensors(step, position, best))
        self.began(number)
        self.cost = self.saved_at - started
        return self.cost


def _tensors(step: Step, position: ProgressState, best: Weights | None) -> Iterator[tuple[str, NDArray[Any]]]:
    """What a checkpoint holds: everything, or of a finished training its weights."""
    for name, variable in step.state(weights_only=position.finished).items():
        yield name, step.team.value(variable).numpy()
    for index, array in enumerate(best or [] if not position.finished else []):
        yield f"best/{index}", array


def _load(checkpoint: Checkpoint, step: Step) -> Weights | None:
    position = checkpoint.position
    state = step.state(weights_only=position.finished)
    shapes = {name: tuple(variable.shape) for name, variable in state.items()}
    kept: Sequence[Any] = step.model.weights if position.best and not position.finished else ()
    shapes |= {f"best/{index}": tuple(weight.shape) for index, weight in enumerate(kept)}
    best: Weights = []
    for name, array in checkpoint.tensors(shapes):
        if name in state:
            state[name].assign(array)
        else:
            best.append(array)
    return best or None
