"""What a pod logs, in words for people: JSON lines of progress become sentences, all else stays as it is."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a training has come, from the last line that told of it."""

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        places = (("epoch", self.epoch, self.epochs), ("step", self.step, self.steps))
        return ", ".join(f"{what} {at:,} of {of:,}" for what, at, of in places if at is not None and of is not None)


def parse_event(line: str) -> dict[str, Any] | None:
    """The event that a line tells of, or None where it is plain text."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def readable(line: str) -> str:
    """A line for people; nothing where only programs have a use for it.

    What a pod logs may come from data: characters that steer a terminal are shown, not obeyed.
    """
    found = parse_event(line)
    try:
        text = line if found is None else KINDS.get(found["event"], _other)(found)
    except (KeyError, TypeError, ValueError):
        text = line
    return "".join(each if each.isprintable() or each == "\t" else repr(each)[1:-1] for each in text)


def _epoch(found: dict[str, Any]) -> str:
    return (
        f"epoch {found['epoch']}/{found['epochs']}{' *' if found.get('best') else '  '}"
        f" loss {found['loss']:.4f}  accuracy {found['accuracy']:.4f}  val. loss {found['validation_loss']:.4f}"
        f"  val. accuracy {found['validation_accuracy']:.4f}  {found['samples_per_second']:,.0f} samples/s"
    )


def _count(found: dict[str, Any]) -> str:
    of = f" of {found['total']:,}" if found.get("total") else ""
    more = f", {found['figures']}" if found.get("figures") else ""
    return f"{found['event']}: {found['done']:,}{of} {found['unit']}, {found['per_second']:,}/s{more}"


def _other(found: dict[str, Any]) -> str:
    if "message" in found:
        return ("warning: " if found["event"] == "warning" else "") + str(found["message"])
    return _count(found)


def _error(found: dict[str, Any]) -> str:
    return f"line {found['line']}: {found['reason']}: {found['record']}"


def _nothing(_: dict[str, Any]) -> str:
    return ""


KINDS = {"epoch": _epoch, "checkpoint": _nothing, "error": _error}


def latest_progress(lines: list[str]) -> Progress:
    """How far a training has come by the newest of these lines that says it."""
    for line in reversed(lines):
        found = parse_event(line)
        if found and isinstance(found.get("epoch"), int):
            values = {name: found.get(name) for name in ("epoch", "epochs", "step", "steps")}
            return Progress(**{name: value for name, value in values.items() if isinstance(value, int)})
    return Progress()
