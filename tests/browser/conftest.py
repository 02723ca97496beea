"""One server and one Chromium for all browser tests.

With LITEDRIFT_PICTURES=folder in the environment, pictures of the pages go there, to be looked at.
"""

import contextlib
import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error

from tests.browser.server import CHROMIUM, chromium, running_server, wait_until_idle

PICTURES = os.environ.get("LITEDRIFT_PICTURES")


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


class Windows:
    """Browser windows; the next visitor finds nothing of the last one but compiled scripts.

    A new window takes two seconds of a core to read and compile what Streamlit's pages are made of.
    """

    def __init__(self, browser):
        self._browser = browser
        self._free = []

    def take(self, scheme="light", width=1280, height=900):
        """Return the page of a window without cookies."""
        page = self._free.pop() if self._free else self._browser.new_context().new_page()
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        return page

    def give_back(self, page, address):
        """Leave no session open and nothing stored; a window that cannot do so is closed."""
        try:
            page.goto(f"{address}/_stcore/health")
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
            page.context.clear_cookies()
            for other in page.context.pages:
                if other is not page:
                    other.close()
            self._free.append(page)
        except Error:
            page.context.close()


@pytest.fixture(scope="session")
def windows(browser_process):
    return Windows(browser_process)


class Visitor:
    """A person with a browser window: goes places, waits until the page rests, takes pictures."""

    def __init__(self, page, address):
        self.page = page
        self.address = address
        self.problems = []
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._note)
        self.page.on("pageerror", self._note_error)

    def _note(self, message):
        # On a deep link Streamlit looks for its own endpoints below the page's path first.
        if message.type == "error" and "_stcore" not in message.location.get("url", ""):
            self.problems.append(message.text)

    def _note_error(self, error):
        self.problems.append(str(error))

    def leave(self):
        """Listen no more: the window goes to somebody else."""
        self.page.remove_listener("console", self._note)
        self.page.remove_listener("pageerror", self._note_error)

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
        """Take a picture of the whole page where somebody wants to look at it."""
        if not PICTURES:
            return
        main = self.page.get_by_test_id("stMain")
        height = main.evaluate("element => element.scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": min(height + 60, 8000)})
        self.rest()
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=f"{PICTURES}/{name}.png")
        self.page.set_viewport_size(size)


@pytest.fixture(scope="session")
def welcomed(windows, server):
    """Wait for the welcome run's end; two runs at once would disturb each other."""
    with visits(windows, server) as start:
        visitor = start()
        visitor.open("compare")
        visitor.wait_for("against the original it is", seconds=300)


@contextlib.contextmanager
def visits(windows, address):
    """Yield a function that gives a new visitor a window; all are given back at the end."""
    visitors = []

    def start(scheme="light", width=1280, height=900):
        visitor = Visitor(windows.take(scheme, width, height), address)
        visitors.append(visitor)
        return visitor

    try:
        yield start
    finally:
        for visitor in visitors:
            visitor.leave()
            windows.give_back(visitor.page, address)


@pytest.fixture
def visit(windows, server):
    with visits(windows, server) as start:
        yield start
