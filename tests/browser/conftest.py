"""One server and one Chromium for all browser tests; pictures go to /tmp/litedrift-pictures."""

import contextlib
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.server import CHROMIUM, chromium, running_server, wait_until_idle

PICTURES = Path("/tmp/litedrift-pictures")


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _needs_chromium():
    if CHROMIUM is None:
        reason = "no Chromium on this machine: install Debian's package 'chromium'"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A fresh installation: no run yet, so that the welcome run starts."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder / "home", folder / "server.log") as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser_process():
    with chromium() as started:
        yield started


class Visitor:
    """A person with a browser window: goes places, waits until the page rests, takes pictures."""

    def __init__(self, context, address):
        self.page = context.new_page()
        self.address = address
        self.problems = []
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message):
        # On a deep link Streamlit looks for its own endpoints below the page's path first.
        if message.type == "error" and "_stcore" not in message.location.get("url", ""):
            self.problems.append(message.text)

    def open(self, path):
        self.page.goto(f"{self.address}/{path}")
        self.rest()

    def rest(self):
        wait_until_idle(self.page)
        self.page.wait_for_timeout(300)
        wait_until_idle(self.page)

    def click(self, role, name, **more):
        self.page.get_by_role(role, name=name, **more).first.click()
        self.rest()

    def go(self, name):
        """Follow a link of the navigation."""
        self.page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()
        self.page.wait_for_url(lambda url: name.lower() in url or name == "Model")
        self.rest()

    def text(self):
        return self.page.get_by_test_id("stMain").inner_text()

    def wait_for(self, text, seconds=60):
        self.page.get_by_text(text).first.wait_for(timeout=seconds * 1000)
        self.rest()

    def overflow(self):
        """Return by how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def serious_violations(self):
        """Return what axe finds that keeps people out."""
        return [
            violation["id"] + ": " + violation["nodes"][0]["html"][:150]
            for violation in Axe().run(self.page).response["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]

    def picture(self, name):
        PICTURES.mkdir(exist_ok=True)
        main = self.page.get_by_test_id("stMain")
        height = main.evaluate("element => element.scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": min(height + 60, 8000)})
        self.rest()
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=PICTURES / f"{name}.png")
        self.page.set_viewport_size(size)


@pytest.fixture(scope="session")
def welcomed(browser_process, server):
    """Wait for the welcome run's end; two runs at once would disturb each other."""
    context = browser_process.new_context()
    visitor = Visitor(context, server)
    visitor.open("compare")
    visitor.wait_for("against the original it is", seconds=300)
    context.close()


@contextlib.contextmanager
def visits(browser_process, address):
    """Yield a function that opens a new visitor's window; all are closed at the end."""
    contexts = []

    def start(scheme="light", width=1280, height=900):
        context = browser_process.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        return Visitor(context, address)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser_process, server):
    with visits(browser_process, server) as start:
        yield start
