"""The registry: what it says of a model is true of the model, and listing imports no framework."""

import subprocess
import sys

import numpy as np
import pytest

from emotion.errors import UsageError
from emotion.models.backend import prepare
from emotion.models.build import build_model
from emotion.models.registry import MODELS, find_model, params_file
from emotion.params.schema import WordParams
from emotion.params.toml import load_params


@pytest.mark.parametrize(("name", "parameters"), [("ann", 1_329_190), ("lstm", 1_322_022)])
def test_the_parameters_are_those_of_the_model_that_its_job_builds(name: str, parameters: int) -> None:
    prepare(1, 0)
    params = load_params(name, params_file(name))
    assert isinstance(params, WordParams)
    model = build_model(params, vocabulary=8126, labels=6)
    built = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert built == find_model(name).parameters == parameters


def test_every_model_has_a_job_of_its_own_name() -> None:
    assert [load_params(name, params_file(name)).model.name for name in MODELS] == list(MODELS)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        find_model("../ann")
    assert caught.value.exit_code == 2
    assert all(name in caught.value.hint for name in MODELS)


def test_the_registry_imports_no_framework() -> None:
    heavy = {"tensorflow", "keras", "onnxruntime", "transformers", "huggingface_hub"}
    code = f"import emotion.models.registry, sys; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
