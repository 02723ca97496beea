"""The lesson's charts draw the numbers that they are given, and say them in words."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from components.figures.lesson import (
    build_counts_figure,
    build_grid_figure,
    build_scores_figure,
    build_sums_figure,
)
from components.figures.lesson_runs import (
    build_choice_figure,
    build_operators_figure,
    build_speed_figure,
)
from converter.lesson.accumulation import accumulate
from converter.lesson.calibration import right_by_count
from converter.lesson.choice import (
    AGREEMENT,
    COSTS,
    QUALITIES,
    SIZE,
    SQNR,
    Candidate,
    candidates,
    first_limits,
)
from converter.lesson.speed import OperatorCount, latencies
from converter.lesson.weights import add_outlier, quantize_weights
from tests.pages.synthetic import make_comparison, make_hard_case, make_regression


def lines(figure):
    return [s.x0 for s in figure.layout.shapes if s.x0 == s.x1]


def test_the_histogram_counts_every_value_and_the_dashed_lines_are_the_ends():
    for parts in ((1.0, 1.0), (0.4, 0.4), (1.5, 1.5)):
        found = quantize_weights(5, 4, 3, parts=parts, per_channel=False, symmetric=False)
        figure = build_grid_figure(found)
        for trace, values in zip(figure.data, (found.before, found.after), strict=True):
            assert sum(trace.y) == values.size
            assert np.dot(trace.x, trace.y) / values.size == pytest.approx(
                float(values.mean()), abs=trace.width / 2)
        assert sorted(lines(figure)) == pytest.approx(found.grid.levels().tolist())
        low, high = figure.layout.xaxis.range
        assert low < min(lines(figure))
        assert high > max(lines(figure))
        assert "Histogram of 576 values" in figure.layout.meta["alt"]


def test_values_and_lines_are_those_of_the_channel_asked_for():
    found = quantize_weights(5, 4, 3, per_channel=True, symmetric=False)
    levels = [found.grid.levels(channel) for channel in (0, 7)]
    assert not np.allclose(*levels)
    for channel, expected in zip((0, 7), levels, strict=True):
        figure = build_grid_figure(found, channel)
        assert figure.layout.yaxis.dtick == 1  # nine weights: half a value is none
        assert sorted(lines(figure)) == pytest.approx(expected.tolist())
        for trace, values in zip(figure.data, (found.before, found.after), strict=True):
            own = values[0, :, :, channel]
            assert sum(trace.y) == own.size
            assert np.dot(trace.x, trace.y) / own.size == pytest.approx(
                float(own.mean()), abs=trace.width / 2)


def test_a_histogram_of_one_high_bar_shows_the_others():
    assert build_grid_figure(add_outlier(8, 20.0, 4, 3, clip=100.0)).layout.yaxis.type == "log"


def test_a_prediction_is_drawn_before_and_after():
    found = quantize_weights(5, 8, 3, per_channel=False, symmetric=False)
    figure = build_scores_figure(found, 6)
    assert [list(trace.y) for trace in figure.data] == found.scores.tolist()
    assert "before the top is 6, after it is 2; right is 6" in figure.layout.meta["alt"]


def test_the_number_of_samples_in_view_stands_out():
    right = right_by_count(9, 8, ink=0.4, whole=True)
    figure = build_counts_figure(right, 10, 0.985)
    (trace,) = figure.data
    assert list(trace.y) == [100 * share for share in right.values()]
    assert [text.startswith("<b>") for text in trace.text] == [count == 10 for count in right]
    low, high = figure.layout.yaxis.range
    assert low < min(trace.y)
    assert high > 100 >= max(trace.y)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_any_share_fits(share):
    figure = build_counts_figure({1: share, 100: share}, 1, 1.0)
    low, high = figure.layout.yaxis.range
    assert low < 100 * share < high


def test_sums_are_drawn_in_real_numbers_and_what_is_rounded_below():
    found = accumulate(3, 3)
    figure = build_sums_figure(found)
    drawn = {trace.name: list(trace.y) for trace in figure.data}
    for name in found.sums:
        assert drawn[name] == pytest.approx(found.real(name).tolist())
    assert drawn["rounding of float16"] == pytest.approx(
        (found.sums["float16"].astype(float) - found.exact).tolist())
    words = figure.layout.meta["alt"]
    assert f"float16 {found.real('float16')[-1]:.3f}" in words
    names = [a for a in figure.layout.annotations if a.text in found.sums]
    assert len(names) == 4


def test_times_are_those_of_the_run_with_their_intervals():
    comparison, _ = make_comparison()
    found = latencies(comparison)
    figure = build_speed_figure(comparison, found, "int8")
    for trace in figure.data:
        stats = found[trace.name]
        assert list(trace.x) == [stats.p50_ms]
        if stats.p50_ci95_ms is not None:
            low, high = stats.p50_ci95_ms
            assert (trace.x[0] - trace.error_x.arrayminus[0], trace.x[0] + trace.error_x.array[0]
                    ) == pytest.approx((low, high))
    assert {trace.name for trace in figure.data} == set(found)
    assert [t.name for t in figure.data if t.opacity == 1.0] == ["int8"]
    (line,) = figure.layout.shapes
    assert line.x0 == found["float32"].p50_ms
    ratio = found["int16x8"].p50_ms / found["float32"].p50_ms
    assert f"{ratio:.1f}× slower" in figure.layout.meta["alt"]  # noqa: RUF001


def test_a_setting_that_one_variant_was_timed_with_has_one_row_and_no_line():
    comparison, _ = make_comparison()
    figure = build_speed_figure(comparison, {"int8": latencies(comparison)["int8"]}, "int8")
    assert len(figure.data) == 1
    assert not figure.layout.shapes


def test_operators_not_known_are_not_drawn_as_none():
    counts = [OperatorCount("run by XNNPACK", None, 0), OperatorCount("compute on floats", 0, 9)]
    figure = build_operators_figure(counts, [OperatorCount("a", 4, 4)] * 2, "#000000", 200)
    bars, marks = figure.data
    assert list(bars.x) == [None, 0]
    assert list(marks.x) == [4, 4]
    assert figure.layout.meta["alt"].endswith("XNNPACK not known, compute on floats 0 of 9.")


@pytest.mark.parametrize("most", [1, 3, 9, 11, 250])
def test_half_an_operator_has_no_tick(most):
    figure = build_operators_figure([OperatorCount("a", most, most)], [], "#000000", 100)
    axis = figure.layout.xaxis
    assert list(axis.ticktext) == [f"{tick:.0f}" for tick in axis.tickvals]
    assert all(float(tick).is_integer() for tick in axis.tickvals)
    assert len(axis.tickvals) >= 2


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("quality", QUALITIES)
def test_every_variant_has_its_place_and_its_name(cost, quality):
    comparison, _ = make_comparison()
    placed = candidates(comparison, cost, quality)
    most, least = first_limits(comparison, cost, quality)
    figure = build_choice_figure(placed, (most, least), (cost, quality), "int8", [])
    factor = 1000.0 if cost == SIZE else 1.0
    for trace, each in zip(figure.data, placed, strict=True):
        assert trace.x[0] == pytest.approx(each.cost / factor)
        assert trace.y[0] == pytest.approx(each.quality * (1 if quality == SQNR else 100))
        assert trace.marker.opacity == (
            1.0 if each.cost <= most and each.quality >= least - 1e-9 else 0.35)
    names = [re.sub("</?b>", "", a.text) for a in figure.layout.annotations]
    assert {each.recipe for each in placed} <= set(names)
    right, below, *_ = figure.layout.shapes
    assert right.x0 == pytest.approx(most / factor)
    assert below.y1 == pytest.approx(least * (1 if quality == SQNR else 100))


def test_the_alternative_text_names_what_remains():
    placed = [Candidate("a", 1e3, 0.5), Candidate("b", 2e3, 1.0)]
    words = build_choice_figure(placed, (3e3, 0.9), (SIZE, AGREEMENT), "b", ["a", "b"])
    assert "within both limits: b; the cheapest of them: b" in words.layout.meta["alt"]
    words = build_choice_figure(placed, (0.0, 2.0), (SIZE, AGREEMENT), None, ["a", "b"])
    assert "within both limits: none; the cheapest of them: none" in words.layout.meta["alt"]


@pytest.mark.parametrize("make", [make_hard_case, make_regression])
def test_hostile_names_and_infinite_figures_are_drawn(make):
    comparison, _ = make()
    for cost in COSTS:
        placed = candidates(comparison, cost, SQNR)
        placed.append(Candidate("<b>evil</b>", placed[0].cost, -math.inf))
        figure = build_choice_figure(placed, (0.0, 1e9), (cost, SQNR), None, ["<b>evil</b>"])
        assert all(math.isfinite(trace.y[0]) for trace in figure.data)
        assert not any("<b>evil" in a.text for a in figure.layout.annotations)
