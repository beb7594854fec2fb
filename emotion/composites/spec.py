"""Names of composites: `cascade:lstm/s1,minilm/s1@0.83` and `ensemble:lstm/s1,lstm/s2,minilm/s1`."""

import re
from dataclasses import dataclass
from typing import Literal

from emotion.errors import UsageError

# All members of an ensemble run on every row, with all models in memory.
MOST_MEMBERS = 8
# A threshold has at most four decimals, so a composite has only one name.
THRESHOLD = re.compile(r"0(\.\d{1,4})?|1(\.0{1,4})?")
HINT = "write cascade:CHEAP,DEAR or cascade:CHEAP,DEAR@0.9 or ensemble:A,B,C with names MODEL/RUN or folders"


@dataclass(frozen=True)
class Composite:
    """A cascade or an ensemble of `members`, the names of runs or folders.

    In a cascade the first member, the cheap model, classifies all rows. The second member, the dear model, decides on
    rows with a first score below `threshold`; None means the best threshold on validation. An ensemble averages its
    members' probabilities.
    """

    kind: Literal["cascade", "ensemble"]
    members: tuple[str, ...]
    threshold: float | None = None

    def __str__(self) -> str:
        at = "" if self.threshold is None else f"@{self.threshold:g}"
        return f"{self.kind}:{','.join(self.members)}{at}"


def parse_composite(name: str) -> Composite | None:
    """Parse the name of a composite; None for the name of one model.

    Raises:
        UsageError: the name starts like a composite's, but is malformed.
    """
    kind, colon, rest = name.partition(":")
    if not colon or kind not in ("cascade", "ensemble"):
        return None
    threshold = None
    if kind == "cascade" and "@" in rest:
        rest, _, text = rest.rpartition("@")
        if not THRESHOLD.fullmatch(text):
            raise UsageError(f"{text!r} in {name!r} is not a threshold", "a threshold is from 0 to 1, such as @0.83")
        threshold = float(text)
    members = tuple(rest.split(","))
    fits = len(members) == 2 if kind == "cascade" else 2 <= len(members) <= MOST_MEMBERS  # noqa: PLR2004
    if not fits or not all(members):
        raise UsageError(f"{name!r} is not a composite", HINT)
    if len(set(members)) < len(members):
        raise UsageError(f"{name!r} repeats a member", "name different models")
    return Composite("cascade" if kind == "cascade" else "ensemble", members, threshold)
