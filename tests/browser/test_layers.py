"""A look into a variant that outlives its page, a click on a layer, and two pages seen whole."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from converter.measurement_lock import measuring_alone
from tests.browser.conftest import visits
from tests.browser.server import server_with_run

BACKGROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 29)"}
CHART_TEXT = ":is(.xtick text, .ytick text, .annotation text, .g-xtitle text, .g-ytitle text)"
LEAST_CONTRAST = """texts => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const app = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
  const contrasts = texts.flatMap(text => [text, ...text.querySelectorAll('tspan')]).map(text => {
    const box = text.closest('.annotation')?.querySelector('rect.bg');
    const boxed = box && Number(getComputedStyle(box).fillOpacity) > 0;
    const ground = parts(boxed ? getComputedStyle(box).fill : app);
    const style = getComputedStyle(text), opacity = Number(style.fillOpacity);
    const full = parts(style.fill).slice(0, 3);
    const ink = full.map((v, i) => v * opacity + ground[i] * (1 - opacity));
    const [a, b] = [light(ink), light(ground)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return Math.min(...contrasts);
}"""
TRACES = "charts => charts.map(chart => chart.data.map(trace => trace.name).join(' '))"


@pytest.fixture(scope="module")
def run_and_address(tmp_path_factory):
    with server_with_run(tmp_path_factory.mktemp("layers"), "digits_cnn") as found:
        yield found


@pytest.fixture
def visit(windows, run_and_address):
    with visits(windows, run_and_address[1]) as start:
        yield start


def click_layer(visitor, number):
    """Click the point of a layer, counted from 1, in the chart of all layers."""
    chart = visitor.page.locator(".js-plotly-plot", has_text="layer, in the order of execution")
    chart.scroll_into_view_if_needed()
    point = chart.locator(".scatterlayer .trace").nth(0).locator(".points path").nth(number - 1)
    box = point.bounding_box()
    # What moves over the chart takes the click, not the point itself.
    visitor.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    visitor.rest()


def test_a_look_goes_on_without_its_page_and_is_found_by_the_link(visit, run_and_address):
    visitor = visit()
    with measuring_alone():  # so that it goes on for as long as this takes
        visitor.open(f"layers?run={run_and_address[0]}")
        visitor.click("button", "Look into it")
        visitor.page.get_by_role("button", name="Cancel").wait_for()
        link = visitor.page.url
        assert "variant=int8" in link
        visitor.page.reload()
        visitor.page.get_by_text("Looking into").wait_for()
        onlooker = visit()  # another person's browser, with nothing but the link
        onlooker.page.goto(link)
        onlooker.page.get_by_test_id("stProgress").wait_for()
        assert onlooker.page.get_by_role("button", name="Cancel").count() == 0
        visitor.page.context.close()
    onlooker.wait_for("Cost by operator", seconds=60)
    back = visit()
    back.page.goto(link)
    back.wait_for("Error by layer")
    assert back.page.get_by_role("button", name="Look into it").count() == 0

    layer = back.page.get_by_role("combobox", name="Layer")
    expect(layer).not_to_have_value(re.compile(r"^2\. "))  # most error is born in another one
    click_layer(back, 2)
    expect(layer).to_have_value(re.compile(r"^2\. CONV_2D"))
    back.rest()
    traces = back.page.locator(".js-plotly-plot").evaluate_all(TRACES)
    assert "float32 variant" in traces  # the two distributions
    assert "float32 float32 variant variant" in traces  # least and greatest weight by channel
    assert back.problems == onlooker.problems == []

    whole = {"layers": link, "samples": f"{back.address}/samples?run={run_and_address[0]}"}
    for name, address in whole.items():
        back.open(address.removeprefix(f"{back.address}/"))
        back.page.locator(".js-plotly-plot").last.wait_for()
        for scheme, background in BACKGROUNDS.items():
            back.page.emulate_media(color_scheme=scheme)
            back.rest()
            assert back.page.evaluate(BACKGROUND) == background
            assert back.serious_violations() == [], (name, scheme)
            # The same page, not opened anew: what axe does not look at is text in a drawing.
            texts = back.page.locator(f".js-plotly-plot {CHART_TEXT}")
            assert texts.count() > 10
            assert texts.evaluate_all(LEAST_CONTRAST) >= 4.5, (name, scheme)
            assert back.overflow() <= 0, name
            back.picture(f"{name}_{scheme}_1280")
        back.page.set_viewport_size({"width": 390, "height": 844})
        back.rest()
        assert back.overflow() <= 0, name
        back.picture(f"{name}_dark_390")
        back.page.set_viewport_size({"width": 1280, "height": 900})
    assert back.problems == []
