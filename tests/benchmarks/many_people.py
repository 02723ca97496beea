"""Eight people on one server, each with a model of their own, in real browser windows.

Printed: whether every run finished and shows its own model, the web process's largest memory, and
the median time in which the server answered a page switch while runs were going on. That time is
taken by a ninth session that speaks Streamlit's protocol, because a browser with eight windows on
the same two cores would mostly measure itself.
"""

import re
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from converter.sample_models import list_samples
from tests.benchmarks.page_visitor import PageVisitor
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

    def title_of_result(self):
        """Return what the Compare page says it is about, once it shows a chart."""
        self.page.goto(f"{self.address}/compare?run={self.run}")
        self.page.locator(".js-plotly-plot").first.wait_for()
        return self.page.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()

    def note_run(self):
        """Read the run's id off the address."""
        self.run = re.search(r"run=(\w+)", self.page.url).group(1)


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
            visitor = PageVisitor(address, f"model={list_samples()[0].name}")
            switches, most = [], 0
            end = time.monotonic() + _MOST_SECONDS
            pages = ["start", "convert", "compare"]
            while time.monotonic() < end:
                states = [_status(home, person.run) for person in people]
                most = max(most, web.memory_info().rss)
                if not any(state in {"queued", "running"} for state in states):
                    break
                switches += [visitor.open(page) for page in pages]
                time.sleep(0.2)
            visitor.close()
            mixed = [p.name for p in people if p.name not in p.title_of_result()]
            most = max(most, web.memory_info().rss)
    finished = sum(state == "done" for state in states)
    answered = statistics.median(switches)
    megabytes = most / 1e6
    print(
        f"{PEOPLE} people at once: {finished} of {PEOPLE} runs finished, "
        f"{len(mixed)} showed another model than their own; web process at most {megabytes:.0f} MB "
        f"(goal {GOAL_MEGABYTES} {'met' if megabytes < GOAL_MEGABYTES else 'NOT met'}); page "
        f"switch while runs went on: answered after {answered:.0f} ms at the median of "
        f"{len(switches)} (goal {GOAL_MILLISECONDS} "
        f"{'met' if answered < GOAL_MILLISECONDS else 'NOT met'})",
        flush=True,
    )
