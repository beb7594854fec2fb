"""Holds every locked version against the published vulnerabilities (pip-audit): exit 1 names what has one.

python docker/audit.py docker/locks/*.txt

Where the data cannot be reached that is said, and is no failure.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# Messages of pip-audit and its libraries about an unreachable service.
UNREACHED = ("ConnectionError", "Could not connect", "Max retries exceeded", "ProxyError", "timed out")


def main() -> None:
    """Audit the locks that are named."""
    audited: set[str] = set()
    without: set[str] = set()
    found: set[str] = set()
    for lock in sys.argv[1:]:
        packages = _audit(lock)
        if packages is None:
            without.add(f"{lock} and what follows")
            break
        for package in packages:
            if "skip_reason" in package:
                without.add(package["name"])
                continue
            version = f"{package['name']} {package['version']}"
            audited.add(version)
            found |= {f"{version}: {_summary(vulnerability)}" for vulnerability in package["vulns"]}
    if not audited:
        sys.stdout.write("locks not audited: no data on vulnerabilities can be reached from here\n")
        return
    sys.stdout.write("".join(f"{line}\n" for line in sorted(found)))
    skipped = f" (no data on {', '.join(sorted(without))})" if without else ""
    sys.stdout.write(f"{len(audited)} locked versions audited{skipped}, {len(found)} known vulnerabilities\n")
    sys.exit(bool(found))


def _audit(lock: str) -> list[dict[str, Any]] | None:
    """What is known of each version in a lock; None where nobody answers."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run([*command, "--requirement", lock], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if not any(message in done.stderr for message in UNREACHED):
            sys.exit(f"pip-audit of {lock} failed:\n{done.stderr}")
        return None
    return packages


def _summary(vulnerability: dict[str, Any]) -> str:
    mended = ", ".join(vulnerability["fix_versions"]) or "no version yet"
    return f"{' '.join([vulnerability['id'], *vulnerability['aliases']])}, mended in {mended}"


if __name__ == "__main__":
    main()
