"""Eight people on one server, each with a model of their own, in real browser windows.

Printed: whether every run finished with its own model, the web process's largest memory, and the
median time of a page switch while runs were going on.
"""

import re
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from converter.sample_models import list_samples
from tests.browser.server import chromium, running_server, wait_until_idle

PEOPLE = 8
GOAL_MEGABYTES, GOAL_MILLISECONDS = 400, 300
_MOST_SECONDS = 600


class Person:
    """A browser window whose visitor compares one model."""

    def __init__(self, browser, address, own_model):
        self.page = browser.new_context().new_page()
        self.page.set_default_timeout(90_000)
        self.address = address
        self.model = own_model

    def start(self):
        """Bring the model, convert it and start the run."""
        self.page.goto(self.address)
        wait_until_idle(self.page, 120_000)
        if isinstance(self.model, Path):
            self.page.get_by_text("Your file", exact=True).click()
            wait_until_idle(self.page)
            self.page.locator("input[type=file]").first.set_input_files(self.model)
        else:
            self.page.locator(f"[class*='sample-{self.model}'] button").click()
        self.page.get_by_role("button", name="Choose flags").click()
        button = self.page.get_by_role("button", name=re.compile("Convert and compare"))
        button.click()
        self.page.get_by_text(re.compile("wait for its turn|Step|Starting", re.I)).first.wait_for()

    @property
    def name(self):
        """The model file's name, which the result must show."""
        return self.model.name if isinstance(self.model, Path) else f"{self.model}."

    def switch(self, name):
        """Follow a link of the navigation; return milliseconds until the page has drawn itself."""
        link = self.page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True)
        link.wait_for()
        wait_until_idle(self.page)
        return self.page.evaluate(_SWITCH, name)

    def has_own_result(self):
        """Whether the Compare page shows this person's model, finished."""
        self.page.goto(f"{self.address}/compare?run={self.run}")
        wait_until_idle(self.page, 120_000)
        title = self.page.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()
        return self.name in title and self.page.locator(".js-plotly-plot").count() > 0

    def note_run(self):
        """Read the run's id off the address."""
        self.run = re.search(r"run=(\w+)", self.page.url).group(1)


_SWITCH = """async (name) => {
  const links = [...document.querySelectorAll('[data-testid=stSidebarNavLink]')];
  const link = links.find(each =>
    [...each.querySelectorAll('*')].some(part => part.textContent.trim() === name));
  const title = () => document.querySelector('[data-testid=stMain] h1')?.innerText;
  const before = title(), start = performance.now();
  link.click();
  while (performance.now() - start < 60000) {
    const app = document.querySelector('[data-testid=stApp]');
    const idle = app.getAttribute('data-test-script-state') === 'notRunning';
    if (title() !== before && title() !== undefined && idle) break;
    await new Promise(resolve => setTimeout(resolve, 4));
  }
  return performance.now() - start;
}"""


def _models(folder):
    """Return eight different models: all samples, and copies whose upload is a person's own."""
    samples = list_samples()
    chosen = [sample.name for sample in samples][:PEOPLE]
    for number in range(PEOPLE - len(chosen)):
        source = samples[number].model_path
        own = folder / f"own_{number}{source.suffix}"
        own.write_bytes(source.read_bytes())
        chosen.append(own)
    return chosen


def _status(home, run_id):
    import sqlite3

    with sqlite3.connect(home / "history.sqlite", timeout=30) as database:
        return database.execute("SELECT status FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0]


def main(_rounds=1):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, chromium() as browser:
        folder = Path(name)
        home = folder / "home"
        with running_server(home, folder / "server.log") as (address, process):
            web = psutil.Process(process.pid)
            people = [Person(browser, address, model) for model in _models(folder)]
            for person in people:
                person.start()
                person.note_run()
            switches, most = [], 0
            end = time.monotonic() + _MOST_SECONDS
            pages = ["Model", "Convert"]
            while time.monotonic() < end:
                states = [_status(home, person.run) for person in people]
                most = max(most, web.memory_info().rss)
                if not any(state in {"queued", "running"} for state in states):
                    break
                for person in people:
                    switches.append(person.switch(pages[0]))
                pages.reverse()
                time.sleep(0.5)
            mixed = [person.name for person in people if not person.has_own_result()]
            most = max(most, web.memory_info().rss)
    finished = sum(state == "done" for state in states)
    median = statistics.median(switches) if switches else float("nan")
    megabytes = most / 1e6
    print(
        f"{PEOPLE} people at once: {finished} of {PEOPLE} runs finished, "
        f"{len(mixed)} showed another model than their own; web process at most {megabytes:.0f} MB "
        f"(goal {GOAL_MEGABYTES} {'met' if megabytes < GOAL_MEGABYTES else 'NOT met'}); page "
        f"switch while runs went on {median:.0f} ms at the median of {len(switches)} (goal "
        f"{GOAL_MILLISECONDS} {'met' if median < GOAL_MILLISECONDS else 'NOT met'}; the browser "
        "with its eight windows takes its share of the same two cores)",
        flush=True,
    )
