"""Charts hold the right numbers, whatever they are, and show names as text."""

# ruff: noqa: RUF001 - the signs are what a person reads

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from streamlit.elements.lib import streamlit_plotly_theme

from components.figures import accuracy, axes, drift, ink, latency, size, tradeoff
from components.figures.row_chart import chart_rows
from converter.recipe import PRESETS
from tests.pages.synthetic import (
    FIGURES,
    fail,
    make_comparison,
    make_drift,
    make_hard_case,
    make_random_data,
    make_regression,
)

NAMES = ["original", *PRESETS]


@pytest.fixture
def plain():
    return make_comparison()


@pytest.fixture
def hard():
    return make_hard_case()


def texts(figure):
    """The text at the end of each row, without its second line."""
    return [note.text.split("<br>")[0] for note in figure.layout.annotations]


def second_lines(figure):
    return [note.text.partition("<br>")[2] for note in figure.layout.annotations]


def every_figure(comparison, samples):
    return [
        size.build_size_figure(comparison), latency.build_latency_figure(comparison, samples),
        drift.build_sqnr_figure(comparison), drift.build_max_error_figure(comparison),
        tradeoff.build_tradeoff_figure(comparison), accuracy.build_accuracy_figure(comparison),
    ]


@pytest.mark.parametrize("make", [make_comparison, make_hard_case, make_regression])
def test_every_chart_has_the_original_first_a_description_and_no_markup(make):
    comparison, samples = make()
    comparison.variants[0].recipe = "<b>evil & co</b>"
    for figure in every_figure(comparison, samples):
        content = json.loads(figure.to_json())
        del content["layout"]["meta"]  # the description is no label
        assert "<b>evil" not in json.dumps(content)
        assert "original" in figure.layout.meta["alt"]
        if figure.layout.yaxis.ticktext and figure.layout.yaxis.range[0] > 0:
            rows = list(figure.layout.yaxis.ticktext)
            assert rows[0] == "original" or "exact" in rows
        assert figure.layout.showlegend is False


def test_size_bars_are_the_files_and_the_original_without_optimizer(plain):
    comparison, _ = plain
    figure = size.build_size_figure(comparison)
    bars = figure.data[0]
    assert list(bars.x) == [439_412, *(FIGURES[name][0] for name in PRESETS)]
    assert list(bars.y) == list(range(7))
    assert figure.layout.xaxis.range[0] == 0
    assert texts(figure)[:3] == ["439 kB", "412 kB", "112 kB"]
    assert "3.9× smaller" in second_lines(figure)[2]
    assert figure.layout.shapes[0].x0 == 439_412


def test_gzip_and_parameters_are_marked(plain):
    comparison, _ = plain
    comparison.model.size_bytes = comparison.model.size_without_optimizer_bytes
    figure = size.build_size_figure(comparison)
    _, packed, parameters = figure.data
    assert packed.x[0] == comparison.model.gzip_bytes
    assert packed.x[2] == comparison.variants[1].gzip_bytes
    assert set(parameters.x) == {comparison.model.parameter_bytes}


def test_a_gzip_size_that_counts_optimizer_state_is_not_drawn(plain):
    comparison, _ = plain
    assert comparison.model.baseline_gzip_bytes is None
    assert size.build_size_figure(comparison).data[1].x[0] is None


def test_a_larger_file_is_called_larger(plain):
    comparison, _ = plain
    comparison.variants[0].size_bytes = 2 * comparison.model.size_without_optimizer_bytes
    assert "2.0× larger" in second_lines(size.build_size_figure(comparison))[1]


def test_latency_boxes_are_the_percentiles_of_the_raw_samples(plain):
    comparison, samples = plain
    figure = latency.build_latency_figure(comparison, samples)
    boxes = [trace for trace in figure.data if trace.type == "box"]
    assert len(boxes) == 7
    for box, name in zip(boxes, NAMES, strict=True):
        found = (box.lowerfence[0], box.q1[0], box.median[0], box.q3[0], box.upperfence[0])
        expected = np.percentile(samples[name], [10, 25, 50, 75, 90])
        np.testing.assert_allclose(found, expected)
    assert texts(figure)[0] == "0.61 ms"
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.shapes[0].x0 == comparison.reference.latency.p50_ms


def test_latency_intervals_and_noise_are_drawn_and_told(plain):
    comparison, samples = plain
    int8 = comparison.variant("int8")
    int8.latency = replace(int8.latency, p50_ci95_ms=(0.07, 0.09), noise=("drifting",))
    figure = latency.build_latency_figure(comparison, samples)
    (interval,) = [trace for trace in figure.data if trace.name == "interval"]
    assert list(interval.x) == [0.07, 0.09]
    assert "95 % interval" in interval.customdata[0]
    assert "us to 90" in figure.layout.meta["alt"].replace("μ", "u").replace("µ", "u")
    assert "noisy: drifting" in figure.layout.meta["alt"]
    assert [line.endswith("faster, noisy</span>") for line in second_lines(figure)].count(True) == 1


def test_latency_points_keep_the_extremes_and_stay_within_the_axis(plain):
    comparison, samples = plain
    figure = latency.build_latency_figure(comparison, samples)
    points = [trace for trace in figure.data if trace.type == "scatter"]
    for trace, name in zip(points, NAMES, strict=True):
        assert len(trace.x) == latency.MOST_POINTS
        assert (min(trace.x), max(trace.x)) == (samples[name].min(), samples[name].max())
    low, high = (10**bound for bound in figure.layout.xaxis.range)
    every = np.concatenate(list(samples.values()))
    assert low < every.min()
    assert every.max() < high


def test_latency_is_linear_from_zero_where_the_spread_is_small(plain):
    comparison, _ = plain
    samples = {name: np.array([1.0, 1.2, 1.4]) for name in NAMES}
    axis = latency.build_latency_figure(comparison, samples).layout.xaxis
    assert (axis.type, axis.range[0]) == ("linear", 0)


def test_no_latency_at_all_is_an_empty_chart_with_words(plain):
    comparison, _ = plain
    comparison.reference.latency = None
    for variant in comparison.variants:
        variant.latency = None
    figure = latency.build_latency_figure(comparison, {})
    assert len(figure.data) == 0
    assert set(texts(figure)) == {"not measured"}


def test_sqnr_bars_tell_identical_nan_and_failed_apart(hard):
    comparison, _ = hard
    figure = drift.build_sqnr_figure(comparison)
    rows = {row.name: index for index, row in enumerate(chart_rows(comparison))}
    (bars,) = figure.data
    end = figure.layout.xaxis.range[1]
    shown = texts(figure)
    assert bars.x[rows["float32"]] == end
    assert shown[rows["float32"]] == "identical"
    assert bars.marker.pattern.shape[rows["float32"]] == "/"
    assert bars.marker.pattern.shape[rows["float16"]] == ""
    assert bars.x[rows["int16x8"]] is None
    assert shown[rows["int16x8"]] == "NaN"
    assert "120 NaN or Inf" in second_lines(figure)[rows["int16x8"]]
    assert bars.x[rows["int8_full"]] is None
    assert shown[rows["int8_full"]] == "failed"
    assert shown[rows["float32_select_tf"]] == "not run here"
    assert bars.x[rows["dynamic_range"]] == 44.9
    assert shown[0] == "reference"


def test_a_negative_sqnr_lies_within_the_axis(plain):
    comparison, _ = plain
    comparison.variants[0].drift = make_drift(-6.0, 3.0, 0.2)
    figure = drift.build_sqnr_figure(comparison)
    assert figure.layout.xaxis.range[0] == -6.0
    assert figure.data[0].x[1] == -6.0


def test_the_rule_is_drawn_where_there_are_no_classes(plain):
    assert len(drift.build_sqnr_figure(plain[0]).layout.shapes) == 0
    shapes = drift.build_sqnr_figure(make_regression()[0]).layout.shapes
    assert [shape.x0 for shape in shapes] == [30.0]


def test_max_errors_are_dots_and_zero_or_nan_are_words(hard):
    comparison, _ = hard
    figure = drift.build_max_error_figure(comparison)
    drawn = {trace.name: trace.x[1] for trace in figure.data}
    assert drawn["float16"] == 4.4e-4
    assert "float32" not in drawn
    assert "int16x8" not in drawn
    shown = dict(zip([r.name for r in chart_rows(comparison)], texts(figure), strict=True))
    assert (shown["float32"], shown["int16x8"], shown["int8_full"]) == ("0", "NaN", "failed")
    assert figure.layout.xaxis.type == "log"
    assert 10 ** figure.layout.xaxis.range[1] > 0.043


def test_tradeoff_places_points_by_latency_sqnr_and_size(plain):
    comparison, _ = plain
    figure = tradeoff.build_tradeoff_figure(comparison)
    line, *points = figure.data
    placed = {trace.name: trace for trace in points}
    assert placed["int8"].x[0] == comparison.variant("int8").latency.p50_ms
    assert placed["int8"].y[0] == 36.4
    exact = figure.layout.yaxis.tickvals[-1]
    assert figure.layout.yaxis.ticktext[-1] == "exact"
    assert placed["original"].y[0] == exact
    assert exact < figure.layout.yaxis.range[1]
    large, small = placed["original"].marker.size, placed["float16"].marker.size
    assert (small / large) ** 2 == pytest.approx(209_120 / 439_412)
    assert line.name == "Pareto frontier"
    assert line.mode == "lines"


def test_tradeoff_connects_the_frontier_and_fades_the_rest(plain):
    comparison, _ = plain
    worse = comparison.variant("float16")
    worse.size_bytes = 500_000
    worse.latency = comparison.variant("int16x8").latency
    figure = tradeoff.build_tradeoff_figure(comparison)
    line, *points = figure.data
    placed = {trace.name: trace for trace in points}
    assert placed["float16"].marker.opacity < placed["float32"].marker.opacity
    on_line = list(zip(line.x, line.y, strict=True))
    assert (placed["float32"].x[0], placed["float32"].y[0]) in on_line
    assert (placed["float16"].x[0], placed["float16"].y[0]) not in on_line


def test_tradeoff_says_what_it_leaves_out(hard):
    comparison, _ = hard
    assert tradeoff.left_out(comparison) == ["int8_full", "int16x8", "float32_select_tf"]


def test_tradeoff_labels_never_share_a_height(plain):
    comparison, _ = plain
    for variant in comparison.variants:
        variant.drift = make_drift(math.inf, 0.0, 1.0)
    figure = tradeoff.build_tradeoff_figure(comparison)
    y_range = figure.layout.yaxis.range
    scale = 370 / (y_range[1] - y_range[0])
    heights = sorted(
        (note.y - y_range[0]) * scale - note.ay for note in figure.layout.annotations
    )
    assert len(heights) == 7
    assert min(np.diff(heights)) >= 19 - 1e-6
    assert heights[-1] <= 370 + 1e-6


@pytest.mark.parametrize(
    ("wanted", "most", "got"),
    [
        ([], math.inf, []),
        ([1.0, 50.0], math.inf, [1.0, 50.0]),
        ([10.0, 10.0], math.inf, [8.0, 12.0]),
        ([0.0, 10.0, 10.0, 30.0], math.inf, [0.0, 8.0, 12.0, 30.0]),
        ([10.0, 10.0], 10.0, [6.0, 10.0]),
    ],
)
def test_labels_are_moved_apart_as_little_as_possible(wanted, most, got):
    assert tradeoff.spread_out(wanted, 4.0, most) == pytest.approx(got)


def test_labels_of_thirty_points_at_the_bottom_lie_inside_the_chart(plain):
    assert tradeoff.spread_out([1.0] * 3, 4.0, least=2.0) == pytest.approx([2.0, 6.0, 10.0])
    comparison, _ = plain
    again = comparison.variant("int8")
    comparison.variants += [replace(again, recipe=f"again_{n}") for n in range(30)]
    figure = tradeoff.build_tradeoff_figure(comparison)
    low, high = figure.layout.yaxis.range
    inside = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    heights = sorted((label.y - low) / (high - low) * inside - label.ay
                     for label in figure.layout.annotations)
    assert len(heights) == 37
    assert heights[0] >= 0
    assert heights[-1] <= inside
    assert min(b - a for a, b in pairwise(heights)) >= 18.9


def test_accuracy_shows_intervals_and_the_original_as_a_band(plain):
    comparison, _ = plain
    figure = accuracy.build_accuracy_figure(comparison)
    dots = {trace.name: trace for trace in figure.data}
    int8 = comparison.variant("int8").accuracy
    low, high = int8.ci95
    assert dots["int8"].x[0] == int8.top1
    assert dots["int8"].x[0] + dots["int8"].error_x.array[0] == pytest.approx(high)
    assert dots["int8"].x[0] - dots["int8"].error_x.arrayminus[0] == pytest.approx(low)
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == comparison.reference.accuracy.ci95
    assert "−0.3 pp" in second_lines(figure)[4]


def test_accuracy_of_a_regression_is_its_error():
    comparison, _ = make_regression()
    figure = accuracy.build_accuracy_figure(comparison)
    assert figure.data[0].x[0] == 18.2
    assert "R² 0.912" in second_lines(figure)[0]


def test_without_labels_there_is_no_accuracy_to_draw(plain):
    assert accuracy.has_accuracy(plain[0])
    assert not accuracy.has_accuracy(make_random_data()[0])


def test_a_comparison_of_failures_is_drawn_without_marks():
    comparison, samples = make_comparison()
    for name in PRESETS:
        fail(comparison, name, f"{name}: it failed.")
        del samples[name]
    for figure in every_figure(comparison, samples):
        assert texts(figure).count("failed") in (6, 0)
    assert len(tradeoff.build_tradeoff_figure(comparison).data) == 1, "the original alone"


@pytest.mark.parametrize(
    ("low", "high"), [(1e-8, 1.0), (0.08, 4.2), (0.9, 1.1), (1e-3, 2e-3), (1.0, 1e9), (5.0, 5.0)]
)
def test_logarithmic_axes_have_few_ticks_within_range(low, high):
    axis = axes.log_axis(low, high, str)
    positions = np.log10(axis["tickvals"]) if axis["tickvals"] else np.empty(0)
    assert len(positions) <= 4
    assert axis["range"][0] < math.log10(low)
    assert math.log10(high) < axis["range"][1]
    assert all(axis["range"][0] <= p <= axis["range"][1] for p in positions)


@pytest.mark.parametrize(("low", "high"), [(0.0, 461_000.0), (0.0, 0.003), (-6.0, 145.0)])
def test_linear_axes_have_few_round_ticks_within_range(low, high):
    axis = axes.linear_axis(low, high, str)
    assert 2 <= len(axis["tickvals"]) <= 4
    assert all(low <= tick <= high for tick in axis["tickvals"])


def test_streamlit_still_replaces_the_theme_colours():
    known = {value for value in vars(streamlit_plotly_theme).values() if isinstance(value, str)}
    assert {ink.SOFT_INK, ink.INK, ink.GROUND} <= known


def test_tradeoff_draws_small_marks_over_large_ones(plain):
    comparison, _ = plain
    _, *points = tradeoff.build_tradeoff_figure(comparison).data
    sizes = [trace.marker.size for trace in points]
    assert sizes == sorted(sizes, reverse=True)
