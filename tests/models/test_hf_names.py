"""Hugging Face's tensor names: with and without the family's prefix, and the older names of normalizations."""

import re

import numpy as np

from emotion.models.config import FAMILIES
from emotion.models.hf_folder import LoadingInfo
from tests.models.conftest import Reference, Tensors


def same(ours: Tensors, theirs: Tensors) -> bool:
    return set(ours) == set(theirs) and all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_names_with_and_without_the_prefix_of_the_family(family: Reference) -> None:
    prefix = f"{FAMILIES[family.config.family]}."
    assert any(name.startswith(prefix) for name in family.tensors)
    bare = {name.removeprefix(prefix): tensor for name, tensor in family.tensors.items()}
    assert family.load_into_zeros(bare) == LoadingInfo(len(bare))
    assert same(family.written(), family.tensors)


def test_the_older_names_of_normalisations(family: Reference) -> None:
    names = {name: re.sub(r"([Nn]orm)\.weight$", r"\1.gamma", name) for name in family.tensors}
    old = {re.sub(r"([Nn]orm)\.bias$", r"\1.beta", names[name]): tensor for name, tensor in family.tensors.items()}
    assert len(old) == len(family.tensors)
    assert len(set(old) - set(family.tensors)) >= 10
    assert family.load_into_zeros(old) == LoadingInfo(len(old))
    assert same(family.written(), family.tensors)
