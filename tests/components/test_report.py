"""The HTML report on made-up comparisons: complete, self-contained, and safe with any name."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import base64
import copy
import hashlib
import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from components.palette import recipe_color
from components.report import build_report
from converter.accuracy import Accuracy
from converter.comparison import Audit, Comparison, DataFacts
from converter.recipe import AS_GIVEN, GIVEN, LITERT_QUANTIZER, PRESETS
from converter.signature import TensorSpec
from converter.verdict import judge
from tests.components.report_page import ReportPage
from tests.components.test_imports import loaded_by
from tests.converter.example_comparisons import (
    make_accuracy,
    make_comparison,
    make_drift,
    make_failed,
    make_latency,
    make_variant,
)

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202egnp.\u2028"


def samples_of(comparison: Comparison) -> dict[str, np.ndarray]:
    return {
        name: np.linspace(0.4, 0.8, 50)
        for name in ("original", *(v.recipe for v in comparison.variants if v.latency))
    }


def read(comparison: Comparison, **more) -> ReportPage:
    return ReportPage(build_report(comparison, samples_of(comparison), **more))


def from_tflite():
    comparison = make_comparison([
        make_variant("int8", engine=LITERT_QUANTIZER),
        make_variant(AS_GIVEN, engine=GIVEN, flags={}, convert_seconds=None),
    ], name="net.tflite")
    comparison.model.format = "tflite"
    comparison.reference.peak_memory_bytes = 50_000_000
    return comparison


def many():
    return make_comparison([
        make_variant(replace(PRESETS["int8"], name=f"my_recipe_{n:02d}"), size_bytes=25_000 + n,
                     latency=make_latency(0.5 + 0.01 * n))
        for n in range(30)
    ])


def failed_only():
    comparison = make_comparison([make_failed("int8"), make_failed("int8_full")])
    comparison.reference.latency = None
    comparison.reference.notes.append("latency is null: it did not end within 60 s.")
    return comparison


def unlabelled():
    comparison = make_comparison([make_variant("int8", accuracy=None, audit=Audit(
        notes=["accuracy is null: no labels were given."]))])
    comparison.data = DataFacts(source="random", name=None, sha256=None, calibration_samples=10,
                                evaluation_samples=20, labelled=False, seed=0)
    comparison.reference.accuracy = None
    return comparison


def no_numbers():
    nothing = dict.fromkeys(("max_abs_error", "mean_abs_error", "rmse", "sqnr_db",
                             "cosine_similarity", "worst_cosine_similarity"), math.nan)
    return make_comparison([
        make_variant("float32", drift=make_drift(sqnr_db=math.inf, max_abs_error=0.0)),
        make_variant("int8", drift=make_drift(sqnr_db=-math.inf, max_abs_error=math.inf)),
        make_variant("int16x8", drift=make_drift(**nothing, non_finite_count=7), audit=Audit(
            total_ops=1, notes=["7 output values are NaN or infinite; figures that depend on them "
                                "are null."])),
    ])


def regression():
    comparison = make_comparison([make_variant(
        "int8", drift=make_drift(top1_agreement=None, top1_samples=None, top1_ties=None),
        accuracy=Accuracy(task="regression", samples=100, mae=1.0, rmse=2.0, r2=None),
        audit=Audit(notes=["accuracy.top1 is null: the labels are values, not classes."]))])
    comparison.reference.accuracy = Accuracy(task="regression", samples=100, mae=1.0, rmse=1.9)
    return comparison


def two_outputs():
    comparison = make_comparison([make_variant(
        "int8", output_drift={"first": make_drift(), "second": make_drift(sqnr_db=12.5)},
        output_accuracy={"first": make_accuracy(0.5), "second": make_accuracy(0.25)})])
    comparison.model.outputs = [TensorSpec(n, (1, 3), "float32") for n in ("first", "second")]
    return comparison


def nothing_at_all():
    comparison = make_comparison([])
    comparison.environment, comparison.settings = {}, {}
    comparison.reference = replace(comparison.reference, latency=None, accuracy=None)
    return comparison


CASES = {
    "plain": make_comparison, "tflite": from_tflite, "many": many, "failed": failed_only,
    "unlabelled": unlabelled, "no_numbers": no_numbers, "regression": regression,
    "outputs": two_outputs, "nothing": nothing_at_all,
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    comparison = CASES[request.param]()
    return comparison, read(comparison)


def test_it_says_the_verdict_and_names_every_variant(case):
    comparison, page = case
    assert judge(comparison).sentence in page.text
    for variant in comparison.variants:
        assert (3, variant.recipe) in page.headings


def test_headings_are_in_order_and_no_section_is_missing(case):
    _, page = case
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    wanted = {"Verdict", "Charts", "All figures", "What each flag really did", "Conditions",
              "What was not measured"}
    assert wanted <= {text for level, text in page.headings if level == 2}


def test_it_refers_to_nothing_outside_itself(case):
    _, page = case
    for tag, attributes in page.elements:
        assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form")
        assert not {"src", "srcset", "action", "data", "background", "ping"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
        assert "url(" not in attributes.get("style", "")
        assert not [name for name in attributes if name.startswith("on")]


def test_only_its_own_scripts_may_run(case):
    _, page = case
    (policy,) = [a["content"] for _, a in page.elements
                 if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    allowed = re.search(r"script-src ([^;]+);", policy)[1].split()
    run = [text for attributes, text in page.scripts if "type" not in attributes]
    assert allowed == [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in run
    ]
    assert len(run) == 2


def test_every_chart_says_its_figures_in_words(case):
    comparison, page = case
    assert len(page.chart_alts) == len(page.charts)
    assert "original 100 kB" in page.chart_alts[0]
    for variant in comparison.variants:
        if variant.size_bytes:
            assert f"{variant.recipe} " in page.chart_alts[0]
    for chart in page.charts:
        assert chart["layout"]["template"]["layout"]["paper_bgcolor"] == "rgba(0, 0, 0, 0)"


def test_a_comparison_read_back_gives_the_same_report(case):
    comparison, _ = case
    again = Comparison.from_json(comparison.to_json())
    samples = samples_of(comparison)
    assert build_report(again, samples) == build_report(comparison, samples)


def test_every_gap_has_its_owner_and_its_reason():
    page = read(make_comparison([
        make_variant("int8", peak_memory_bytes=None, latency=None, audit=Audit(notes=[
            "peak_memory_bytes is null: this system does not tell it.",
            "latency is null: it did not end in time."])),
        make_failed("int8_full"),
        make_variant("float32", runnable=False, latency=None, drift=None, accuracy=None,
                     peak_memory_bytes=None, audit=Audit(notes=["Size only: it needs Flex."])),
    ]))
    assert page.table_row("Reason", "Peak memory") == {
        "Figure": "Peak memory", "Of": "original",
        "Reason": "Memory is measured of LiteRT processes; the original runs in TensorFlow."}
    rows = {(row[0], row[1]): row[2] for row in page.rows if len(row) == 3}
    assert rows["Peak memory", "int8"] == "This system does not tell it."
    assert rows["Latency", "int8"] == "It did not end in time."
    assert rows["Every figure", "int8_full"] == "It crashed."
    assert rows["Latency, drift, accuracy, peak memory", "float32"] == "Size only: it needs Flex."
    assert page.table_row("Size", "int8_full")["Status"] == "failed: it crashed."


def test_figures_that_are_no_numbers_are_said_to_be_none():
    page = read(no_numbers())
    assert page.table_row("SQNR", "float32")["SQNR"] == "identical"
    assert page.table_row("SQNR", "int8")["SQNR"] == "−∞ dB"
    row = page.table_row("SQNR", "int16x8")
    assert (row["SQNR"], row["RMSE"], row["NaN or Inf"]) == ("NaN", "NaN", "7")
    assert page.table_row("Reason", "Max error, mean error, RMSE, SQNR, cosine")["Of"] == "int16x8"


def test_figures_carry_their_uncertainty():
    page = read(make_comparison([make_variant("int8")]))
    assert page.table_row("Change", "int8") == {
        "Model": "int8", "Accuracy": "97.0 %", "95 % interval": "95.0 % to 99.9 %",
        "Change": "−1.0 pp", "Samples": "100"}
    # Of 100 agreeing samples: n / (n + z²), Wilson's lower bound by hand.
    low = 100 / (100 + 1.959963984540054**2)
    assert page.table_row("Agrees", "int8")["95 % interval"] == f"{100 * low:.1f} % to 100 %"
    assert "80 % of 50 runs: 0.44 ms to 0.76 ms" in page.text


def test_limits_follow_from_the_run():
    text = read(unlabelled()).text
    assert "20 samples of random numbers" in text
    assert "up to 15 % of all inputs" in text
    assert "Without labels" in text
    assert "began with a .tflite" not in text
    text = read(from_tflite()).text
    assert "began with a .tflite" in text
    assert "Without labels" not in text
    assert "Some CPU Linux x86_64" in text
    assert "Latency and memory are those" not in read(failed_only()).text


def test_conditions_are_whole():
    comparison = make_comparison()
    comparison.environment["sandbox"] = {"level": "full", "layers": {"seccomp": "on"}}
    comparison.settings["protocol"] = {"warmup_runs": 5}
    comparison.data.notes.append("The rows were shuffled.")
    text = read(comparison).text
    for wanted in ("01" * 32, "02" * 32, comparison.variants[0].sha256, "full: every wall",
                   "Protocol: warmup runs", "2026-11-22 08:30 UTC", "120,000 bytes",
                   "The rows were shuffled."):
        assert wanted in text


def test_flags_are_held_against_the_file():
    page = read(make_comparison([make_variant("int8", audit=Audit(flags=[
        {"flag": "Optimize.DEFAULT", "found": "0 % of weights", "effect": "no"}]))]))
    assert page.table_row("Effect", "Optimize.DEFAULT") == {
        "Asked": "Optimize.DEFAULT", "Found in the file": "0 % of weights", "Effect": "no effect"}
    assert "Asked: optimizations = DEFAULT; calibrate = True." in page.text


def test_each_output_has_its_row():
    page = read(two_outputs())
    rows = [row[:3] for row in page.rows if row[1:2] in (["first"], ["second"])]
    assert ["int8", "second", "12.5 dB"] in rows
    assert ["int8", "second", "25.0 %"] in rows


def test_colours_are_those_of_the_dashboard():
    page = read(make_comparison())
    dots = [a["style"] for _, a in page.elements if a.get("class") == "dot"]
    assert f"background:{recipe_color('int8')}" in dots
    assert recipe_color("int8") in page.charts[0]["data"][0]["marker"]["color"]


def test_names_of_any_kind_stay_text():
    comparison = make_comparison([
        make_variant("int8", given_name=HOSTILE, engine=GIVEN,
                     output_drift={HOSTILE: make_drift(), "b": make_drift()},
                     audit=Audit(total_ops=1, notes=[HOSTILE], missing_kernels=[HOSTILE], flags=[
                         {"flag": HOSTILE, "found": HOSTILE, "effect": HOSTILE}])),
        make_failed("int8_full", error=HOSTILE),
    ], name=HOSTILE)
    comparison.variants[0].recipe = HOSTILE
    comparison.variants[1].error_details = HOSTILE + "\n" + HOSTILE
    comparison.model.outputs = [TensorSpec(HOSTILE, (1, 3), HOSTILE)]
    comparison.model.notes.append(HOSTILE)
    comparison.data.name = HOSTILE
    comparison.environment["cpu"] = HOSTILE
    comparison.environment["sandbox"] = {"level": HOSTILE, "layers": {HOSTILE: HOSTILE}}
    comparison.settings["source"] = {HOSTILE: [HOSTILE]}
    comparison.created = HOSTILE
    plain = read(make_comparison([make_variant("int8")]))
    text = build_report(comparison, samples_of(comparison))
    page = ReportPage(text)
    assert len(page.scripts) == len(plain.scripts) == 3
    assert {tag for tag, _ in page.elements} - {tag for tag, _ in plain.elements} <= {
        "details", "summary", "pre"}
    assert "<script>alert" not in text
    assert "\u202e" not in text.replace(plain.scripts[1][1], "")
    assert "<img src=x onerror=alert(2)>" in page.text  # as words that a person can read
    # Plotly reads tags in labels: none may be left.
    assert "&lt;/script&gt;" in page.charts[0]["data"][0]["customdata"][1]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//evil", "http://[",
                                  "file:///etc/passwd", ""])
def test_a_link_that_is_none_is_left_out(link):
    page = read(make_comparison(), link=link)
    assert all(a.get("href", "#").startswith("#") for _, a in page.elements)


def test_a_link_leads_back_to_the_dashboard():
    link = 'https://example.org/compare?run=a&b="'
    assert link in [a.get("href") for _, a in read(make_comparison(), link=link).elements]


def test_a_comparison_is_left_as_it_was():
    comparison = make_comparison()
    before = copy.deepcopy(comparison)
    build_report(comparison, {})
    assert comparison.to_json() == before.to_json()


def test_it_does_without_streamlit_and_loads_nothing_early():
    loaded = loaded_by("import components.report.document")
    assert "plotly" in loaded
    assert not loaded & {"streamlit", "tensorflow", "keras", "ai_edge_litert", "pandas"}
    assert not loaded_by("import components.report") & {"plotly", "jinja2"}
