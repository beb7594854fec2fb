"""Throughput and memory of fine-tuning: ours against a plain PyTorch loop, by turns, on the same batches.

    python tests/benchmarks/finetuning.py --data DIR --torch PYTHON [--weights ID] [--rounds 5] [--json]

`--torch` is the interpreter of an environment with torch, transformers and safetensors; `make bench-torch`
makes one. Each side is a process of its own that waits while the other works. A round is 20 steps of AdamW with
clipping, batch 32, bucketed and padded to the batch's longest; then the usual recipe's, padded to 128, in
PyTorch. Ratios are medians over the rounds; peak memory is that of each process (VmHWM).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

STEPS, USUAL_LENGTH, MODEL = 20, 128, "sentence-transformers/all-MiniLM-L6-v2"
PRECISIONS = ("float32", "bfloat16")
SIDES = ("ours", "torch", "usual")
Batch = dict[str, Any]


class Worker:
    """A process that trains one round at every line that it is sent, and answers with its seconds."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reply: dict[str, Any] = {}
        self._answer()

    def _answer(self) -> None:
        assert self.process.stdout
        line = next((line for line in self.process.stdout if line.startswith("{")), None)
        if line is None:
            sys.exit("a worker ended; see above")
        self.reply = json.loads(line)

    def round(self, *, usual: bool = False) -> float:
        """Train a round; seconds."""
        assert self.process.stdin
        self.process.stdin.write("usual\n" if usual else "bucketed\n")
        self.process.stdin.flush()
        self._answer()
        return float(self.reply["seconds"])

    def close(self) -> int:
        """End the process; its peak memory in bytes."""
        self.process.communicate()
        return int(self.reply["peak_bytes"])


def write_batches(data: Path, folder: Path, target: Path, rounds: int) -> float:
    """Write the batches of all rounds, ids int32 with their lengths, and give the mean length."""
    from emotion.data.dataset import load_dataset
    from emotion.models.registry import params_file
    from emotion.params.schema import TransformerParams
    from emotion.params.toml import load_params
    from emotion.text.encoded import encode
    from emotion.text.pretrained import load_tokenizer
    from emotion.training.batches import Examples, batches

    params = load_params("minilm", params_file("minilm"))
    assert isinstance(params, TransformerParams)
    dataset = load_dataset(data, params.data)
    texts = dataset.splits["train"].texts
    tokenizer = load_tokenizer(folder, 1 << 30, USUAL_LENGTH, 0, texts)
    train = Examples(encode(tokenizer.backend, texts), dataset.encoded("train"))
    arrays: dict[str, Any] = {}
    chosen = list(islice(batches(train, params.training, 1), (rounds + 1) * STEPS))
    for number, batch in enumerate(chosen):
        arrays[f"ids{number}"] = batch.texts.ids
        arrays[f"lengths{number}"] = batch.texts.lengths
        arrays[f"labels{number}"] = batch.labels
    np.savez(target, **arrays)
    return float(np.mean([batch.texts.ids.shape[1] for batch in chosen]))


def ours(folder: Path, batches: Path, precision: str) -> None:
    """The worker of our side."""
    import time

    from emotion.models.backend import prepare
    from emotion.models.compute import Compute
    from emotion.models.config_json import encoder_config, read_config
    from emotion.models.hf_folder import load_weights
    from emotion.models.registry import params_file
    from emotion.models.transformer import build_transformer
    from emotion.params.schema import TransformerParams
    from emotion.params.toml import load_params
    from emotion.text.encoded import Encoded
    from emotion.training.batches import Examples
    from emotion.training.distributed.replicas import single_replica
    from emotion.training.step import Step

    prepare(1, 0)
    config = encoder_config(read_config(folder))
    model = build_transformer(config, 6, "bench", precision)
    load_weights(model, config, folder, same_labels=False)
    loaded = load_params("minilm", params_file("minilm"))
    assert isinstance(loaded, TransformerParams)
    params = loaded.training
    assert precision in {"float32", "bfloat16"}
    compute = Compute(precision)  # type: ignore[arg-type]
    step = Step(model, params, 1000, np.ones(6, np.float32), compute, single_replica(), params.batch_size)
    content = np.load(batches)
    number = 0
    answer({})
    for _ in sys.stdin:
        started = time.perf_counter()
        for _ in range(STEPS):
            texts = Encoded(content[f"ids{number}"], content[f"lengths{number}"], config.pad_id)
            step(Examples(texts, content[f"labels{number}"]), number)
            number += 1
        answer({"seconds": time.perf_counter() - started})


def answer(content: dict[str, Any]) -> None:
    """Tell the driver, with the peak memory so far."""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**content, "peak_bytes": int(peak.split()[1]) * 1024}), flush=True)


def measure(folder: Path, options: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Run all sides by turns."""
    with tempfile.TemporaryDirectory() as temporary:
        batches = Path(temporary) / "batches.npz"
        mean = write_batches(options.data, folder, batches, options.rounds)
        rest = [str(folder), str(batches), precision]
        here = Path(__file__)
        workers = {
            "ours": Worker([sys.executable, str(here), "--worker", *rest]),
            "torch": Worker([options.torch, str(here.with_name("finetuning_torch.py")), *rest]),
            "usual": Worker([options.torch, str(here.with_name("finetuning_torch.py")), *rest]),
        }
        # The first round of each side compiles and warms up.
        rounds = [
            {side: 32 * STEPS / workers[side].round(usual=side == "usual") for side in SIDES}
            for _ in range(options.rounds + 1)
        ][1:]
        peaks = {side: worker.close() for side, worker in workers.items()}
    return {
        "precision": precision,
        "mean_length": mean,
        "rows_per_second": {side: statistics.median(rates[side] for rates in rounds) for side in SIDES},
        "ratio_to_torch": statistics.median(rates["ours"] / rates["torch"] for rates in rounds),
        "ratio_to_usual": statistics.median(rates["ours"] / rates["usual"] for rates in rounds),
        "peak_bytes": peaks,
        "rounds": rounds,
    }


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--worker"]:
        ours(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--weights", default=MODEL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from emotion.store.layout import Store
    from emotion.weights.find import find_weights

    folder = find_weights(options.weights, "", Store(Path("store")), lambda line: print(line, file=sys.stderr)).folder
    results = [measure(folder, options, precision) for precision in PRECISIONS]
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        rows, peaks = result["rows_per_second"], result["peak_bytes"]
        print(f"{result['precision']}, batch 32, mean length {result['mean_length']:.0f}:")
        for side in SIDES:
            print(f"  {side:6} {rows[side]:6.1f} rows/s, peak {peaks[side] / 2**20:,.0f} MiB")
        print(f"  ours / torch {result['ratio_to_torch']:.2f}, ours / padded to 128 {result['ratio_to_usual']:.2f}")


if __name__ == "__main__":
    main()
