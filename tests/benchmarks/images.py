"""Start-up of the images: `--help` and classifying one row, beside the same commands without a container.

    python tests/benchmarks/images.py --train IMAGE --classify IMAGE --model RUN/model [--runs 7]

By turns, medians; a container is hardened as docker/run.sh does it. DOCKER names the client.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCKER = os.environ.get("DOCKER", "docker")
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
EMOTION = str(Path(sys.executable).with_name("emotion"))


def seconds(command: list[str]) -> float:
    """Run a command; how long it took."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--classify", required=True)
    parser.add_argument("--model", type=Path, required=True, help="the model/ folder of a run")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o777)
        (work / "in.csv").write_text("text\ni feel so happy\n")
        run = [DOCKER, "run", "--rm", "--network", "none", *HARDENED]
        mounts = ["-v", f"{work}:/work", "-v", f"{arguments.model.resolve()}:/model:ro"]
        files = ["in.csv", "out.csv"]
        cases = {
            "emotion --help": [EMOTION, "--help"],
            "train image, --help": [*run, arguments.train, "--help"],
            "classify image, --help": [*run, arguments.classify, "--help"],
            "classify a row": [
                EMOTION,
                "classify",
                *(str(work / file) for file in files),
                "--model",
                str(arguments.model),
            ],
            "classify image, a row": [*run, *mounts, arguments.classify, "classify", *files, "--model", "/model"],
        }
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(arguments.runs):
            for name, command in cases.items():
                found[name].append(seconds(command))
    for name, taken in found.items():
        print(f"{name:<24}{statistics.median(taken):6.2f} s  ({min(taken):.2f} to {max(taken):.2f})")


if __name__ == "__main__":
    main()
