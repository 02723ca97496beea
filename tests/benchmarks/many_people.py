"""Eight people on one server, each with a model of their own, in real browser windows.

Printed: whether every run finished and shows its own model, the web process's largest memory, and
for page switches while runs were going on two medians: until the server had answered (from the
message that asks to the last one that answers), and until the browser had drawn the page.
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
        self.page.add_init_script(_NOTE_MESSAGES)
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
        """Follow a link of the navigation; return milliseconds until answered, and until drawn."""
        link = self.page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True)
        link.wait_for()
        wait_until_idle(self.page)
        return self.page.evaluate(_SWITCH, name)

    def title_of_result(self):
        """Return what the Compare page says it is about, once it shows a chart."""
        self.page.goto(f"{self.address}/compare?run={self.run}")
        self.page.locator(".js-plotly-plot").first.wait_for()
        return self.page.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()

    def note_run(self):
        """Read the run's id off the address."""
        self.run = re.search(r"run=(\w+)", self.page.url).group(1)


_NOTE_MESSAGES = """(() => {
  window.messages = {sent: [], received: []};
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...what) {
    if (!this.isNoted) {
      this.isNoted = true;
      this.addEventListener('message', () => window.messages.received.push(performance.now()));
    }
    window.messages.sent.push(performance.now());
    return send.apply(this, what);
  };
})()"""
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
  const drawn = performance.now();
  const asked = window.messages.sent.find(at => at >= start);
  const answered = window.messages.received.filter(at => at >= asked && at <= drawn).at(-1);
  return [answered - asked, drawn - start];
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
            mixed = [p.name for p in people if p.name not in p.title_of_result()]
            most = max(most, web.memory_info().rss)
    finished = sum(state == "done" for state in states)
    answered = statistics.median(each[0] for each in switches)
    drawn = statistics.median(each[1] for each in switches)
    megabytes = most / 1e6
    print(
        f"{PEOPLE} people at once: {finished} of {PEOPLE} runs finished, "
        f"{len(mixed)} showed another model than their own; web process at most {megabytes:.0f} MB "
        f"(goal {GOAL_MEGABYTES} {'met' if megabytes < GOAL_MEGABYTES else 'NOT met'}); page "
        f"switch while runs went on: answered after {answered:.0f} ms at the median of "
        f"{len(switches)} (goal {GOAL_MILLISECONDS} "
        f"{'met' if answered < GOAL_MILLISECONDS else 'NOT met'}), drawn after {drawn:.0f} ms by a "
        "browser whose eight windows share the same two cores",
        flush=True,
    )
