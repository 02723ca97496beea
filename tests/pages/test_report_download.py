"""The report on the Compare page: offered beside the downloads, with every chart of the page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from components.report import build_report
from components.session import widget_key
from tests.components.report_page import ReportPage
from tests.pages import synthetic

CASES = ("make_comparison", "make_hard_case", "make_regression", "make_random_data")


def draw(case, folder):
    """What the Compare page draws of charts and downloads."""
    from components.charts import render_charts
    from components.variant_details import render_run_downloads
    from converter.request import RunRequest
    from tests.pages import synthetic

    comparison, samples = getattr(synthetic, case)()
    path = comparison.save(folder)
    render_charts(comparison, samples)
    request = RunRequest(model_path=folder / "gone.keras", model_name="gone.keras")
    render_run_downloads({path.name: path}, comparison, samples, request)


@pytest.fixture
def show(tmp_path):
    def _show(case):
        arguments = {"case": case, "folder": tmp_path}
        return AppTest.from_function(draw, kwargs=arguments, default_timeout=20).run()

    return _show


@pytest.mark.parametrize("case", CASES)
def test_the_report_has_the_charts_of_the_page(show, case):
    app = show(case)
    assert not app.exception
    report = ReportPage(build_report(*getattr(synthetic, case)()))
    titles = [words for level, words in report.headings if level == 3]
    assert len(report.charts) == len(app.get("plotly_chart"))
    assert {card.value for card in app.subheader} <= set(titles)


def test_the_report_is_offered(show):
    app = show("make_comparison")
    assert app.get_by_key(widget_key("compare", "report")).label == "Report (HTML)"
