"""The workflow in docs/ci.md: its steps are carried out as they stand, so that it cannot rot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from converter.child_process import PROJECT_ROOT
from tests.converter.example_tflites import features, write_classifier

INSTALLING = {"Install LiteDrift"}


def example_job():
    (text,) = re.findall(r"```yaml\n(.*?)```", (PROJECT_ROOT / "docs/ci.md").read_text(), re.S)
    (job,) = yaml.safe_load(text)["jobs"].values()
    return job


JOB = example_job()
STEPS = {step["name"]: step for step in JOB["steps"]}
SHELL_STEPS = [name for name, step in STEPS.items() if "run" in step and name not in INSTALLING]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """The model's repository after the steps before the gate, and what they were run with."""
    folder = tmp_path_factory.mktemp("workspace")
    write_classifier(folder / "model.tflite")
    np.savez(folder / "data.npz", x=features(60), y=np.arange(60) % 3)
    (folder / "litedrift").symlink_to(PROJECT_ROOT)
    settings = {
        name: str(value).replace("${{ github.workspace }}", str(folder))
        for name, value in JOB["env"].items()
    }
    settings |= {"MODEL": "model.tflite", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    assert not any("${{" in value for value in settings.values())
    python = Path(sys.executable).parent
    settings["PATH"] = f"{python}:{os.environ['PATH']}"
    for name in SHELL_STEPS[:-1]:
        result = run_step(name, folder, settings)
        assert result.returncode == 0, result.stderr
    return folder, settings


def run_step(name, folder, settings):
    """Run a step as the documentation of GitHub Actions says that `run` is run on Linux."""
    return subprocess.run(
        ["bash", "-e", "-c", STEPS[name]["run"]],
        cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False,
        timeout=200,
    )  # fmt: skip


def test_the_steps_are_those_that_the_page_speaks_of():
    assert SHELL_STEPS == ["Compare", "Bundle", "Gate"]
    assert (PROJECT_ROOT / "requirements.txt").is_file()
    assert STEPS["Install LiteDrift"]["run"] == "pip install -r litedrift/requirements.txt"


def test_what_is_kept_is_there(workspace):
    folder, _ = workspace
    kept = STEPS["Keep the comparison and the bundle"]["with"]["path"].split()
    assert kept
    for path in kept:
        assert (folder / path).stat().st_size > 0
    found = json.loads((folder / "comparison/comparison.json").read_text())
    assert [v["recipe"] for v in found["variants"]] == JOB["env"]["RECIPES"].split(",")


def test_the_gate_of_the_example_holds_and_says_so(workspace):
    folder, settings = workspace
    (folder / "summary.md").unlink(missing_ok=True)
    result = run_step("Gate", folder, settings)
    assert (result.returncode, result.stderr) == (0, "")
    rows = (folder / "summary.md").read_text().splitlines()
    assert sum(row.endswith("| yes |") for row in rows) == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MAX_SIZE_BYTES": "10"}, 1),
        ({"MAX_SIZE_BYTES": "10", "MIN_SQNR_DB": "500"}, 1),
        ({"GATED": "float16"}, 2),
    ],
    ids=["one bound", "two bounds", "no such recipe"],
)
def test_the_gate_fails_the_step_as_the_page_says(workspace, changes, code):
    folder, settings = workspace
    (folder / "summary.md").unlink(missing_ok=True)
    result = run_step("Gate", folder, {**settings, **changes})
    assert result.returncode == code
    if code == 2:
        assert result.stderr.startswith("error: ")
        assert not (folder / "summary.md").exists()
        return
    bounds = len(changes)
    assert len(result.stdout.splitlines()) == bounds
    assert (folder / "summary.md").read_text().count("| **no** |") == bounds
