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
import pytest
from playwright.sync_api import sync_playwright

from converter import run_store
from converter.child_process import PROJECT_ROOT
from converter.recipe import find_recipes
from converter.request import RunRequest
from converter.sample_models import list_samples

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


@contextlib.contextmanager
def server_with_run(folder, sample_name):
    """Start the dashboard with a finished run of a sample model; yield its id and the address.

    Args:
        folder: Gets the installation's data.
        sample_name: Of the sample model, which is compared in float32 and int8.
    """
    sample = next(s for s in list_samples() if s.name == sample_name)
    with server_with_run_of(folder, sample.model_path, sample.data_path) as found:
        yield found


@contextlib.contextmanager
def server_with_run_of(folder, model, data):
    """Start the dashboard with a finished run in float32 and int8; yield its id and the address.

    Args:
        folder: Gets the installation's data.
        model: The model's file.
        data: Its data file.
    """
    home = folder / "home"
    home.mkdir()
    (home / "welcome").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITEDRIFT_HOME", str(home))
        run_id = run_store.start_run(RunRequest(
            model_path=model, model_name=model.name, data_path=data, data_name=data.name,
            recipes=tuple(find_recipes(["float32", "int8"])), runs=2,
        ))  # fmt: skip
        with running_server(home, folder / "server.log") as (address, _):
            end = time.monotonic() + 240
            while (progress := run_store.follow_run(run_id)).is_active:
                assert time.monotonic() < end, progress
                time.sleep(0.1)
            assert progress.status == "done", progress.error
            yield run_id, address


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
