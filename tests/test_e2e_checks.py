"""The checks of `make e2e`: each one fails on the fault that it is for."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("e2e_checks.sh")
INPUT = b'id,text\n1,"I am glad, truly"\n2,\n3,"this has\ntwo lines, "\n4,caf\xe9\n'
FIRST, SECOND = b'1,"I am glad, truly",joy,0.912345\n', b"2,,,\n"
OUTPUT = b"id,text,label,score\n" + FIRST + SECOND + b'3,"this has\ntwo lines, ",fear,1.0\n4,caf\xe9,,\n'
Check = Callable[[bytes], subprocess.CompletedProcess[bytes]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Give a function that checks an output of the cluster, of which two rows have no label."""

    def run(output: bytes) -> subprocess.CompletedProcess[bytes]:
        for folder, content in (("inputs", INPUT), ("here", OUTPUT), ("outputs", output)):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "in.csv").write_bytes(content)
        script = f"source {CHECKS}; check_file in.csv , 2 inputs outputs here"
        command = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    return run


def test_a_right_output_passes(check: Check) -> None:
    done = check(OUTPUT)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_another_processor_rounds_the_last_digit_of_a_score_differently(check: Check) -> None:
    assert check(OUTPUT.replace(b"0.912345", b"0.912346")).returncode == 0


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (b"truly", b"Truly", b"the rows of in.csv are not those of the input"),
        (FIRST, b"", b'< 1,"I am glad, truly"'),
        (FIRST + SECOND, SECOND + FIRST, b'> 1,"I am glad, truly"'),
        (b"two lines, ", b"two lines,", b"the rows of in.csv are not those of the input"),
        (b"caf\xe9", b"caf\xc3\xa9", b"the rows of in.csv are not those of the input"),
        (SECOND, b"2,,,\n2,,joy,0.500000\n", b"> 2,"),
        (b",joy,0.912345", b",,", b"rows of in.csv without a label: expected '2', found '3'"),
        (SECOND, b"2,,joy,0.500000\n", b"rows of in.csv without a label: expected '2', found '1'"),
        (b"joy", b"joyful", b"the rows of in.csv are not those of the input"),
        (b"joy", b"love", b"in.csv has other labels than the same model gives here"),
        (b"0.912345", b"0.912545", b"other scores than the same model gives here: 0.912345 here, 0.912545"),
        (b"0.912345", b"0.91234x", b"the rows of in.csv are not those of the input"),
        (b",score\n", b",scores\n", b"the rows of in.csv are not those of the input"),
    ],
    ids=[
        "a changed byte",
        "a lost row",
        "swapped rows",
        "a lost space",
        "another encoding",
        "a repeated row",
        "a lost label",
        "an invented label",
        "an unknown label",
        "a wrong label",
        "a wrong score",
        "a damaged score",
        "a wrong header",
    ],
)
def test_a_fault_ends_the_script_with_a_message(check: Check, right: bytes, wrong: bytes, message: bytes) -> None:
    assert OUTPUT.count(right) == 1
    done = check(OUTPUT.replace(right, wrong))
    assert done.returncode == 70
    assert done.stderr.startswith(b"error: ")
    assert message in done.stderr
