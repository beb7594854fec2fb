"""Reads a run's history.csv: loss and accuracy by epoch."""

import csv
import math
from pathlib import Path

from emotion.errors import BadDataError, InputMissingError
from emotion.plots.learning_curves import History

COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")
KEPT = {"True": True, "False": False}


def read_history(path: Path) -> History:
    """Read loss and accuracy by epoch.

    Raises:
        InputMissingError: the file does not exist, or has no epoch.
        BadDataError: the file is damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [float(row[name]) for row in rows] for name in COLUMNS}
        best = [index for index, row in enumerate(rows, start=1) if KEPT[row["best"]]]
    except OSError as error:
        raise InputMissingError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadDataError(f"{path} is not a training history: {error}") from error
    if not rows:
        raise InputMissingError(f"{path} has no epoch")
    if not any(map(math.isfinite, columns["validation_accuracy"])):
        raise BadDataError(f"{path} has no finite accuracy")
    return History(**columns, best=best[-1] if best else len(rows))
