"""Limits and their overrides by environment."""

from __future__ import annotations

import pytest

from converter.limits import Limits, current_limits


def test_without_overrides_the_defaults_hold(monkeypatch):
    for name in vars(Limits()):
        monkeypatch.delenv(f"LITEDRIFT_{name.upper()}", raising=False)
    assert current_limits() == Limits()


@pytest.mark.parametrize("name", vars(Limits()))
def test_each_limit_can_be_overridden_in_its_own_type(monkeypatch, name):
    monkeypatch.setenv(f"LITEDRIFT_{name.upper()}", "7")
    found = getattr(current_limits(), name)
    assert found == 7
    assert type(found) is type(getattr(Limits(), name))


def test_seconds_may_be_fractions(monkeypatch):
    monkeypatch.setenv("LITEDRIFT_CONVERT_SECONDS", "0.5")
    assert current_limits().convert_seconds == 0.5


@pytest.mark.parametrize("text", ["2GB", "", "many"], ids=["unit", "empty", "word"])
def test_an_override_that_is_no_number_is_refused_by_its_name(monkeypatch, text):
    monkeypatch.setenv("LITEDRIFT_UNPACKED_BYTES", text)
    with pytest.raises(ValueError, match="LITEDRIFT_UNPACKED_BYTES"):
        current_limits()
