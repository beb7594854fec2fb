"""Names of pretrained models: which are a repository, which a folder, which are refused; and the known models."""

import re
from pathlib import Path

import pytest

from emotion.errors import UsageError
from emotion.weights.catalog import PRETRAINED, Reference, is_folder, parse_reference
from emotion.weights.verify import FILES

BERT = "google-bert/bert-base-uncased"


def test_a_repository_with_and_without_a_revision() -> None:
    assert parse_reference(BERT) == Reference(BERT)
    assert parse_reference(f"{BERT}@refs/pr/3") == Reference(BERT, "refs/pr/3")
    assert parse_reference(BERT, "v1") == Reference(BERT, "v1")
    assert str(parse_reference(f"{BERT}@v1")) == f"{BERT}@v1"


@pytest.mark.parametrize(
    "text",
    [
        "bert",
        "../secrets",
        "org/..",
        "../../etc",
        "org/name/more",
        "org/na..me",
        "org/.name",
        "org/name-",
        "org/na me",
        "org/name.git",
        "org/náme",
        "org/name\n",
        f"org/{'n' * 97}",
        "",
    ],
)
def test_what_the_hub_has_no_name_for_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a model") as caught:
        parse_reference(text)
    assert caught.value.exit_code == 2
    assert "org/name" in caught.value.hint


@pytest.mark.parametrize("revision", ["../main", "a/../b", "/main", "a b", "main/", "-x"])
def test_a_revision_that_leaves_its_folder_is_refused(revision: str) -> None:
    with pytest.raises(UsageError, match="revision"):
        parse_reference(f"{BERT}@{revision}")
    with pytest.raises(UsageError, match="revision"):
        parse_reference(BERT, revision)


def test_digests_hold_for_the_known_revision_only() -> None:
    known = PRETRAINED[BERT]

    assert Reference(BERT).published == Reference(BERT, known.revision).published == known.digests
    assert Reference(BERT).wanted_revision == known.revision
    assert Reference(BERT, "main").published == {}
    assert Reference(BERT, "main").wanted_revision == "main"
    assert Reference("org/other").wanted_revision == ""


def test_a_folder_differs_from_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "bert").mkdir(parents=True)

    assert all(map(is_folder, ["/nowhere", "./nowhere", "../nowhere", "~/nowhere", "mine/bert"]))
    assert not is_folder(BERT)


def test_names_commits_and_digests_are_well_formed() -> None:
    for repository, model in PRETRAINED.items():
        assert parse_reference(repository) == Reference(model.repository)
        assert re.fullmatch(r"([0-9a-f]{40})?", model.revision)
        assert set(model.digests) <= set(FILES)
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in model.digests.values())
        # Digests hold for a single commit.
        assert model.revision or not model.digests
