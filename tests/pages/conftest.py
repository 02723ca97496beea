"""A data folder of its own for each test, in which no welcome run is started."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from components.explore.warm_sessions import warm_sessions

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="module", autouse=True)
def _nobody_stays_warm():
    """End the children that the Explore page keeps: others count theirs in the same process."""
    yield
    warm_sessions.close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LITEDRIFT_HOME", str(tmp_path))
    (tmp_path / "welcome").touch()  # as if this installation had had its welcome run
    st.cache_data.clear()
    return tmp_path


@pytest.fixture
def jobs_alive(monkeypatch):
    """Every run that is going on has a job, so that none shows as interrupted."""
    monkeypatch.setattr("converter.job_runner.LocalJobs.is_alive", lambda *_: True)


@pytest.fixture
def app(home):
    return AppTest.from_file(str(APP), default_timeout=120)
