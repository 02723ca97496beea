"""A machine without Landlock, in a real browser: the warning, the reasons, and the refusal."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from converter.child_process import PROJECT_ROOT
from converter.sandbox import WITHOUT_LAYERS
from converter.trust import TRUST_UPLOADS
from tests.browser.conftest import visits
from tests.browser.server import running_server

CNN = PROJECT_ROOT / "sample_models" / "digits_cnn" / "digits_cnn.keras"


@pytest.fixture
def visitor(windows, tmp_path, monkeypatch):
    monkeypatch.setenv(WITHOUT_LAYERS, "landlock")
    monkeypatch.delenv(TRUST_UPLOADS, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    (home / "welcome").touch()  # no welcome run
    with (
        running_server(home, tmp_path / "log") as (address, _),
        visits(windows, address) as start,
    ):
        yield start("light", 390, 844)


def test_the_warning_is_seen_and_an_upload_that_would_run_code_is_refused(visitor):
    page = visitor.page
    visitor.open("")
    visitor.wait_for("Weak sandbox")
    page.get_by_text("Your file").click()
    visitor.rest()
    page.locator("input[type=file]").first.set_input_files(CNN)
    visitor.wait_for("SHA-256")  # to look into it is safe
    visitor.click("button", "Choose flags")
    assert "Weak sandbox" in visitor.text()
    page.get_by_role("button", name="Convert and compare").click()
    visitor.wait_for("loading this model would run its code")
    assert "LITEDRIFT_TRUST_UPLOADS=1" in visitor.text()
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stPopoverButton").click()
    page.get_by_text("A hostile model could read or change files").last.wait_for()
    page.get_by_role("tab", name="Limits").click()
    page.get_by_text("MEMORY_BYTES").wait_for()
    inside = page.get_by_test_id("stPopoverBody")
    assert inside.evaluate("element => element.scrollWidth - element.clientWidth") <= 0
    serious = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in
               {"serious", "critical"}]  # fmt: skip
    assert serious == []
    assert visitor.problems == []
