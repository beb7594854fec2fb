"""Names that the command line may use, and the names that runs get."""

import pytest

from emotion.cluster.job_spec import JobSpec, check_spec
from emotion.errors import UsageError


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x y", "..", "-x", "x\n", "/x", "x" * 101, "$(HOME)", "é"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--data"):
        check_spec(JobSpec("ann", data=name))
    with pytest.raises(UsageError, match="--input"):
        check_spec(JobSpec("classify", source=name))


def test_inputs_whose_names_differ_are_jobs_whose_names_differ() -> None:
    sources = ["inbox", "Inbox", "INBOX", "in.box", "in_box", "in-box", "x" * 40, "x" * 41]
    runs = {check_spec(JobSpec("classify", source=source)).run for source in sources}
    assert len(runs) == len(sources)
