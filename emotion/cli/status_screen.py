"""Shows jobs for `emotion status`: a table with the reasons below, cut to the terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from emotion.cli import console
from emotion.cluster.job_status import Phase, reason_hint
from emotion.cluster.kubectl import Kubectl
from emotion.cluster.log_lines import Progress
from emotion.formatting import count, duration

COLUMNS = ["job", "run", "phase", "at", "retries", "age", "node"]
# Reasons take this share of a full terminal; the table takes the rest.
REASONS_SHARE = 3
WAITING = {Phase.QUEUED, Phase.WAITING}

Record = dict[str, Any]


def row(record: Record) -> list[str]:
    """Give the cells of a job's row."""
    at = str(Progress(*(record[name] for name in ("epoch", "epochs", "step", "steps"))))
    if record["pods_wanted"] > 1:
        done = f"{record['pods_succeeded']} of {record['pods_wanted']} pods"
        # A sweep's points end one by one; workers that train together end together.
        at = ", ".join(filter(None, [done, at])) if record["pods_succeeded"] or not at else at
    return [
        record["job"],
        record["run"],
        record["phase"],
        at,
        str(record["retries"]),
        duration(record["age_seconds"]),
        record["node"],
    ]


def reason_lines(kubectl: Kubectl, records: Sequence[Record]) -> list[str]:
    """List the reasons why jobs wait or failed, with hints."""
    lines = []
    for record in records:
        if record["reason"]:
            lines.append(f"{record['name']}: {record['reason']}")
            if hint := reason_hint(kubectl, record["reason"]):
                lines.append(f"  {hint}")
    return lines


def screen(kubectl: Kubectl, records: Sequence[Record]) -> Group:
    """Show all jobs if the terminal has enough lines, else as many as fit, and count the others.

    Running jobs have priority, then waiting jobs, then ended jobs; among equals, newer jobs. The rows keep the order of
    all jobs, with the newest at the bottom.
    """
    everything = _group(records, "", reason_lines(kubectl, records))
    if not records or _height(everything) <= console.out.height:
        return everything
    by_weight = sorted(range(len(records)), key=lambda index: (_weight(records[index]), -index))
    for rows in range(min(len(records), console.out.height), 0, -1):
        part = _part(kubectl, records, by_weight[:rows])
        if _height(part) <= console.out.height:
            break
    return part


def _weight(record: Record) -> int:
    phase = Phase(record["phase"])
    return 2 if phase.over else 1 if phase in WAITING else 0


def _part(kubectl: Kubectl, records: Sequence[Record], indexes: Sequence[int]) -> Group:
    """Show some jobs, and the reasons of the first few."""
    shown = [records[index] for index in sorted(indexes)]
    hidden = [record for index, record in enumerate(records) if index not in indexes]
    room = console.out.height // REASONS_SHARE
    reasons = reason_lines(kubectl, [records[index] for index in indexes])
    return _group(shown, _summary(kubectl, hidden, len(reasons) > room), reasons[:room], cut=True)


def _summary(kubectl: Kubectl, hidden: Sequence[Record], more_reasons: bool) -> str:
    """Describe what is not shown, and name the command that shows it."""
    phases = Counter(record["phase"] for record in hidden)
    listed = ", ".join(f"{number:,} {phase}" for phase, number in phases.items())
    what = [f"{count(len(hidden), 'more job')} ({listed})"] if hidden else []
    what += ["more reasons"] if more_reasons else []
    return f"not shown: {' and '.join(what)}: emotion status{kubectl.flags}" if what else ""


def _group(records: Sequence[Record], summary: str, reasons: Sequence[str], *, cut: bool = False) -> Group:
    table = console.grid("", COLUMNS, [row(record) for record in records])
    lines = [Text(summary, style="bold")] if summary else []
    text = console.printable_lines("\n".join(reasons))
    return Group(table, *lines, Text(text, no_wrap=cut, overflow="ellipsis" if cut else "fold"))


def _height(group: Group) -> int:
    return len(console.out.render_lines(group, pad=False))
