"""The conditions of a measurement."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

from converter.environment import _version, read_environment


def test_versions_are_those_that_are_installed():
    found = read_environment(threads=2)
    assert found.tensorflow == version("tensorflow")
    assert found.ai_edge_litert == version("ai-edge-litert")
    assert found.keras == version("keras")
    assert found.numpy == version("numpy")
    assert found.python == platform.python_version()


def test_the_machine_is_described():
    found = read_environment(threads=2)
    assert found.threads == 2
    assert found.cores == len(os.sched_getaffinity(0))
    assert found.cpu.strip()
    assert found.system == f"{platform.system()} {platform.machine()}"


def test_it_is_json():
    values = json.loads(json.dumps(read_environment(threads=1).to_json(), allow_nan=False))
    assert values["threads"] == 1
    assert isinstance(values["instruction_sets"], list)


def test_a_package_that_is_missing_is_said_to_be():
    assert _version("no-such-package-anywhere") == "not installed"


def test_reading_it_imports_no_tensorflow():
    code = (
        "import sys; from converter.environment import read_environment; read_environment(1); "
        "print({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
