"""Fixtures of the comparison's tests."""

from pathlib import Path

import pytest

from emotion.store.layout import Store
from tests.comparison.report_pages import EVIL, HOSTILE, draw_page
from tests.comparison.scenes import write_full_run
from tests.explore.toyfont import bare_machine, write_font


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def usual_report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """Return a store of three models, one of them with three seeds, and its report."""
    store = Store(tmp_path_factory.mktemp("report"))
    for seed in (1, 2, 3):
        write_full_run(store, "ann", seed=seed)
    write_full_run(store, "lstm")
    write_full_run(store, "minilm")
    return store, draw_page(store)[0]


@pytest.fixture(scope="session", params=["", "喜び"])
def hostile_report(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """Return the report of runs whose names, labels and texts try to be markup, without and with a font for them."""
    store = Store(tmp_path_factory.mktemp("report"))
    for model in ("ann", "lstm"):
        texts = [f"{EVIL} {row}" for row in range(300)]
        run = write_full_run(store, model, labels=HOSTILE, rows=300, texts=texts, data__name=EVIL)
        content = run.params.read_text().replace("a processor", EVIL.replace('"', '\\"'))
        run.params.write_text(content)
    with pytest.MonkeyPatch.context() as machine:
        font = tmp_path_factory.mktemp("fonts") / "toy.ttf"
        bare_machine(machine, [write_font(font, request.param)] if request.param else [])
        return draw_page(store)[0]
