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
    """How many rows may have no label: `count`, or `percent` of a file's rows. By default, all rows but one."""

    count: int | None = None
    percent: Fraction | None = None

    @classmethod
    def parse(cls, text: str) -> "ErrorLimit":
        """Read the value of --max-errors: `N` or `P%`.

        Raises:
            UsageError: the text has neither form.
        """
        if re.fullmatch(r"\d{1,15}", text, re.ASCII):
            return cls(count=int(text))
        if re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", text, re.ASCII) and Fraction(text[:-1]) <= 100:  # noqa: PLR2004
            return cls(percent=Fraction(text[:-1]))
        raise UsageError(
            f"--max-errors {text} is not a limit", "give a number of rows such as 10, or a percentage such as 0.5%"
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
            _advice(reason) + (f"; {errors_file} lists these rows" if errors_file else ""),
        )

    def _exceeded(self, rows: int, errors: int) -> bool:
        if self.count is not None:
            return errors > self.count
        if self.percent is not None:
            return 100 * errors > self.percent * rows
        return 0 < rows == errors


def _advice(reason: str) -> str:
    """Suggest what to do about a reason."""
    if reason.startswith("no key"):
        return "name the key of the text with --text-column"
    if reason.startswith(("not JSON", "an array")):
        return "JSONL has one object per line: convert an array with jq -c '.[]', other objects with jq -c ."
    if reason == DOUBLE_RETURN:
        return REMOVE_RETURNS
    if re.match(r"\d+ fields? where", reason) or reason.startswith("malformed"):
        return "check --delimiter and --quoting"
    if reason.startswith("undecodable"):
        return "name the file's encoding with --encoding"
    return "check --text-column"
