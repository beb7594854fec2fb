"""Converts a pod's log lines: JSON events of progress become sentences, and other lines stay as they are."""

import json
from dataclasses import dataclass
from typing import Any

from emotion.records.reading import sentence


@dataclass(frozen=True)
class Progress:
    """A training's position in its log; None for unknown values."""

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None

    def __str__(self) -> str:
        counts = (("epoch", self.epoch, self.epochs), ("step", self.step, self.steps))
        return ", ".join(
            f"{unit} {done:,} of {total:,}" for unit, done, total in counts if done is not None and total is not None
        )


def parse_event(line: str) -> dict[str, Any] | None:
    """Parse a line as a JSON event; None for plain text."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def readable(line: str) -> str:
    """Convert a line for people; "" for an event that only programs use.

    Logs may contain text from the data, so terminal control characters become escapes.
    """
    event = parse_event(line)
    try:
        text = line if event is None else FORMATTERS.get(event["event"], _format_other)(event)
    except (KeyError, TypeError, ValueError):
        text = line
    return "".join(
        character if character.isprintable() or character == "\t" else repr(character)[1:-1] for character in text
    )


def split_hint(text: str) -> tuple[str, str]:
    """Split a failed command's last output into the text before its hint, and the hint; "" without a hint."""
    before, _, hint = text.rpartition("\n  try: ")
    return (before, hint.partition("\n")[0]) if before else (text, "")


def _format_epoch(event: dict[str, Any]) -> str:
    return (
        f"epoch {event['epoch']}/{event['epochs']}{' *' if event.get('best') else '  '}"
        f" loss {event['loss']:.4f}  accuracy {event['accuracy']:.4f}  val. loss {event['validation_loss']:.4f}"
        f"  val. accuracy {event['validation_accuracy']:.4f}  {event['samples_per_second']:,.0f} samples/s"
    )


def _format_count(event: dict[str, Any]) -> str:
    total = f" of {event['total']:,}" if event.get("total") else ""
    figures = f", {event['figures']}" if event.get("figures") else ""
    return f"{event['event']}: {event['done']:,}{total} {event['unit']}, {event['per_second']:,}/s{figures}"


def _format_other(event: dict[str, Any]) -> str:
    if "message" in event:
        return ("warning: " if event["event"] == "warning" else "") + str(event["message"])
    return _format_count(event)


def _format_error(event: dict[str, Any]) -> str:
    return f"line {event['line']}: {event['reason']}: {event['record']}"


def _format_open(event: dict[str, Any]) -> str:
    return f"{event['input']}: {sentence(event)}"


def _omit(_: dict[str, Any]) -> str:
    return ""


FORMATTERS = {"epoch": _format_epoch, "checkpoint": _omit, "error": _format_error, "open": _format_open}


def latest_progress(lines: list[str]) -> Progress:
    """Read the position from the newest line that has one."""
    for line in reversed(lines):
        event = parse_event(line)
        if event and isinstance(event.get("epoch"), int):
            values = {name: event.get(name) for name in ("epoch", "epochs", "step", "steps")}
            return Progress(**{name: value for name, value in values.items() if isinstance(value, int)})
    return Progress()
