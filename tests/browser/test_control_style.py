"""Controls are readable while they are used, on either ground."""

from __future__ import annotations

import pytest


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plain_button_is_readable_while_its_popover_is_open(visit, welcomed, scheme):
    visitor = visit(scheme)
    visitor.open("model")
    visitor.page.get_by_role("button", name="Sandbox").first.click()
    visitor.page.wait_for_timeout(500)
    assert visitor.serious_violations() == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_history_without_tags_shuts_nobody_out(visit, welcomed, scheme):
    visitor = visit(scheme)
    visitor.open("history")
    visitor.wait_for("Sort")
    assert visitor.page.get_by_text("No tags yet").count() == 0
    assert visitor.serious_violations() == []
