"""The chart and the sentences of flags say what the effects are, no more and no less."""

from __future__ import annotations

import math
from itertools import product

import pytest

from components.figures.flag_effects import build_flag_figure, shown_effects
from components.flag_words import (
    change_words,
    evidence,
    interval_words,
    main_sentence,
    together_sentence,
    untold,
)
from converter.flag_effects import DRIFT, LATENCY, SIZE
from converter.flag_factors import plan_factorial
from converter.flag_study import study_flags
from converter.recipe import TFLITE_CONVERTER
from tests.converter.example_comparisons import (
    make_comparison,
    make_drift,
    make_latency,
    make_variant,
)

AXES = ("x", "x2", "x3")
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture
def study():
    """Calibration and per-tensor weights, whole: sizes 1000, 900, 2000, 1980; 40, 38, 30, 20 dB."""
    plan = plan_factorial(["cal", "tensor"], TFLITE_CONVERTER)
    figures = zip((1000, 900, 2000, 1980), (2.0, 2.0, 1.0, 1.1), (40, 38, 30, 20), strict=True)
    return study_flags([make_comparison([
        make_variant(recipe, size_bytes=size, drift=make_drift(sqnr_db=float(sqnr)),
                     latency=make_latency(p50, p50_ci95_ms=(p50 * 0.98, p50 * 1.02)))
        for recipe, (size, p50, sqnr) in zip(plan.recipes, figures, strict=True)
    ])])  # fmt: skip


@pytest.mark.parametrize(("measure", "change", "expected"), [
    (SIZE, -math.log(4), f"4.0{TIMES} smaller"), (SIZE, math.log(4), f"4.0{TIMES} larger"),
    (SIZE, math.log(1.03), "3.0 % larger"), (SIZE, math.log(0.75), "25 % smaller"),
    (SIZE, 1e-5, "under 0.1 % larger"), (SIZE, 0.0, "the same"),
    (LATENCY, math.log(0.5), f"2.0{TIMES} faster"), (LATENCY, math.log(1.2), "20 % slower"),
    (DRIFT, -9.04, "9.0 dB lower"), (DRIFT, 0.01, "the same"), (DRIFT, 3.0, "3.0 dB higher"),
])  # fmt: skip
def test_changes_in_words(measure, change, expected):
    assert change_words(measure, change) == expected


def test_sentences_carry_the_effects_and_what_they_rest_on(study):
    sentence = main_sentence(study, 0)
    ratio = math.sqrt(2000 / 1000 * 1980 / 900)
    assert f"made the file {ratio:.1f}{TIMES} larger" in sentence
    assert "made SQNR 14.0 dB lower" in sentence
    assert "not to be told" not in sentence
    assert evidence(study.effect(SIZE, 0)) == (
        f"mean of 2 pairs, size from 2.0{TIMES} larger to 2.2{TIMES} larger")
    assert "SQNR 18.0 dB lower (against 10.0 dB lower without)" in together_sentence(study, 0, 1)
    assert evidence(study.effect(DRIFT, 0, 1)) == "from one square of four variants"
    assert untold(study) == []


def test_an_interval_that_holds_no_change_is_told(study):
    # Per-tensor: as fast in one pair, 10 % slower in the other, each median known to 2 %.
    assert study.effect(LATENCY, 1).is_distinct
    comparison = make_comparison([
        make_variant("float32", latency=make_latency(1.0, p50_ci95_ms=(0.9, 1.1))),
        make_variant("dynamic_range", latency=make_latency(1.01, p50_ci95_ms=(0.9, 1.1))),
    ])  # fmt: skip
    effect = study_flags([comparison]).effect(LATENCY, 0)
    assert interval_words(effect).endswith("not to be told from no change")


def test_the_chart_has_each_effect_once_at_its_place(study):
    figure = build_flag_figure(study)
    rows = shown_effects(study)
    assert rows == [(0,), (1,), (0, 1)]
    marks = [t for t in figure.data if t.mode == "markers" and len(t.x) == 1]
    singles = {(t.xaxis, t.y[0]): t.x[0] for t in marks}
    centers = figure.layout.yaxis.tickvals
    for (number, measure), (row, which) in product(enumerate((SIZE, LATENCY, DRIFT)),
                                                   enumerate(rows)):  # fmt: skip
        estimate = study.effect(measure, *which).estimate
        place = estimate if measure == DRIFT else math.exp(estimate)
        assert singles[AXES[number], centers[row]] == pytest.approx(place)
    axes = [figure.layout.xaxis, figure.layout.xaxis2, figure.layout.xaxis3]
    for number, axis in enumerate(axes):
        ends = [10**v for v in axis.range] if axis.type == "log" else list(axis.range)
        drawn = [x for t in figure.data if t.xaxis == AXES[number] for x in t.x]
        assert ends[0] <= min(drawn)
        assert max(drawn) <= ends[1]
    assert "representative data" in figure.layout.meta["alt"]
    assert "14.0 dB lower" in figure.layout.meta["alt"]


def test_names_of_others_are_no_markup_in_the_chart():
    plan = plan_factorial(["cal", "tensor"], TFLITE_CONVERTER)
    variants = [make_variant(recipe) for recipe in plan.recipes]
    variants[0].recipe = "<b>x</b>"
    figure = build_flag_figure(study_flags([make_comparison(variants)]))
    told = " ".join(str(text) for trace in figure.data for text in trace.customdata or ())
    assert "&lt;b&gt;x" in told
    assert "<b>x" not in told


def test_a_measure_without_a_figure_is_said_to_be_unknown():
    variants = [make_variant("float32", drift=make_drift(sqnr_db=math.inf)),
                make_variant("dynamic_range")]  # fmt: skip
    study = study_flags([make_comparison(variants)])
    texts = [note.text for note in build_flag_figure(study).layout.annotations]
    assert "not known" in texts
    assert untold(study)[0][0] == "Optimize.DEFAULT on drift"
