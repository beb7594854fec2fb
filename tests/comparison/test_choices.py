"""The words of the three choices, and composites.json."""

import json
import re
from dataclasses import replace

import pytest

from emotion.comparison.aggregate import write_comparisons
from emotion.comparison.analysis import Analysis, analyse
from emotion.comparison.choices import Choice, search_notes, short_label, word_choices
from emotion.comparison.compare import collect, compare
from emotion.comparison.search import Candidate
from emotion.comparison.significance import PairedTest
from emotion.composites.spec import parse_composite
from emotion.store.layout import Store, read_json
from tests.comparison.report_pages import draw_page, parse_page
from tests.comparison.scenes import stand_in, write_full_run


def analysis(store: Store) -> Analysis:
    (comparison,) = compare(collect(store).complete, every=True)
    return analyse(store, comparison)


def worded(store: Store) -> dict[str, Choice]:
    return {choice.title: choice for choice in word_choices(analysis(store).composites)}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store in which all three choices differ."""
    store = Store(tmp_path_factory.mktemp("four"))
    for model in ("ann", "lstm", "bert", "minilm"):
        write_full_run(store, model)
    return store


def test_each_choice_says_what_it_costs_gets_right_and_how_sure_that_is(four: Store) -> None:
    choices = worded(four)
    assert list(choices) == ["Best single model", "Best for the money", "Most accurate"]
    single, value, accurate = choices.values()
    tried = f"{analysis(four).composites.tried:,} candidates"
    assert "highest validation accuracy of 4 single models" in single.line
    assert f"fastest of {tried} whose validation accuracy is at most 0.1 points below" in value.line
    assert f"highest validation accuracy of {tried}" in accurate.line
    assert "partly luck" in accurate.line
    for choice in choices.values():
        assert re.search(r"classifies (about )?[\d,]+ rows a second", choice.line)
        assert re.search(r"Its test accuracy is \d\d\.\d\d% \(\d\d\.\d% to \d\d\.\d%\)", choice.line)
        assert choice.command == f"emotion classify IN OUT --model {choice.scored.name}"
    for choice in (value, accurate):
        assert re.search(r"points (above|below) \S+: (a|no) significant difference", choice.line)
        assert parse_composite(choice.scored.name)


def test_a_cascade_says_which_rows_each_model_sees(four: Store) -> None:
    choices = word_choices(analysis(four).composites)
    cascades = [choice for choice in choices if choice.scored.candidate.kind == "cascade"]
    for choice in cascades:
        cheap, dear = choice.scored.candidate.members
        assert re.search(rf"{cheap} classifies all rows, {dear} [\d.]+% of them", choice.line)


@pytest.mark.parametrize(("counts", "warned"), [((3, 40), True), ((40, 3), False)])
def test_a_choice_that_test_finds_worse_than_the_best_single_model_says_so(
    four: Store, counts: tuple[int, int], *, warned: bool
) -> None:
    composites = analysis(four).composites
    test = PairedTest(composites.best_single.name, *counts, 0.0001, 0.0002)
    tested = replace(composites, against_best={composites.best_value.name: test})
    (choice,) = [choice for choice in word_choices(tested) if choice.scored is composites.best_value]
    assert ("Test contradicts validation: compare both." in choice.line) == warned


def test_a_choice_as_accurate_on_test_as_the_best_single_model_is_neither_above_nor_below(four: Store) -> None:
    composites = analysis(four).composites
    level = replace(composites.best_value, accuracy=composites.best_single.accuracy)
    (choice,) = [choice for choice in word_choices(replace(composites, best_value=level)) if choice.scored is level]
    assert f"), equal to {composites.best_single.name}: " in choice.line


def test_one_run_is_chosen_by_all_rules_and_nothing_was_tried(store: Store) -> None:
    write_full_run(store, "ann")
    (choice,) = worded(store).values()
    assert choice.title == "Best single model, best for the money and most accurate"
    (note,) = search_notes(analysis(store).composites)
    assert note.startswith("No cascade or ensemble exists")


def test_runs_that_take_no_part_are_named_with_the_reason(store: Store) -> None:
    for model in ("ann", "lstm", "minilm"):
        write_full_run(store, model)
    run = next(run for run in store.runs() if run.model == "lstm")
    (run.predictions / "validation.npz").unlink()
    notes = search_notes(analysis(store).composites)
    assert notes[-1] == f"Not used in cascades and ensembles: {run} (it has no readable predictions/validation.npz)."


def test_the_number_of_runs_that_were_too_many_is_in_the_notes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion.comparison.members.MOST_RUNS", 2)
    for model in ("ann", "lstm", "minilm"):
        write_full_run(store, model)
    assert any("use 2 of 3 runs" in note for note in search_notes(analysis(store).composites))


def test_labels_of_charts_are_short() -> None:
    cascade = Candidate("cascade", ("lstm/s1", "minilm/s2"), 0.9, 10.0, 0.9, 0.163)
    rare = Candidate("cascade", ("lstm/s1", "minilm/s2"), 0.9, 10.0, 0.9, 0.0042)
    ensemble = Candidate("ensemble", ("lstm/s1", "minilm/s1", "minilm/s2"), 0.9, 10.0)
    labels = [short_label(candidate) for candidate in (cascade, rare, ensemble)]
    assert labels == ["lstm → minilm, 16%", "lstm → minilm, 0.4%", "lstm + 2 x minilm"]


def test_the_file_has_the_choices_the_front_and_what_was_tried(four: Store) -> None:
    (written,) = write_comparisons(four, collect(four), stand_in, every=True)
    content = read_json(written.folder / "composites.json")
    composites = written.analysis.composites
    assert content["candidates"] == {"total": composites.tried, **composites.counts}
    best = read_json(four.best)
    assert content["choices"]["best_single"]["name"] == best["run"]
    assert best["model"] == best["run"].split("/")[0]
    assert content["choices"]["most_accurate"]["name"] == composites.most_accurate.name
    assert content["front"][-1]["rows_per_second"] == max(entry["rows_per_second"] for entry in content["front"])
    for entry in [*content["front"], *content["others"]]:
        composite = parse_composite(entry["name"])
        if composite is not None:
            assert (entry["kind"], tuple(entry["members"])) == (composite.kind, composite.members)
            assert entry["threshold"] == composite.threshold
            assert (entry["validation_share"] is None) == (entry["test_share"] is None) == (entry["kind"] == "ensemble")
        assert 0.2 <= entry["temperature"] <= 5
    assert read_json(written.folder / "comparison.json")["composites"] == content
    markdown = (written.folder / "comparison.md").read_text()
    assert [f"* {choice.line}\n" in markdown for choice in word_choices(composites)] == [True] * 3
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_the_page_has_the_choices_and_the_front(four: Store) -> None:
    page = parse_page(draw_page(four)[0])
    found = analysis(four)
    for choice in word_choices(found.composites):
        assert f"{choice.title} {choice.scored.name}" in page.text
        assert choice.command in page.text
    for scored in found.composites.front:
        assert f"{scored.name} {scored.candidate.kind} {scored.candidate.rows_per_second:,.0f}" in page.text
    for note in search_notes(found.composites):
        assert note in page.text
