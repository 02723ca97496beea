"""The report as a reader meets it: the file alone in a browser without network, and on paper."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from components.report import build_report
from tests.browser.conftest import PICTURES
from tests.pages.synthetic import make_comparison, make_hard_case, make_samples, make_variant

WIDTHS = (1280, 390)
PAPER = (680, 860)
INK = {"light": "rgb(11, 19, 26)", "dark": "rgb(230, 235, 239)"}


def many():
    from converter.recipe import PRESETS

    comparison, samples = make_comparison("many.keras")
    for index in range(24):
        name = f"custom_recipe_{index:02d}"
        samples[name] = make_samples(0.1 + 0.02 * index, index)
        variant = make_variant(PRESETS["int8"], samples[name])
        variant.recipe = name
        comparison.variants.append(variant)
    return comparison, samples


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    paths = {}
    for name, make in {"hard": make_hard_case, "many": many}.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(build_report(*make()))
    return paths


@pytest.fixture
def read_report(browser_process, reports):
    """Return a function that opens a report; what it asks for or complains about is collected."""
    contexts = []

    def start(name="hard", scheme="light", width=1280):
        context = browser_process.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.problems = [], []
        context.route(re.compile("^(?!file:)"), lambda route: route.abort())
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(reports[name].as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
        return page

    yield start
    for context in contexts:
        context.close()


def inks(page):
    """Return the colours of the charts' texts and of the page's."""
    return set(page.evaluate("""() => [
        getComputedStyle(document.body).color,
        ...[...document.querySelectorAll(".plot .ytick text")].map((t) => getComputedStyle(t).fill)
    ]"""))


def wait_for_ink(page, scheme):
    """Wait until the charts are written in a theme's ink."""
    page.wait_for_function(
        "ink => getComputedStyle(document.querySelector('.plot .ytick text')).fill === ink",
        arg=INK[scheme])
    assert INK["dark" if scheme == "light" else "light"] not in inks(page)


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_needs_no_network_and_fits(read_report, reports, scheme, width):
    page = read_report("hard", scheme, width)
    assert page.locator(".plot .main-svg").count() >= 6
    assert overflow(page) <= 0
    assert inks(page) >= {INK[scheme]}
    assert INK["dark" if scheme == "light" else "light"] not in inks(page)
    serious = [v["id"] for v in Axe().run(page).response["violations"]
               if v["impact"] in ("serious", "critical")]
    assert serious == []
    assert page.asked == [reports["hard"].as_uri()]
    assert page.problems == []
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/report-{scheme}-{width}.png", full_page=True)


def test_the_theme_is_switched_from_the_keyboard(read_report):
    page = read_report("hard", "dark")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    page.keyboard.press("Enter")
    assert INK["light"] in inks(page)
    assert INK["dark"] not in inks(page)
    assert page.get_by_role("button", name="Switch to the dark theme").is_visible()
    page.keyboard.press("Enter")
    assert INK["dark"] in inks(page)


def test_charts_follow_the_window(read_report):
    page = read_report("many", width=1280)
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function("document.querySelector('.plot .main-svg').clientWidth < 390")
    assert overflow(page) <= 0


@pytest.mark.parametrize("name", ["hard", "many"])
def test_on_paper_it_is_light_and_no_chart_is_cut(read_report, reports, name):
    page = read_report(name, "dark")
    page.emulate_media(media="print")
    wait_for_ink(page, "light")
    assert not page.locator("#theme").is_visible()
    assert not page.locator("nav").is_visible()
    boxes = [chart.bounding_box() for chart in page.locator(".plot .main-svg").all()]
    assert boxes
    for box in boxes:
        assert box["width"] <= PAPER[0] + 1
        assert box["height"] <= PAPER[1] + 1
    breaks = page.locator("section").evaluate_all(
        "sections => sections.map((s) => getComputedStyle(s).breakBefore)")
    assert set(breaks[1:]) == {"page"}
    page.emulate_media(media="screen")
    wait_for_ink(page, "dark")
    sheets = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) >= len(breaks)
    assert page.asked == [reports[name].as_uri()]
