"""Decides whether a file has too many rows without a label."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from emotion.classify.statistics import Statistics
from emotion.errors import BadDataError, UsageError
from emotion.formatting import count
from emotion.records.delimited import DOUBLE_RETURN, REMOVE_RETURNS


@dataclass(frozen=True)
class ErrorLimit:
    """The most rows that may lack a label: `count`, or `percent` of a file's rows. Without both: all but one."""

    count: int | None = None
    percent: Fraction | None = None

    @classmethod
    def parse(cls, text: str) -> "ErrorLimit":
        """Read the value of --max-errors: `N` or `P%`.

        Raises:
            UsageError: it is neither.
        """
        if re.fullmatch(r"\d{1,15}", text, re.ASCII):
            return cls(count=int(text))
        if re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", text, re.ASCII) and Fraction(text[:-1]) <= 100:  # noqa: PLR2004
            return cls(percent=Fraction(text[:-1]))
        raise UsageError(
            f"--max-errors {text} is no limit", "give a number of rows such as 10, or a share such as 0.5%"
        )

    def check(self, source: Path, errors_file: Path | None, counts: Statistics) -> None:
        """Check the counts of a whole file.

        Raises:
            BadDataError: too many rows have no label.
        """
        if not self._exceeded(counts.rows, counts.errors):
            return
        labelled = f"{counts.rows - counts.errors:,}" if counts.rows > counts.errors else "none"
        reason, frequency = counts.reasons.most_common(1)[0]
        raise BadDataError(
            f"{source}: {labelled} of {count(counts.rows, 'row')} got a label; the most frequent reason"
            f" ({count(frequency, 'row')}): {reason}",
            _advice(reason) + (f"; {errors_file} has all rows" if errors_file else ""),
        )

    def _exceeded(self, rows: int, errors: int) -> bool:
        if self.count is not None:
            return errors > self.count
        if self.percent is not None:
            return 100 * errors > self.percent * rows
        return 0 < rows == errors


def _advice(reason: str) -> str:
    """What to do about a reason."""
    if reason.startswith("no key"):
        return "name the key of the text with --text-column"
    if reason.startswith(("not JSON", "an array")):
        return "JSONL has one object a line: jq -c '.[]' makes it from an array, jq -c . from objects"
    if reason == DOUBLE_RETURN:
        return REMOVE_RETURNS
    if re.match(r"\d+ fields? where", reason) or reason.startswith("malformed"):
        return "see --delimiter and --quoting"
    if reason.startswith("undecodable"):
        return "name the file's encoding with --encoding"
    return "see --text-column"
