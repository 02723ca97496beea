"""The Budget page in a browser: asked, while the frontier grows, answered, with the map."""

from __future__ import annotations

import re

import pytest


@pytest.mark.browser
def test_a_budget_is_asked_watched_answered_and_taken_along(visit, welcomed):
    visitor = visit("light", 1280)
    visitor.open("compare")
    run_id = re.search(r"run=(\w+)", visitor.page.url).group(1)
    visitor.open(f"budget?run={run_id}")
    visitor.wait_for("What must hold")
    assert visitor.serious_violations() == []
    visitor.picture("budget_asked")
    visitor.click("button", "Search", exact=True)
    visitor.page.get_by_text("Stop and keep the best").wait_for()
    visitor.page.get_by_text("Left is smaller, up is closer").first.wait_for()
    visitor.page.get_by_text("Stop and keep the best").scroll_into_view_if_needed()
    assert visitor.serious_violations() == []
    visitor.picture("budget_searching")
    visitor.page.get_by_text("distinct candidates in").wait_for(timeout=180_000)
    visitor.rest()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="Script", exact=True).first.click()
    assert download.value.suggested_filename.endswith(".py")
    visitor.click("button", "Measure it", exact=True)
    visitor.page.get_by_role("button", name="Stop and keep this").wait_for(timeout=60_000)
    visitor.page.get_by_role("button", name="Stop and keep this").wait_for(
        state="hidden", timeout=180_000
    )
    address = visitor.page.url.split("/")[-1]
    assert "budget=" in address
    for scheme, width in (("light", 1280), ("dark", 390)):
        again = visit(scheme, width)
        again.open(address)
        again.wait_for("Layer by precision")
        assert again.overflow() <= 0
        assert again.serious_violations() == []
        assert again.problems == []
        again.picture(f"budget_{scheme}_{width}")
