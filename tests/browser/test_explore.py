"""The live bench in a browser: a precision and a click on a bar, and the figures that follow."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import visits
from tests.browser.server import server_with_run


@pytest.fixture(scope="module")
def run_and_address(tmp_path_factory):
    with server_with_run(tmp_path_factory.mktemp("explore"), "digits_mobilenet") as found:
        yield found


@pytest.fixture
def visit(windows, run_and_address):
    with visits(windows, run_and_address[1]) as start:
        yield start


def figure(visitor, label):
    card = visitor.page.get_by_test_id("stMetric").filter(has_text=label)
    return card.get_by_test_id("stMetricValue")


def choose(visitor, precision):
    visitor.page.get_by_role("radio", name=f"● {precision}", exact=True).click()
    visitor.rest()


def click_bar(visitor, place):
    """Click above the bar of a layer, counted from 0: the whole height belongs to it."""
    chart = visitor.page.locator(".js-plotly-plot", has_text="layer, in the order of execution")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".barlayer .trace").nth(0).locator(".point path").nth(place).bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8)
    visitor.rest()


def colors(visitor):
    """Return the colour of every layer's filled bar."""
    chart = visitor.page.locator(".js-plotly-plot", has_text="layer, in the order of execution")
    return chart.evaluate("chart => chart.data.find(t => t.name === 'stored').marker.color")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_figures_follow_a_precision_and_a_click_on_a_bar(visit, run_and_address, scheme, width):
    visitor = visit(scheme, width)
    visitor.open(f"explore?run={run_and_address[0]}")
    visitor.wait_for("Where you have been", seconds=120)
    expect(figure(visitor, "Predicted latency")).to_contain_text("s", timeout=120_000)  # µs or ms
    visitor.rest()
    size, sqnr = (figure(visitor, label).inner_text() for label in ("Size", "SQNR"))
    before = colors(visitor)
    assert len(set(before)) == 1

    choose(visitor, "dynamic int8")
    expect(figure(visitor, "Size")).not_to_have_text(size)
    expect(figure(visitor, "SQNR")).not_to_have_text(sqnr)
    assert "state=d" in visitor.page.url
    everything = colors(visitor)
    assert everything != before

    click_bar(visitor, 4)
    click_bar(visitor, 6)
    visitor.page.get_by_text("Precision for 2 of 12 layers").wait_for()
    click_bar(visitor, 6)  # let go again
    visitor.page.get_by_text("Precision for 1 of 12 layers").wait_for()
    small = figure(visitor, "Size").inner_text()
    choose(visitor, "dynamic int4")
    expect(figure(visitor, "Size")).not_to_have_text(small)
    changed = [i for i, (a, b) in enumerate(zip(everything, colors(visitor), strict=True))
               if a != b]
    assert changed == [4]
    link = visitor.page.url

    assert visitor.overflow() <= 0
    assert visitor.serious_violations() == []
    assert visitor.problems == []
    visitor.picture(f"explore_{scheme}_{width}")

    visitor.click("button", "Undo")
    expect(figure(visitor, "Size")).to_have_text(small)
    onlooker = visit(scheme, width)
    onlooker.page.goto(link)
    onlooker.wait_for("Where you have been", seconds=120)
    assert "state=d" in onlooker.page.url
    expect(figure(onlooker, "Size")).not_to_have_text(small)
    assert onlooker.problems == []
