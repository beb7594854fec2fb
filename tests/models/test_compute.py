"""What is computed in, and whether XLA compiles: by GPUs and CPUs made up here, and by the parameters."""

from typing import Any

import pytest

from emotion.errors import UnavailableError
from emotion.models import compute
from emotion.models.backend import load_keras
from emotion.models.compute import Compute, choose, select_device
from emotion.params.schema import FineTuningTable

TURING, AMPERE, HOPPER, PASCAL, VOLTA = (7, 5), (8, 0), (9, 0), (6, 1), (7, 0)


def chosen(
    monkeypatch: pytest.MonkeyPatch, gpus: list[tuple[int, int]], flags: set[str] | None = None, **params: Any
) -> Compute:
    monkeypatch.setattr(compute, "cpu_flags", lambda: flags or set())
    return choose(FineTuningTable(**params), gpus)


@pytest.mark.parametrize(
    ("flags", "precision", "why"),
    [
        ({"avx2", "avx512_vnni"}, "float32", "bfloat16 is slow on this CPU"),
        (set(), "float32", "bfloat16 is slow on this CPU"),
        ({"avx2", "avx512_bf16"}, "bfloat16", "the CPU has avx512_bf16"),
        ({"amx_bf16"}, "bfloat16", "the CPU has amx_bf16"),
        ({"asimd", "bf16"}, "bfloat16", "the CPU has bf16"),
    ],
)
def test_a_cpu(monkeypatch: pytest.MonkeyPatch, flags: set[str], precision: str, why: str) -> None:
    found = chosen(monkeypatch, [], flags)
    assert (found.precision, found.xla, found.multiple) == (precision, False, 1)
    assert why in found.reason
    assert f"{precision} (" in found.reason
    assert "XLA off (on a CPU" in found.reason


@pytest.mark.parametrize(
    ("gpus", "precision", "why"),
    [
        ([PASCAL], "float32", "6.1 has no tensor cores"),
        ([VOLTA], "float16", "7.0 has no bfloat16; with loss scaling"),
        ([TURING], "float16", "7.5 has no bfloat16; with loss scaling"),
        ([AMPERE], "bfloat16", "compute capability 8.0"),
        ([HOPPER, HOPPER], "bfloat16", "compute capability 9.0"),
        ([HOPPER, TURING], "float16", "compute capability 7.5"),
        ([(0, 0)], "float32", "0.0"),
    ],
)
def test_gpus_whatever_the_cpu_can_do(
    monkeypatch: pytest.MonkeyPatch, gpus: list[tuple[int, int]], precision: str, why: str
) -> None:
    for flags in (set[str](), {"avx512_bf16"}):
        found = chosen(monkeypatch, gpus, flags)
        assert (found.precision, found.xla, found.multiple) == (precision, True, 32)
        assert why in found.reason
        assert "XLA on (XLA joins small operations on a GPU" in found.reason


@pytest.mark.parametrize("gpus", [[], [PASCAL], [HOPPER]])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_parameters_decide_the_precision(
    monkeypatch: pytest.MonkeyPatch, gpus: list[tuple[int, int]], precision: str
) -> None:
    found = chosen(monkeypatch, gpus, {"avx512_bf16"}, precision=precision)
    assert found.precision == precision
    assert f"{precision} (as set in the parameters)" in found.reason
    assert found.xla == bool(gpus)


@pytest.mark.parametrize(
    ("gpus", "xla", "multiple"), [([], "on", 32), ([], "off", 1), ([HOPPER], "on", 32), ([HOPPER], "off", 8)]
)
def test_the_parameters_decide_xla_and_lengths_follow(
    monkeypatch: pytest.MonkeyPatch, gpus: list[tuple[int, int]], xla: str, multiple: int
) -> None:
    found = chosen(monkeypatch, gpus, xla=xla)
    assert (found.xla, found.multiple) == (xla == "on", multiple)
    assert f"XLA {xla} (as set in the parameters)" in found.reason


class Devices:
    """A double of TensorFlow's list of GPUs, given by their compute capabilities."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *gpus: dict[str, Any]) -> None:
        load_keras()
        import tensorflow as tf

        self.visible: list[tuple[Any, str]] = []
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: list(range(len(gpus))))
        monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: self.visible.append(given))
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpus[gpu])


def test_all_gpus_are_used_and_told_by_what_they_can_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch, {"compute_capability": AMPERE, "device_name": "a"}, {"compute_capability": TURING})
    assert select_device("auto") == [AMPERE, TURING]
    assert select_device("gpu") == [AMPERE, TURING]
    assert devices.visible == []


def test_a_gpu_that_does_not_tell_what_it_can_compute_counts_as_old(monkeypatch: pytest.MonkeyPatch) -> None:
    Devices(monkeypatch, {})
    assert select_device("auto") == [(0, 0)]


def test_the_cpu_hides_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch, {"compute_capability": AMPERE})
    assert select_device("cpu") == []
    assert devices.visible == [([], "GPU")]


def test_without_a_gpu_the_cpu_is_taken_unless_a_gpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(monkeypatch)
    assert select_device("auto") == []
    assert select_device("cpu") == []
    assert devices.visible == []
    with pytest.raises(UnavailableError, match="TensorFlow sees no GPU") as caught:
        select_device("gpu")
    assert caught.value.exit_code == 69
    assert "emotion doctor" in caught.value.hint
