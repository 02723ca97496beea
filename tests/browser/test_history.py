"""Runs found again, shared, deleted and had back, and held side by side, in a real browser."""

from __future__ import annotations

import pytest

from converter.progress import Progress
from tests.browser.conftest import Visitor, visits
from tests.browser.server import running_server
from tests.pages.synthetic import make_comparison, write_run


def make_after():
    comparison, samples = make_comparison("digits_v2.keras")
    comparison.model.sha256 = "ab" * 32
    comparison.environment |= {"threads": 2, "cpu": "Intel Xeon 8481C"}
    for variant in comparison.variants:
        variant.size_bytes = round(variant.size_bytes * 1.3)
    return comparison, {name: values * 1.4 for name, values in samples.items()}


@pytest.fixture(scope="module")
def history_server(tmp_path_factory):
    """An installation with finished runs, so that no conversion has to be waited for."""
    folder = tmp_path_factory.mktemp("history")
    home = folder / "home"
    home.mkdir()
    (home / "welcome").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITEDRIFT_HOME", str(home))
        write_run(home, "before1", *make_comparison(), tags=("checkpoint",), created=1.79e9)
        write_run(home, "after2", *make_after(), pinned=True, created=1.7901e9)
        stopped = Progress(status="interrupted", error="The run was interrupted: its process "
                           "ended; resume it, and what was finished is used again.")
        write_run(home, "broken3", model_name="a_rather_long_name_of_a_model.keras",
                  created=1.7902e9, progress=stopped)
        write_run(home, "victim4", *make_comparison("victim.keras"), created=1.7903e9)
    with running_server(home, folder / "server.log") as (address, _):
        yield address


@pytest.fixture
def visit(windows, history_server):
    with visits(windows, history_server) as start:
        yield start


def test_a_link_a_refresh_and_a_second_tab_show_the_same_view(visit):
    visitor = visit()
    visitor.open("compare?run=before1&variant=int16x8")
    visitor.wait_for("Slower by")
    visitor.page.get_by_role("radio", name="float16").click()
    visitor.rest()
    assert "variant=float16" in visitor.page.url
    link = visitor.page.url
    visitor.page.reload()
    visitor.wait_for("Smaller by")
    assert visitor.page.get_by_role("radio", name="float16").is_checked()
    second = Visitor(visitor.page.context.new_page(), visitor.address)
    second.page.goto(link)
    second.rest()
    second.wait_for("Smaller by")
    assert second.page.get_by_role("radio", name="float16").is_checked()
    assert visitor.problems == second.problems == []


def test_a_search_is_shared_by_the_link_that_is_offered(visit):
    visitor = visit()
    visitor.open("history?run=before1&find=digits&sort=oldest")
    visitor.wait_for("Open result")
    visitor.click("button", "Copy link")
    link = visitor.page.get_by_test_id("stCode").inner_text().strip()
    assert link.startswith(f"{visitor.address}/history?")
    other = visit()
    other.page.goto(link)
    other.rest()
    other.wait_for("Open result")
    assert other.page.get_by_role("textbox", name="Search").input_value() == "digits"
    assert "digits_cnn.keras" in other.text()


def test_choosing_a_row_opens_the_run(visit):
    visitor = visit()
    visitor.open("history?find=digits")
    # The grid is drawn on a canvas: the first row lies below the header.
    visitor.page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 52})
    visitor.rest()
    visitor.wait_for("Open result")
    assert "run=after2" in visitor.page.url
    visitor.click("button", "Open result")
    visitor.wait_for("against the original it is")
    assert "digits_v2.keras" in visitor.text()


def test_a_deleted_run_is_had_back_by_undo(visit):
    visitor = visit()
    visitor.open("history?run=victim4")
    visitor.click("button", "Delete")
    visitor.wait_for("was deleted")
    assert "run=victim4" not in visitor.page.url
    visitor.page.wait_for_timeout(1500)
    visitor.click("button", "Undo")
    visitor.wait_for("Open result")
    assert "run=victim4" in visitor.page.url
    assert visitor.page.get_by_text("was deleted").count() == 0
    assert visitor.problems == []


def test_two_runs_stand_side_by_side(visit):
    visitor = visit()
    visitor.open("side_by_side?runs=before1,after2&variants=0.int8&variants=1.int8")
    visitor.page.locator(".js-plotly-plot").first.wait_for()
    text = visitor.text()
    assert text.index("What differs") < text.index("The figures")
    assert "Intel Xeon 8481C" in text
    charts = visitor.page.locator(".js-plotly-plot")
    for index in range(charts.count()):
        shown = " ".join(charts.nth(index).locator("svg text").all_text_contents())
        assert "A int8" in shown
        assert "B int8" in shown
    assert charts.count() == 5
    visitor.page.reload()
    visitor.rest()
    visitor.page.locator(".js-plotly-plot").first.wait_for()
    assert "variants=0.int8&variants=1.int8" in visitor.page.url
    assert visitor.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_look_whole_in_both_themes(visit, scheme, width):
    visitor = visit(scheme, width, 900 if width > 600 else 844)
    pages = {"history": "history?run=before1", "interrupted": "compare?run=broken3",
             "side_by_side": "side_by_side?runs=before1,after2"}
    for name, path in pages.items():
        visitor.open(path)
        visitor.page.wait_for_timeout(800)
        assert visitor.overflow() <= 0, f"{path} is wider than the window"
        visitor.picture(f"{name}_{scheme}_{width}")
        assert visitor.serious_violations() == [], path
    assert visitor.problems == []
