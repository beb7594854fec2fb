"""The table of checkpoints: what is written there has the form of what it is."""

import re

from emotion.weights.known import PRETRAINED
from emotion.weights.layout import FILES
from emotion.weights.reference import Reference, parse_reference


def test_names_commits_and_digests_are_well_formed() -> None:
    for repository, checkpoint in PRETRAINED.items():
        assert parse_reference(repository) == Reference(checkpoint.repository)
        assert re.fullmatch(r"([0-9a-f]{40})?", checkpoint.revision)
        assert set(checkpoint.digests) <= set(FILES)
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in checkpoint.digests.values())
        # Digests are those of one commit.
        assert checkpoint.revision or not checkpoint.digests
