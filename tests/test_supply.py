"""What the images are made of: the audit of the locks, and the bills of materials."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}
LEAKING = {
    "name": "leaking",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.1"], "description": ""}],
}


def audit(folder: Path, *packages: dict[str, Any], script: str = "") -> subprocess.CompletedProcess[str]:
    """Audit beside a pip-audit that answers with `packages`: published vulnerabilities cannot be had in a test."""
    (folder / "python").symlink_to(sys.executable)
    answer = folder / "answer.json"
    answer.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\n{script or f'cat {answer}'}\n")
    program.chmod(0o755)
    command = [str(folder / "python"), str(ROOT / "docker" / "audit.py"), "lock.txt"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_known_vulnerability_fails_and_is_named_with_what_mends_it(tmp_path: Path) -> None:
    done = audit(tmp_path, SOUND, LEAKING, UNKNOWN)
    assert done.returncode == 1
    assert "leaking 2.0: PYSEC-2026-1 CVE-2026-1, mended in 2.1" in done.stdout
    assert "2 locked versions audited (no data on unknown), 1 known vulnerabilities" in done.stdout


def test_sound_locks_pass(tmp_path: Path) -> None:
    done = audit(tmp_path, SOUND)
    assert done.returncode == 0
    assert "1 locked versions audited, 0 known vulnerabilities" in done.stdout


@pytest.mark.parametrize("script", ["", "echo 'requests.exceptions.ConnectionError: no' >&2; exit 1"])
def test_out_of_reach_is_said_and_passes(tmp_path: Path, script: str) -> None:
    done = audit(tmp_path, UNKNOWN, script=script)
    assert done.returncode == 0
    assert "not audited" in done.stdout


def test_an_audit_that_fails_is_not_taken_for_one_that_is_out_of_reach(tmp_path: Path) -> None:
    done = audit(tmp_path, script="echo 'ERROR: lock.txt is no lock' >&2; exit 1")
    assert done.returncode == 1
    assert "lock.txt is no lock" in done.stderr


@pytest.fixture(scope="module")
def bills() -> Path:
    subprocess.run(["make", "sbom"], cwd=ROOT, capture_output=True, check=True)
    return ROOT / "build" / "sbom"


@pytest.mark.parametrize("name", ["train-cuda", "train-cpu", "classify-cuda", "classify-cpu"])
def test_a_bill_of_materials_has_what_the_image_has(bills: Path, name: str) -> None:
    lock = ROOT / "docker" / "locks" / f"{name}.txt"
    entries = subprocess.run(
        [sys.executable, str(ROOT / "docker" / "entries.py"), str(lock)], capture_output=True, text=True, check=True
    )
    bill = json.loads((bills / f"emotion-{name}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "emotion"
    listed = {f"{component['name']}=={component['version']}" for component in bill["components"]}
    assert listed == {line.split()[0] for line in entries.stdout.splitlines() if not line.startswith(" ")}
    assert ("nvidia-cublas-cu12" in {component["name"] for component in bill["components"]}) == name.endswith("cuda")
    # Of two versions for two Pythons, the image's.
    assert len([component for component in bill["components"] if component["name"] == "numpy"]) == 1
