"""Time to the accuracy of the study's own recipe: its recipe and ours, in one process, by turns.

    python tests/benchmarks/training.py --data DIR [--models ann,lstm] [--repeats 3] [--json]

The recipe of the study: Keras' tokenizer, `pad_sequences` to 35, batch 32, Adam 1e-3, `fit` with its
defaults, ten epochs. Both are timed from an unbuilt model and ready token ids to the end of the first epoch
whose validation accuracy reaches the best that the study's recipe reaches in its ten; compilation counts.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion.data.dataset import Dataset, load_dataset
from emotion.models.backend import load_keras, prepare
from emotion.models.compute import Compute
from emotion.models.registry import params_file
from emotion.params.schema import WordParams
from emotion.params.toml import load_params
from emotion.signals import DeferredSignals
from emotion.text.encoded import encode
from emotion.text.vocabulary import learn_tokenizer

LENGTH, VOCABULARY, EPOCHS, BATCH = 35, 8126, 10, 32


@dataclass(frozen=True)
class Curve:
    """Validation accuracy, and seconds since the start, at the end of each epoch; rows a second."""

    accuracy: list[float]
    seconds: list[float]
    rows: int

    def reaches(self, accuracy: float) -> float | None:
        """Seconds to the first epoch with at least `accuracy`, or None."""
        return next((at for at, value in zip(self.seconds, self.accuracy, strict=True) if value >= accuracy), None)

    @property
    def rows_per_second(self) -> float:
        """Throughput without the first epoch, which compiles."""
        return self.rows * (len(self.seconds) - 1) / (self.seconds[-1] - self.seconds[0])


def study(model: str, data: Dataset, seed: int) -> Curve:
    """Train by the study's recipe."""
    keras = load_keras()
    from keras.src.legacy.preprocessing.text import Tokenizer

    keras.utils.set_random_seed(seed)
    tokenizer = Tokenizer(num_words=VOCABULARY)
    tokenizer.fit_on_texts(data.splits["train"].texts)
    train, validation = (
        keras.utils.pad_sequences(tokenizer.texts_to_sequences(data.splits[name].texts), maxlen=LENGTH)
        for name in ("train", "validation")
    )
    accuracy: list[float] = []
    seconds: list[float] = []
    started = time.perf_counter()
    network = _study_model(keras, model, len(data.labels))
    network.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])

    def note(_epoch: int, logs: dict[str, float]) -> None:
        accuracy.append(logs["val_accuracy"])
        seconds.append(time.perf_counter() - started)

    network.fit(
        train,
        data.encoded("train"),
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=(validation, data.encoded("validation")),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
        verbose=0,
    )
    return Curve(accuracy, seconds, len(train))


def _study_model(keras: Any, model: str, labels: int) -> Any:
    layers = keras.layers
    middle = layers.Flatten() if model == "ann" else layers.Bidirectional(layers.LSTM(128))
    return keras.Sequential(
        [
            keras.Input((LENGTH,)),
            layers.Embedding(VOCABULARY, 128),
            middle,
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(labels, activation="softmax"),
        ]
    )


class _Silent:
    def note(self, event: str, message: str) -> None: ...

    def on_start(self, progress: Any, rows: int, epochs: Any) -> None: ...

    def on_step(self, progress: Any, rows: int) -> None: ...

    def on_epoch(self, progress: Any, epoch: Any) -> None: ...

    def on_checkpoint(self, progress: Any, seconds: float) -> None: ...


def ours(params: WordParams, data: Dataset, seed: int) -> Curve:
    """Train by the model's own params.toml."""
    from emotion.models.build import build_model
    from emotion.training.batches import Examples
    from emotion.training.checkpoint_policy import CheckpointPolicy
    from emotion.training.checkpoints import Checkpoints
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.fit import Fitting, steps_per_epoch
    from emotion.training.label_weights import label_weights
    from emotion.training.scalars import Scalars
    from emotion.training.step import Step

    load_keras().utils.set_random_seed(seed)
    tokenizer = learn_tokenizer(data.splits["train"].texts, params.text, params.padded_length)
    train, validation = (
        Examples(encode(tokenizer, data.splits[name].texts), data.encoded(name)) for name in ("train", "validation")
    )
    training = params.training.model_copy(update={"seed": seed})
    started = time.perf_counter()
    model = build_model(params, tokenizer.get_vocab_size(), len(data.labels))
    built = time.perf_counter() - started
    weights = label_weights(training.class_weights, data.labels, train.labels)
    steps = steps_per_epoch(len(train), training) * training.epochs
    step = Step(model, training, steps, weights, Compute(), single_replica(), training.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        policy = CheckpointPolicy(Checkpoints(Path(folder), {}), params.resources.checkpoint_every, lambda _: None)
        scalars = Scalars(Path(folder) / "tensorboard", steps // training.epochs, steps, print)
        fitting = Fitting(step, train, validation, training, policy, _Silent(), scalars)
        epochs = fitting.run(DeferredSignals()).epochs
    return Curve(
        [epoch.validation_accuracy for epoch in epochs], [built + epoch.seconds for epoch in epochs], len(train)
    )


def measure(model: str, data: Dataset, repeats: int) -> dict[str, Any]:
    """Run both recipes by turns, `repeats` seeds each; ratios are medians over the seeds."""
    params = load_params(model, params_file(model))
    assert isinstance(params, WordParams)
    rows, ratios = [], []
    for seed in range(1, repeats + 1):
        theirs, mine = study(model, data, seed), ours(params, data, seed)
        best = max(theirs.accuracy)
        theirs_at, ours_at = theirs.seconds[theirs.accuracy.index(best)], mine.reaches(best)
        ratios.append(ours_at / theirs_at if ours_at else float("inf"))
        rows.append(
            {
                "seed": seed,
                "study_best": best,
                "study_seconds": theirs_at,
                "our_seconds": ours_at,
                "our_best": max(mine.accuracy),
                "study_rows_per_second": theirs.rows_per_second,
                "our_rows_per_second": mine.rows_per_second,
            }
        )
        print(json.dumps({"model": model, **rows[-1]}), file=sys.stderr, flush=True)
    return {"model": model, "runs": rows, "time_ratio": statistics.median(ratios)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="ann,lstm")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    prepare(1, 0)
    data = load_dataset(options.data, load_params("ann", params_file("ann")).data)
    results = [measure(model, data, options.repeats) for model in options.models.split(",")]
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        print(f"{result['model']}: time to the study's best validation accuracy, ours / theirs (median)")
        for run in result["runs"]:
            mine = f"{run['our_seconds']:.1f} s" if run["our_seconds"] else "never"
            print(
                f"  seed {run['seed']}: {run['study_best']:.4f} after {run['study_seconds']:.1f} s, ours {mine}"
                f" (ours at best {run['our_best']:.4f}; rows/s {run['study_rows_per_second']:,.0f}"
                f" and {run['our_rows_per_second']:,.0f})"
            )
        print(f"  ratio {result['time_ratio']:.2f}")


if __name__ == "__main__":
    main()
