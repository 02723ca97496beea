"""A LiteDrift server of its own and a Chromium to look at it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import psutil
from playwright.sync_api import sync_playwright

from converter.child_process import PROJECT_ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = (
    "[data-testid=stApp][data-test-connection-state=CONNECTED][data-test-script-state=notRunning]"
)


@contextlib.contextmanager
def running_server(home, log):
    """Start the dashboard with its data under `home`; yield its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
             "--server.address", "127.0.0.1"],
            cwd=PROJECT_ROOT, stdout=output, stderr=output,
            env={**os.environ, "LITEDRIFT_HOME": str(home)},
        )  # fmt: skip
    try:
        _wait_for_health(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        jobs = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(20)
        for job in jobs:  # runs outlive the server by design, but not these tests
            with contextlib.suppress(psutil.NoSuchProcess):
                job.kill()


def _wait_for_health(url, process, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(url, timeout=1),
        ):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not answer")


@contextlib.contextmanager
def chromium():
    """Start Debian's Chromium, headless, without its own networking."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def wait_until_idle(page, timeout=60_000):
    """Wait until the page is connected and no script runs."""
    page.wait_for_selector(IDLE, timeout=timeout)
