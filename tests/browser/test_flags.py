"""The Flags page from end to end: flags are crossed by one click, and the effects are shown."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import visits

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def crossed(windows, server, welcomed):
    """Cross calibration with per-tensor weights on the welcome run's model; return the run's id."""
    with visits(windows, server) as start:
        visitor = start()
        visitor.open("compare")
        welcome = re.search(r"run=(\w+)", visitor.page.url).group(1)
        visitor.open(f"flags?run={welcome}")
        visitor.wait_for("From one pair, dynamic")
        visitor.click("button", "Run all 4 settings")
        # The page stays here and shows the effects when the run is done.
        visitor.wait_for("From one square of four variants", seconds=200)
        run_id = re.search(r"run=(\w+)", visitor.page.url).group(1)
        assert run_id != welcome
        return run_id


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_effects_are_whole_and_shut_nobody_out(visit, crossed, scheme, width):
    visitor = visit(scheme, width)
    visitor.open(f"flags?run={crossed}")
    visitor.wait_for("Two engines")
    text = visitor.text()
    assert "Representative data made the file" in text
    assert "Representative data with per-tensor weights: the file" in text
    assert "What cannot be told" not in text  # all four settings have a variant
    chart = visitor.page.locator(".stPlotlyChart")
    assert "What each flag changes" in chart.evaluate("e => e.closest('[data-testid]').outerHTML")
    assert visitor.overflow() <= 0
    assert visitor.serious_violations() == []
    assert visitor.problems == []
    visitor.picture(f"flags_{scheme}_{width}")


def test_both_engines_are_compared_by_one_click(visit, welcomed):
    visitor = visit()
    visitor.open("compare")
    run_id = re.search(r"run=(\w+)", visitor.page.url).group(1)
    visitor.open(f"flags?run={run_id}")
    visitor.wait_for("Two engines")
    visitor.click("button", "Compare the engines")
    visitor.wait_for("weights that both store are the same", seconds=200)
    assert visitor.serious_violations() == []
    assert visitor.overflow() <= 0
    visitor.picture("flags_engines_light_1280")
