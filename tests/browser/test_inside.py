"""The pages that look inside a finished run and that show it: whole, in both themes and widths."""

from __future__ import annotations

import re

import pytest

PAGES = {
    "file_format": "What the bytes are for",
    "model_size": "Where did the bytes go?",
    "execution": "Load, first, warm",
    "operators": "Operation by operation",
    "story_mode": "What it means",
    "learn": "Learn",
}


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_is_whole_and_shuts_nobody_out(visit, welcomed, scheme, width):
    visitor = visit(scheme, width)
    visitor.open("compare")
    run_id = re.search(r"run=(\w+)", visitor.page.url).group(1)
    for page, word in PAGES.items():
        visitor.open(f"{page}?run={run_id}&variant=int8")
        visitor.wait_for(word)
        assert visitor.overflow() <= 0, page
        assert visitor.serious_violations() == [], page
        assert visitor.problems == [], page
        visitor.picture(f"{page}_{scheme}_{width}")


@pytest.mark.browser
def test_a_story_fills_the_screen_and_is_taken_along(visit, welcomed):
    visitor = visit()
    visitor.open("compare")
    run_id = re.search(r"run=(\w+)", visitor.page.url).group(1)
    visitor.open(f"story_mode?run={run_id}")
    for name, magic in (("Picture (PNG)", b"\x89PNG"), ("Slides (PPTX)", b"PK")):
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("button", name=name).click()
        with open(download.value.path(), "rb") as stream:  # noqa: PTH123 - a temporary name
            assert stream.read(len(magic)) == magic
    visitor.open(f"story_mode?run={run_id}&embed=true")
    assert not visitor.page.get_by_test_id("stSidebarNav").is_visible()
    assert "variant" in visitor.page.url


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_name_opens_its_formula_by_key_and_shuts_nobody_out(visit, welcomed, scheme, width):
    visitor = visit(scheme, width)
    visitor.open("compare?variant=int8")
    visitor.wait_for("All figures")
    name = visitor.page.get_by_role("button", name="SQNR", exact=True)
    name.scroll_into_view_if_needed()
    name.focus()
    visitor.page.keyboard.press("Enter")
    opened = visitor.page.get_by_test_id("stPopoverBody")
    opened.wait_for()
    text = opened.inner_text()
    assert "10 · log₁₀(Σ r² / Σ (y − r)²)" in text  # noqa: RUF001
    assert re.search(r"int8: 10 · log₁₀\(.+ / .+\) = [\d.]+ dB", text)
    assert visitor.overflow() <= 0
    assert visitor.serious_violations() == []
    visitor.picture(f"formula_{scheme}_{width}")
    visitor.page.keyboard.press("Escape")
    opened.wait_for(state="hidden")
