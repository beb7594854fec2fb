"""The points of a sweep: how values and seeds are written, which points are refused, and the file of points."""

import json
from pathlib import Path

import pytest

from emotion.errors import BadParametersError, InputMissingError, UsageError
from emotion.models.registry import params_file
from emotion.params.grid import Point, as_json, load_grid, one_point_a_seed, parse_points, read_point

RATE = "training.learning_rate"


def settings_of(text: str) -> list[str]:
    return [point.settings[0].partition("=")[2] for point in parse_points([f"a.b={text}"])]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1", ["1"]),
        ("2e-5, 3e-5 ,5e-5", ["2e-5", "3e-5", "5e-5"]),
        ("[64,32],[8]", ["[64,32]", "[8]"]),
        ("{joy=1.0, anger=2.0},balanced", ["{joy=1.0, anger=2.0}", "balanced"]),
        ('"a,b",c', ['"a,b"', "c"]),
        (r'"a\",b",\',\'', [r'"a\",b"', r"\',\'"]),
        ("'a,b','c'", ["'a,b'", "'c'"]),
        ("a=b,c", ["a=b", "c"]),
    ],
)
def test_values_end_at_commas_outside_of_quotes_and_brackets(text: str, values: list[str]) -> None:
    assert settings_of(text) == values


def test_every_value_meets_every_value_and_every_seed_and_the_seed_changes_slowest() -> None:
    points = parse_points([f"{RATE}=1e-3,2e-3", "model.hidden=[8],[4]"], "1-2,7")
    assert [point.seed for point in points] == [1] * 4 + [2] * 4 + [7] * 4
    assert [point.settings for point in points[:4]] == [
        (f"{RATE}=1e-3", "model.hidden=[8]"),
        (f"{RATE}=1e-3", "model.hidden=[4]"),
        (f"{RATE}=2e-3", "model.hidden=[8]"),
        (f"{RATE}=2e-3", "model.hidden=[4]"),
    ]
    assert points[-1].overrides == (f"{RATE}=2e-3", "model.hidden=[4]", "training.seed=7")


def test_without_seeds_the_parameter_file_has_the_seed() -> None:
    assert [point.overrides for point in parse_points([f"{RATE}=1e-3"])] == [(f"{RATE}=1e-3",)]
    assert parse_points([]) == [Point(())]


def test_seeds_alone_leave_the_commas_of_a_setting_alone() -> None:
    points = one_point_a_seed(["data.text_column=a,b"], "3,1-2,2")
    assert [(point.settings, point.seed) for point in points] == [(("data.text_column=a,b",), n) for n in (3, 1, 2)]


@pytest.mark.parametrize(
    ("settings", "seeds", "message"),
    [
        ([f"{RATE}=1e-3,"], "", "is not table.key=value,value"),
        ([f"{RATE}=,1e-3"], "", "is not table.key=value,value"),
        ([RATE], "", "is not table.key=value,value"),
        ([f"{RATE}=1e-3,2e-3,1e-3"], "", "has the value 1e-3 twice"),
        ([f"{RATE}=1e-3", f"{RATE} = 2e-3"], "", "given twice"),
        (["training.seed=1,2"], "", "cannot give the seeds of a sweep"),
        (["data.split_seed=1,2"], "", "have different validation rows"),
        ([], "3-1", "is not a list of seeds"),
        ([], "a", "is not a list of seeds"),
        ([], "-1", "is not a list of seeds"),
        ([], "1-1001", "are more than 1,000 points"),
        ([], ",", "has no seed"),
        ([f"a.b={','.join(map(str, range(101)))}"], "1-10", "1,010 points are more than 1,000"),
    ],
)
def test_what_makes_no_grid_is_refused(settings: list[str], seeds: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_points(settings, seeds)


def test_two_points_that_are_the_same_training_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"the same training: training.learning_rate=1e-3; training.learning_rate=0.001"
    ):
        load_grid("ann", params_file("ann"), parse_points([f"{RATE}=1e-3,0.001"]))
    # What the job may use changes no result.
    with pytest.raises(UsageError, match="the same training"):
        load_grid("ann", params_file("ann"), parse_points(["resources.threads=1,2"]))


def test_a_wrong_value_of_any_point_is_reported() -> None:
    with pytest.raises(BadParametersError, match="learning_rate"):
        load_grid("ann", params_file("ann"), parse_points([f"{RATE}=1e-3,-1"]))


def test_points_come_back_from_their_file(tmp_path: Path) -> None:
    file = tmp_path / "points.json"
    points = [Point(('data.text_column="ä,b"',), 7, "s7-0a1b2c3d"), Point((), None, "")]
    file.write_text(as_json(points), encoding="utf-8")
    assert [read_point(file, number) for number in range(2)] == points


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b'[{"settings": "abc", "seed": 1, "run": "a"}]', b'[{"settings": []', b"\xff", b"[" * 100_000],
)
def test_a_damaged_file_of_points_is_bad_parameters(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "points.json"
    file.write_bytes(content)
    with pytest.raises(BadParametersError, match="is not a file of sweep points"):
        read_point(file, 0)


@pytest.mark.parametrize("number", [-1, 1, 10**30])
def test_a_point_that_the_file_lacks_is_bad_parameters(tmp_path: Path, number: int) -> None:
    file = tmp_path / "points.json"
    file.write_text(json.dumps([{"settings": [], "seed": 1, "run": "a"}]))
    with pytest.raises(BadParametersError, match="has 1 points"):
        read_point(file, number)


def test_a_missing_file_of_points_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match=r"points\.json"):
        read_point(tmp_path / "points.json", 0)
