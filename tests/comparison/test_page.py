"""comparison.html in a real browser: sorting, themes, keyboard, contrast, small screens, paper, and no requests."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from emotion.comparison.analysis import analyse
from emotion.comparison.compare import collect, compare
from emotion.comparison.report import draw_report
from emotion.store.layout import Store
from tests.comparison.report_pages import EVIL, HOSTILE
from tests.comparison.scenes import write_full_run

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=360, height=740)
Scheme = Literal["light", "dark"]
# The contrast of every letter of the charts with what is behind it: a heat map's cell has its own colours.
LOW_CONTRAST = """
() => {
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const weights = [0.2126, 0.7152, 0.0722];
  const luminance = (color) => channels(color).reduce((sum, part, index) => sum + part * weights[index], 0);
  const behind = luminance(getComputedStyle(document.querySelector("section")).backgroundColor);
  return [...document.querySelectorAll("svg text")]
    .map((text) => [text.textContent, getComputedStyle(text).fill])
    .filter(([, fill]) => !["rgb(0, 0, 0)", "rgb(255, 255, 255)"].includes(fill))
    .map(([text, fill]) => {
      const [low, high] = [behind, luminance(fill)].sort((one, other) => one - other);
      return [text, fill, (high + 0.05) / (low + 0.05)];
    })
    .filter(([, , contrast]) => contrast < 4.5);
}
"""


def report(folder: Path, fill: Callable[[Store], object]) -> Path:
    store = Store(folder / "store")
    fill(store)
    (comparison,) = compare(collect(store).complete, every=True)
    path = folder / "comparison.html"
    path.write_bytes(draw_report(analyse(store, comparison), lambda _: None)["comparison.html"])
    return path


def usual_runs(store: Store) -> None:
    for model in ("ann", "lstm", "bert", "minilm"):
        write_full_run(store, model)
    write_full_run(store, "ann", seed=2)


def hostile_runs(store: Store) -> None:
    for model in ("ann", "lstm"):
        texts = [f"{EVIL} {row}" for row in range(300)]
        write_full_run(store, model, labels=HOSTILE, rows=300, texts=texts, data__name=EVIL)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("usual"), usual_runs)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("hostile"), hostile_runs)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give the machine's Chromium: EMOTION_BROWSER names it, or it is on the PATH."""
    found = os.environ.get("EMOTION_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "no Chromium on this machine: apt-get install chromium, or name one with EMOTION_BROWSER"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Seen:
    """What a page did beside showing itself."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(dialog.message))


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., tuple[Page, Seen]]]:
    """Give what opens a page on a screen of some size, in a scheme."""
    contexts: list[Any] = []

    def start(path: Path, screen: ViewportSize = DESKTOP, scheme: Scheme = "light", url: str = "") -> tuple[Page, Seen]:
        contexts.append(browser.new_context(viewport=screen, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(5000)
        seen = Seen(page)
        page.goto(url or path.as_uri())
        return page, seen

    yield start
    for context in contexts:
        context.close()


Opened = Callable[..., tuple[Page, Seen]]


def column(page: Page, title: str) -> list[str]:
    index = page.locator("table.sortable thead th").all_text_contents().index(title)
    return page.locator(f"table.sortable tbody tr > :nth-child({index + 1})").all_text_contents()


def numbers(page: Page, title: str) -> list[float]:
    return [float(text.replace(",", "").removesuffix(" MB")) for text in column(page, title)]


class TestSorting:
    def test_figures_go_from_the_highest_and_then_from_the_lowest(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        heading = page.locator(".sortable").get_by_role("columnheader", name="val. accuracy", exact=True)
        before = numbers(page, "val. accuracy")
        heading.get_by_role("button").click()
        assert numbers(page, "val. accuracy") == sorted(before, reverse=True) != before
        assert heading.get_attribute("aria-sort") == "descending"
        heading.get_by_role("button").click()
        assert numbers(page, "val. accuracy") == sorted(before)
        assert heading.get_attribute("aria-sort") == "ascending"

    @pytest.mark.parametrize(
        ("title", "first"),
        [
            ("training time", ["bert", "minilm", "lstm"]),
            ("rows/s", ["ann", "ann", "lstm"]),
            ("ONNX", ["bert", "minilm"]),
        ],
    )
    def test_what_is_shown_with_units_is_sorted_by_its_value(
        self, usual: Path, opened: Opened, title: str, first: list[str]
    ) -> None:
        page, _ = opened(usual)
        page.get_by_role("button", name=title, exact=True).click()
        assert [model.split()[0] for model in column(page, "model")][: len(first)] == first

    def test_names_go_from_the_first(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        page.get_by_role("button", name="rows/s", exact=True).click()
        page.get_by_role("button", name="model", exact=True).click()
        models = [model.split()[0] for model in column(page, "model")]
        assert models == ["ann", "ann", "bert", "lstm", "minilm"]

    def test_one_heading_at_a_time_is_the_order(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        for title in ("rows/s", "loss"):
            page.get_by_role("button", name=title, exact=True).click()
        assert page.locator("th[aria-sort]").all_text_contents() == ["loss"]

    def test_rows_stay_whole(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        rows = page.locator("table.sortable tbody tr")
        before = sorted(rows.all_text_contents())
        page.get_by_role("button", name="rows/s", exact=True).click()
        assert sorted(rows.all_text_contents()) == before
        assert "bert winner" in str(page.locator("tr.best").text_content())

    def test_the_keyboard_sorts(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "rows/s":
                break
        page.keyboard.press("Enter")
        values = numbers(page, "rows/s")
        assert values == sorted(values, reverse=True)


class TestThemes:
    def background(self, page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def test_the_system_decides_until_somebody_does(self, usual: Path, opened: Opened) -> None:
        light, _ = opened(usual)
        dark, _ = opened(usual, scheme="dark")
        assert self.background(light) == "rgb(244, 245, 247)"
        assert self.background(dark) == "rgb(14, 16, 19)"

    def test_the_button_goes_round_and_is_remembered(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        button = page.locator("#theme")
        assert button.text_content() == "Theme: system"
        seen = []
        for _ in range(3):
            button.click()
            seen.append((button.text_content(), self.background(page)))
        light, dark = "rgb(244, 245, 247)", "rgb(14, 16, 19)"
        assert seen == [("Theme: light", light), ("Theme: dark", dark), ("Theme: system", light)]
        button.click()
        button.click()
        page.reload()
        assert button.text_content() == "Theme: dark"
        assert self.background(page) == dark

    def test_light_can_be_chosen_on_a_dark_system(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual, scheme="dark")
        page.locator("#theme").click()
        assert self.background(page) == "rgb(244, 245, 247)"

    def test_charts_follow(self, usual: Path, opened: Opened) -> None:
        fills = []
        for scheme in ("light", "dark"):
            page, _ = opened(usual, scheme=scheme)
            fills.append(page.evaluate("getComputedStyle(document.querySelector('#accuracy svg text')).fill"))
        assert fills == ["rgb(27, 31, 36)", "rgb(232, 234, 237)"]

    def test_a_page_that_may_store_nothing_still_changes(self, usual: Path, browser: Browser) -> None:
        context = browser.new_context()
        page = context.new_page()
        refuse = "get() { throw new DOMException('no', 'SecurityError'); }"
        page.add_init_script(f"Object.defineProperty(window, 'localStorage', {{ {refuse} }})")
        seen = Seen(page)
        page.goto(usual.as_uri())
        page.locator("#theme").click()
        assert page.locator("#theme").text_content() == "Theme: light"
        assert seen.errors == []
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_accessibility_rules_are_kept(
    name: str, scheme: Scheme, screen: ViewportSize, opened: Opened, request: pytest.FixtureRequest
) -> None:
    """WCAG 2.1 A and AA as far as axe-core can tell, contrast among them; the charts' letters are measured here."""
    page, _ = opened(request.getfixturevalue(name), screen, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    violations = Axe().run(page, options=options).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in violations] == []
    assert page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_it_asks_for_nothing_and_says_nothing_in_the_console(
    name: str, opened: Opened, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(name)
    page, seen = opened(path)
    page.locator("#theme").click()
    page.get_by_role("button", name="rows/s", exact=True).click()
    page.locator("summary").first.click()
    page.wait_for_timeout(200)
    assert seen.requests == [path.as_uri()]
    assert seen.errors == []


def test_from_a_server_it_is_one_request(usual: Path, opened: Opened) -> None:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(usual.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page, seen = opened(usual, url=f"http://127.0.0.1:{server.server_port}/comparison.html")
        page.wait_for_timeout(300)
        server.shutdown()
    assert asked == ["/comparison.html"]
    assert seen.errors == []


def test_markup_in_names_and_texts_is_read_as_text(hostile: Path, opened: Opened) -> None:
    page, seen = opened(hostile)
    assert page.title() == f"Comparison on {EVIL}"
    assert page.locator("h1").text_content() == EVIL
    assert page.locator("img").count() == 0
    assert EVIL in str(page.locator("#mistakes td.text").first.text_content())
    assert seen.errors == []


@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_a_phone_scrolls_down_alone(name: str, opened: Opened, request: pytest.FixtureRequest) -> None:
    page, _ = opened(request.getfixturevalue(name), PHONE)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    small = "[...document.querySelectorAll('svg text')].map((text) => text.getBoundingClientRect().height)"
    heights = [height for height in page.evaluate(small) if height]
    assert sorted(heights)[len(heights) // 2] >= 9


class TestKeyboard:
    def test_everything_that_works_can_be_reached_and_shows_that_it_was(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        reached = []
        for _ in range(80):
            page.keyboard.press("Tab")
            tag, outline = page.evaluate(
                "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineWidth]"
            )
            if tag == "BODY":
                break
            reached.append(tag)
            assert float(outline.removesuffix("px")) >= 2
        works = page.locator("button, summary, a[href], [tabindex='0']").count()
        assert len(reached) == works

    def test_a_run_is_unfolded_by_the_keyboard(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("details[open]").count() == 1
        assert page.locator("details[open] dt").first.is_visible()


class TestPaper:
    def test_what_is_folded_is_printed_and_folded_again(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual)
        page.locator("summary").first.click()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details[open]").count() == 1

    def test_paper_is_white_and_holds_the_whole_table(self, usual: Path, opened: Opened) -> None:
        page, _ = opened(usual, ViewportSize(width=794, height=1123), "dark")
        page.locator("#theme").click()
        page.locator("#theme").click()
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 794
        assert not page.locator("#theme").is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")
