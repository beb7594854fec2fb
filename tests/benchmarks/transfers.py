"""Seconds that `emotion put` and `fetch` take for many small files, with the tests' API server as the cluster.

    python -m tests.benchmarks.transfers [--files 200] [--bytes 2000] [--exec-seconds 0.1]

`--exec-seconds` is the time from a request for a command in a pod to the command's start.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.cluster.api import ApiServer
from tests.cluster.conftest import BIN
from tests.cluster.scenes import lend_store


def main() -> None:
    """Put files into the store, bring them back as predictions, and print the seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--bytes", type=int, default=2000, help="of each file")
    parser.add_argument("--exec-seconds", type=float, default=0.1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ApiServer(store=Path(temporary, "store")) as api:
        source = Path(temporary, "many")
        source.mkdir()
        for number in range(options.files):
            (source / f"{number:06}.csv").write_bytes(os.urandom(options.bytes))
        api.exec_seconds = options.exec_seconds
        api.add("ServiceAccount", "emotion")
        api.add("PersistentVolumeClaim", "emotion", spec={"accessModes": ["ReadWriteMany"]})
        lend_store(api)
        os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
        os.environ["KUBECONFIG"] = str(api.kubeconfig(Path(temporary, "kubeconfig")))
        measure("put", source, "inputs/many")
        (api.store / "inputs").rename(api.store / "predictions")
        measure("fetch", "predictions/many", Path(temporary, "back"))


def measure(*words: object) -> None:
    """Run a command of `emotion`, and print its seconds."""
    began = time.monotonic()
    subprocess.run([BIN / "emotion", *map(str, words)], check=True)
    print(f"{words[0]}: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
