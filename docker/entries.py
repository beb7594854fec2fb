"""Prints the entries of a lock that an image has: of the platforms that a lock is for, an image is one.

python docker/entries.py docker/locks/train-cpu.txt
"""

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

# Debian 12's Python, from the images' base.
IMAGE = {
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}
# A requirement with the lines of its hashes.
ENTRY = re.compile(r"^(?P<requirement>[A-Za-z0-9].*?) *\\\n(?: +--hash=\S+(?: \\)?\n)+", re.MULTILINE)


def main() -> None:
    """Print them, hashes included."""
    lock = Path(sys.argv[1]).read_text(encoding="utf-8")
    for found in ENTRY.finditer(lock):
        marker = Requirement(found["requirement"]).marker
        if marker is None or marker.evaluate(IMAGE):
            sys.stdout.write(found[0])


if __name__ == "__main__":
    main()
