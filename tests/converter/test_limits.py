"""Limits and their overrides by environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from converter.errors import SettingError
from converter.limits import Limits, current_limits, setting_name


def test_without_overrides_the_defaults_hold(monkeypatch):
    for name in vars(Limits()):
        monkeypatch.delenv(setting_name(name), raising=False)
    assert current_limits() == Limits()


@pytest.mark.parametrize("name", vars(Limits()))
def test_each_limit_can_be_overridden_in_its_own_type(monkeypatch, name):
    monkeypatch.setenv(setting_name(name), "70000000")
    if name.endswith("seconds"):
        monkeypatch.setenv(setting_name(name), "7000")
    found = getattr(current_limits(), name)
    assert found == (7000 if name.endswith("seconds") else 70_000_000)
    assert type(found) is type(getattr(Limits(), name))


def test_seconds_may_be_fractions(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_CONVERT_SECONDS", "0.5")
    assert current_limits().convert_seconds == 0.5


@pytest.mark.parametrize("name", vars(Limits()))
@pytest.mark.parametrize(
    "text",
    ["2GB", "", "many", "-1", "nan", "inf", "-inf", "1e300", "9" * 40, "0x10", "1_0 0"],
)
def test_an_override_that_no_limit_can_be_is_refused_by_its_name(monkeypatch, name, text):
    monkeypatch.setenv(setting_name(name), text)
    with pytest.raises(SettingError) as refused:
        current_limits()
    sentence = str(refused.value)
    assert sentence.startswith(f"{setting_name(name)}: expected ")
    assert repr(text[:40]) in sentence
    assert "number" in sentence
    assert sentence.count(". ") == 0


@pytest.mark.parametrize("name", [n for n in vars(Limits()) if n != "free_disk_bytes"])
@pytest.mark.parametrize("text", ["0", "-0.0"])
def test_nothing_is_no_limit(monkeypatch, name, text):
    monkeypatch.setenv(setting_name(name), text)
    with pytest.raises(SettingError, match=setting_name(name)):
        current_limits()


def test_no_disk_need_stay_free(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_FREE_DISK_BYTES", "0")
    assert current_limits().free_disk_bytes == 0


@pytest.mark.parametrize("text", ["1000", "49999999"])
def test_a_memory_in_which_no_child_could_start_is_refused(monkeypatch, text):
    monkeypatch.setenv("LITEDRIFT_MEMORY_BYTES", text)
    with pytest.raises(SettingError, match="from 50000000 to"):
        current_limits()


def test_a_process_that_bounds_itself_gets_an_error_before_the_machine_is_full():
    code = (
        "from converter.limits import bound_own_memory; bound_own_memory()\n"
        "try: bytearray(10**9)\n"
        "except MemoryError: print('refused')\n"
        "import subprocess, sys\n"
        "print(len(bytearray(10**6)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LITEDRIFT_MEMORY_BYTES": "500000000"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert answer.stdout.split() == ["refused", "1000000"], answer.stderr
