"""Formulas give the figures that the interface shows, for every variant of every kind of run."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from components.format import format_db, format_percent, format_ratio
from components.formulas import formula_help, list_formulas
from converter.verdict import size_ratio, speed_ratio
from tests.pages.synthetic import make_comparison, make_hard_case, make_random_data, make_regression

MAKERS = [make_comparison, make_hard_case, make_regression, make_random_data]


@pytest.mark.parametrize("make", MAKERS)
def test_every_variant_has_every_formula_and_what_was_not_measured_is_empty(make):
    comparison, _ = make()
    for variant in comparison.variants:
        found = list_formulas(comparison, variant)
        assert {"size_ratio", "p50_ms", "sqnr_db", "rmse", "top1_agreement"} <= set(found)
        for formula in found.values():
            assert formula.formula
            assert formula.meaning.endswith((".", "power."))
            assert "nan" not in formula.worked.lower() or variant.drift is not None
        if variant.latency is None:
            assert found["p50_ms"].worked == ""
        if variant.drift is None:
            assert found["sqnr_db"].worked == found["rmse"].worked == ""


def test_the_worked_figures_are_those_of_the_run():
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    found = list_formulas(comparison, variant)
    assert found["size_ratio"].worked.endswith(f"= {format_ratio(size_ratio(comparison, variant))}")
    assert found["speed_ratio"].worked.endswith(
        f"= {format_ratio(speed_ratio(comparison, variant))}"
    )
    drift = next(iter(variant.output_drift.values()), variant.drift)
    signal, noise = map(float, re.findall(r"[\d.e+-]+(?= /|\))", found["sqnr_db"].worked)[:2])
    assert 10 * math.log10(signal / noise) == pytest.approx(drift.sqnr_db, abs=0.01)
    assert found["sqnr_db"].worked.endswith(f"= {format_db(drift.sqnr_db)}")
    assert format_percent(drift.top1_agreement) in found["top1_agreement"].worked


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_figures_without_a_finite_value_are_told_as_they_are(value):
    comparison, _ = make_comparison()
    variant = comparison.variant("int8")
    drift = replace(variant.drift, sqnr_db=value, rmse=0.0 if value == math.inf else math.nan)
    variant.drift, variant.output_drift = drift, {}
    assert list_formulas(comparison, variant)["sqnr_db"].worked == format_db(value)


def test_a_name_opens_its_formula_with_values():
    comparison, _ = make_comparison()
    text = formula_help(comparison, comparison.variant("int8"), "sqnr_db", "Signal over error.")
    assert text.startswith("Signal over error.")
    assert "`10 · log₁₀(mean r² / mean (y − r)²)`" in text
    assert "Here: `10 · log₁₀(" in text
    assert formula_help(comparison, comparison.variant("int8"), "nosuch", "Words.") == "Words."
