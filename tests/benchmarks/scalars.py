"""What scalars for TensorBoard cost: steps with and without them, by turns, in one process.

    python tests/benchmarks/scalars.py --data DIR [--models ann,lstm] [--rounds 21] [--json]

A round has blocks of steps by turns, with one measured gradient norm in a block. Its ratio is the median block with
scalars over the median block without: other work on the machine moves single blocks.
"""

import argparse
import json
import statistics
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from emotion.data.dataset import Dataset, load_dataset
from emotion.models.backend import prepare
from emotion.models.compute import Compute
from emotion.models.registry import params_file
from emotion.params.schema import WordParams
from emotion.params.toml import load_params
from emotion.text.encoded import encode
from emotion.text.vocabulary import learn_tokenizer

# Blocks of steps in a round, on both sides by turns.
BLOCKS = 6


def measure(model: str, data: Dataset, rounds: int) -> dict[str, Any]:
    """Train by turns with and without scalars; the ratio is the median over the rounds."""
    from emotion.models.build import build_model
    from emotion.training.batches import Examples, batches
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.fit import steps_per_epoch
    from emotion.training.label_weights import label_weights
    from emotion.training.scalars import EVENTS_PER_NORM, Scalars
    from emotion.training.step import Step

    params = load_params(model, params_file(model))
    assert isinstance(params, WordParams)
    training = params.training
    tokenizer = learn_tokenizer(data.splits["train"].texts, params.text, params.padded_length)
    train = Examples(encode(tokenizer, data.splits["train"].texts), data.encoded("train"))
    epoch_steps = steps_per_epoch(len(train), training)
    steps = epoch_steps * training.epochs
    step = Step(
        build_model(params, tokenizer.get_vocab_size(), len(data.labels)),
        training,
        steps,
        label_weights(training.class_weights, data.labels, train.labels),
        Compute(),
        single_replica(),
        training.batch_size,
    )
    source = enumerate(cycle(list(batches(train, training, 1))), start=1)

    def block(scalars: Scalars, size: int) -> float:
        """Seconds of some steps, as `training/fit.py` takes them."""
        began = time.perf_counter()
        for number, batch in islice(source, size):
            started = time.monotonic()
            result = step(batch, number, measure=scalars.measures_norm(number))
            assert result is not None
            scalars.add_step(number, result, len(batch), time.monotonic() - started)
        return time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        sides = [Scalars(Path(folder) / str(on), epoch_steps, steps, print, on=on) for on in (True, False)]
        size = sides[0].every * EVENTS_PER_NORM
        for side in sides:
            block(side, 2 * size)
        ratios, seconds = [], []
        for _ in range(rounds):
            blocks: dict[Scalars, list[float]] = {side: [] for side in sides}
            # By turns: whichever comes first may be slower.
            for side in [*sides, *reversed(sides)] * (BLOCKS // 2):
                blocks[side].append(block(side, size))
            on, off = (statistics.median(blocks[side]) for side in sides)
            ratios.append(on / off)
            seconds.append(off / size)
    return {
        "model": model,
        "every": sides[0].every,
        "ratio": statistics.median(ratios),
        "ratios": sorted(ratios),
        "seconds_per_step": statistics.median(seconds),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="ann,lstm")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    prepare(1, 0)
    data = load_dataset(options.data, load_params("ann", params_file("ann")).data)
    results = [measure(model, data, options.rounds) for model in options.models.split(",")]
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        ratios = result["ratios"]
        print(
            f"{result['model']}: seconds with scalars / without: median {result['ratio']:.4f} of {options.rounds}"
            f" rounds ({ratios[0]:.4f} to {ratios[-1]:.4f}); a step takes {result['seconds_per_step'] * 1000:.2f} ms,"
            f" one of {result['every']} steps has an event"
        )


if __name__ == "__main__":
    main()
