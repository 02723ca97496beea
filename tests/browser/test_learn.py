"""The lesson, all six steps as a person goes through them, in both themes and widths."""

from __future__ import annotations

import pytest

from components.lesson.navigation import TITLES

CHARTS = {1: 2, 2: 3, 3: 2, 4: 1, 5: 2, 6: 1}


def drag(visitor, label, key, times):
    """Move the first handle of a slider with the keyboard."""
    handle = visitor.page.get_by_test_id("stSlider").filter(has_text=label).get_by_role("slider")
    handle.first.focus()
    for _ in range(times):
        visitor.page.keyboard.press(key)
    visitor.rest()


def drawn(visitor):
    return [chart.inner_html() for chart in visitor.page.get_by_test_id("stPlotlyChart").all()]


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_all_six_steps_are_whole_and_shut_nobody_out(visit, welcomed, scheme, width):
    visitor = visit(scheme, width)
    for step, title in enumerate(TITLES, 1):
        visitor.open(f"learn?step={step}")
        visitor.wait_for(f"{step}. {title}")
        assert visitor.page.get_by_test_id("stPlotlyChart").count() == 0
        visitor.page.get_by_test_id("stRadio").locator("label").nth(1).click()
        visitor.page.get_by_test_id("stPlotlyChart").nth(CHARTS[step] - 1).wait_for()
        visitor.rest()
        assert visitor.page.get_by_test_id("stPlotlyChart").count() == CHARTS[step]
        assert visitor.overflow() <= 0, step
        assert visitor.serious_violations() == [], step
        assert visitor.problems == [], step
        visitor.picture(f"learn_{step}_{scheme}_{width}")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("step", "label", "key", "figures"),
    [(1, "Minimum and maximum", "ArrowRight", (0, 1)), (2, "Calibration samples", "ArrowRight",
     (0, 1, 2)), (4, "Output (digit)", "ArrowRight", (0,)), (6, "Size at most", "ArrowLeft", (0,))],
)
def test_the_figure_follows_the_keyboard(visit, welcomed, step, label, key, figures):
    visitor = visit()
    visitor.open(f"learn?step={step}")
    visitor.page.get_by_test_id("stRadio").locator("label").nth(1).click()
    visitor.page.get_by_test_id("stPlotlyChart").nth(CHARTS[step] - 1).wait_for()
    visitor.rest()
    before = drawn(visitor)
    drag(visitor, label, key, 12)
    visitor.page.wait_for_timeout(500)
    after = drawn(visitor)
    for place in figures:
        assert before[place] != after[place], place
    assert visitor.problems == []
