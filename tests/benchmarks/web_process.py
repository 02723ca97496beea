"""The web process: time from the first request to the first finished page, and its memory."""

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from tests.browser.server import chromium, running_server, wait_until_idle

GOAL_SECONDS, GOAL_MEGABYTES = 3.0, 250


def measure_once(browser, folder):
    with running_server(folder / "home", folder / "server.log") as (address, process):
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(address)
        wait_until_idle(page)
        seconds = time.perf_counter() - start
        # The welcome run's page with all its charts is the largest one.
        page.goto(f"{address}/compare")
        page.wait_for_selector(".js-plotly-plot", timeout=120_000)
        wait_until_idle(page)
        megabytes = psutil.Process(process.pid).memory_info().rss / 1e6
        page.close()
        return seconds, megabytes


def main(rounds):
    measured = []
    with chromium() as browser:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
                measured.append(measure_once(browser, Path(name)))
    seconds = statistics.median(each[0] for each in measured)
    megabytes = statistics.median(each[1] for each in measured)
    print(
        f"web process: first page of a fresh server {seconds:.1f} s (goal {GOAL_SECONDS} "
        f"{'met' if seconds <= GOAL_SECONDS else 'NOT met'}), with the Compare page drawn "
        f"{megabytes:.0f} MB (goal {GOAL_MEGABYTES} "
        f"{'met' if megabytes <= GOAL_MEGABYTES else 'NOT met'}), median of {rounds}",
        flush=True,
    )
