"""The points of a sweep: every combination of `--set` values and seeds; read and written as JSON."""

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from emotion.errors import BadParametersError, InputMissingError, UsageError
from emotion.params.schema import AnyParams
from emotion.params.toml import load_params

# Limit on one sweep: a larger Indexed Job is probably a typing mistake.
MOST_POINTS = 1000
SEED = "training.seed"
# Quoted text, with TOML's escapes; a bracket; a comma.
PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[{]|[\]}]|,')
SEEDS = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?")


@dataclass(frozen=True)
class Point:
    """One training in a sweep: `settings` are overrides "table.key=value" without the seed.

    `seed` None means the seed in the parameter file. `run` is the run's name, or "" if training chooses the name.
    """

    settings: tuple[str, ...]
    seed: int | None = None
    run: str = ""

    @property
    def overrides(self) -> tuple[str, ...]:
        """The overrides, including the seed."""
        return self.settings if self.seed is None else (*self.settings, f"{SEED}={self.seed}")

    def __str__(self) -> str:
        return ", ".join(self.overrides) or "unchanged parameters"


def parse_points(settings: Sequence[str], seeds: str = "") -> list[Point]:
    """Combine the values of all settings ("table.key=value,value") with all seeds ("1-3,7").

    The seed changes slowest: an interrupted sweep has tried every value first.

    Raises:
        UsageError: a setting or the seeds cannot be read, or there are too many points.
    """
    choices = [_choices(text) for text in settings]
    keys = [text.partition("=")[0].strip() for text in settings]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise UsageError(f"--set {repeated[0]} is given twice", f"list all values once: --set {repeated[0]}=A,B")
    if SEED in keys:
        raise UsageError(f"--set {SEED} cannot give the seeds of a sweep", "use --seeds 1-3")
    several = [key for key, values in zip(keys, choices, strict=True) if len(values) > 1]
    if data := [key for key in several if key.startswith("data.")]:
        raise UsageError(f"points with different {data[0]} have different validation rows", "use one value")
    numbers: Sequence[int | None] = _parse_seeds(seeds) or [None]
    count = len(numbers) * math.prod(len(values) for values in choices)
    if count > MOST_POINTS:
        raise UsageError(f"{count:,} points are more than {MOST_POINTS:,}", "sweep fewer values at a time")
    return [Point(values, seed) for seed in numbers for values in itertools.product(*choices)]


def one_point_a_seed(settings: Sequence[str], seeds: str) -> tuple[Point, ...]:
    """Combine single-value settings, which may contain commas, with all seeds.

    Raises:
        UsageError: the seeds cannot be read, or are among the settings.
    """
    if any(text.partition("=")[0].strip() == SEED for text in settings):
        raise UsageError(f"--set {SEED} contradicts --seeds", "leave out one of them")
    return tuple(Point(tuple(settings), seed) for seed in _parse_seeds(seeds))


def _choices(text: str) -> list[str]:
    """Make one override per value of a setting."""
    key, equals, values = text.partition("=")
    found = [value.strip() for value in _split(values)]
    if not equals or not all(found):
        raise UsageError(f"--set {text}: is not table.key=value,value", "--set training.learning_rate=2e-5,5e-5")
    if repeated := [value for value in found if found.count(value) > 1]:
        raise UsageError(f"--set {text}: has the value {repeated[0]} twice")
    return [f"{key.strip()}={value}" for value in found]


def _split(text: str) -> Iterator[str]:
    """Split values at commas that are neither quoted nor in brackets."""
    depth = start = 0
    for part in PARTS.finditer(text):
        depth += (part[0] in "[{") - (part[0] in "]}")
        if part[0] == "," and depth == 0:
            yield text[start : part.start()]
            start = part.end()
    yield text[start:]


def _parse_seeds(text: str) -> list[int]:
    """Parse "1-3,7" as 1, 2, 3, 7; "" has no seeds."""
    seeds: dict[int, None] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        match = SEEDS.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last:
            raise UsageError(f"--seeds {text} is not a list of seeds", "use --seeds 1-3 or --seeds 1,5,9")
        if last - first >= MOST_POINTS:
            raise UsageError(f"--seeds {text} are more than {MOST_POINTS:,} points", "sweep fewer seeds at a time")
        seeds |= dict.fromkeys(range(first, last + 1))
    if text and not seeds:
        raise UsageError("--seeds has no seed", "--seeds 1-3")
    return list(seeds)


def load_grid(model: str, file: Path, points: Sequence[Point]) -> list[AnyParams]:
    """Load the parameters of every point, and check that all points are different trainings.

    Raises:
        InputMissingError: the parameter file does not exist.
        BadParametersError: the mistakes of the first wrong point.
        UsageError: two points are the same training.
    """
    loaded = [load_params(model, file, point.overrides) for point in points]
    seen: dict[str, Point] = {}
    for point, params in zip(points, loaded, strict=True):
        first = seen.setdefault(params.digest(), point)
        if first is not point:
            raise UsageError(f"two points are the same training: {first}; {point}", "leave one of them out")
    return loaded


def as_json(points: Sequence[Point]) -> str:
    """Write points for `read_point`."""
    return json.dumps([asdict(point) for point in points], indent=1)


def read_point(file: Path, number: int) -> Point:
    """Read one point from a file of points, counted from 0.

    Raises:
        InputMissingError: the file does not exist or cannot be read.
        BadParametersError: the file has no such point.
    """
    try:
        points = TypeAdapter(list[Point]).validate_json(file.read_bytes())
    except OSError as error:
        raise InputMissingError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        raise BadParametersError(f"{file} is not a file of sweep points", "submit the sweep again") from error
    if not 0 <= number < len(points):
        raise BadParametersError(f"{file} has {len(points)} points, but no point {number}", "submit the sweep again")
    return points[number]
