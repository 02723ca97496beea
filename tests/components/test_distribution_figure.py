"""Histograms of data: every share where it belongs, on axes that a browser can draw."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from components.figures import distribution
from components.figures.distribution import (
    CALIBRATION_COLOR,
    EVALUATION_COLOR,
    FILE_COLOR,
    Panel,
    build_distribution_figures,
    file_panels,
    split_panels,
)
from converter.distribution import describe_distribution, describe_fed
from tests.components.test_palette import contrast

RANDOM = np.random.default_rng(0)


def build(*arrays, name="x"):
    panels = [Panel(heading="Here", facts=describe_distribution(np.asarray(a)), color="#123456")
              for a in arrays]
    figures = build_distribution_figures(name, panels)
    for figure in figures:
        json.dumps(json.loads(figure.to_json()), allow_nan=False)
    return figures


def notes(figure):
    return [note.text for note in figure.layout.annotations]


def ticks(figure):
    return list(figure.layout.xaxis.ticktext)


def test_bars_are_the_shares_in_their_places():
    (figure,) = build(np.array([0, 0, 0, 1, 1, 3]))
    (bars,) = figure.data
    assert list(bars.y) == pytest.approx([3 / 6, 2 / 6, 0, 1 / 6])
    assert list(bars.x) == pytest.approx([0, 0.25, 0.5, 0.75])
    assert list(bars.customdata) == ["0: 50.0 %", "1: 33.3 %", "2: 0.0 %", "3: 16.7 %"]


def test_the_bars_fill_the_axis_from_end_to_end():
    (figure,) = build(RANDOM.normal(size=5000))
    (bars,) = figure.data
    assert bars.x[0] == 0
    assert bars.x[-1] + bars.width[-1] == pytest.approx(1)
    assert tuple(figure.layout.xaxis.range) == (0, 1)
    assert sum(bars.y) == pytest.approx(1)
    assert all(0 <= place <= 1 for place in figure.layout.xaxis.tickvals)


def test_alike_ranges_share_an_axis_so_that_what_is_missing_shows():
    whole, part = build(np.linspace(0, 10, 500), np.linspace(2, 8, 100))
    assert ticks(whole) == ticks(part)
    assert whole.data[0].x[0] == 0
    assert part.data[0].x[0] == pytest.approx(0.2)


def test_scaled_values_have_an_axis_of_their_own():
    before, after = build(np.arange(256, dtype=np.uint8), np.linspace(0, 1, 256))
    assert "200" in ticks(before)
    assert "0.5" in ticks(after)
    assert after.data[0].x[-1] > 0.9


def test_a_bar_that_dwarfs_all_others_is_cut_and_says_how_high_it_is():
    (figure,) = build(np.concatenate([np.zeros(900), np.linspace(1, 10, 100)]))
    top = figure.layout.yaxis.range[1]
    assert max(figure.data[0].y) == top < 0.1
    (note,) = notes(figure)
    assert "90 %, cut off here" in note
    assert figure.data[0].customdata[0].endswith("90.0 %")


def test_on_the_right_the_note_stands_left_of_its_bar():
    (figure,) = build(np.concatenate([np.full(900, 10.5), np.linspace(0, 9, 100)]))
    (note,) = figure.layout.annotations
    assert note.xanchor == "right"
    assert note.x <= figure.data[0].x[-1] + 1e-9


def test_even_bars_are_not_cut():
    (figure,) = build(np.arange(20))
    assert notes(figure) == []
    assert figure.layout.yaxis.range[1] > 0.05


@pytest.mark.parametrize(
    "values",
    [
        [5.0, 5.0], [1.7e308, -1.7e308], [5e-324, 0.0], [1.0, np.nextafter(1, 2)],
        [-(2**63), 2**63 - 1], [1e300, 1e300], [1e9, 1e9 + 1], [-0.0], [1e-300, 2e-300],
    ],
    ids=str,
)
def test_extremes_stay_on_an_axis_from_nought_to_one(values):
    (figure,) = build(np.array(values))
    (bars,) = figure.data
    for place in (*bars.x, *bars.width, *figure.layout.xaxis.tickvals):
        assert math.isfinite(place)
        assert -0.001 <= place <= 1.001
    assert ticks(figure)


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]], ids=["none", "no number"])
def test_nothing_to_draw_says_why(values):
    (figure,) = build(np.array(values, float))
    assert notes(figure) == ["no finite value"]
    assert figure.layout.xaxis.visible is False
    assert len(figure.data) == 0


def test_the_file_stands_before_what_is_fed_of_it():
    fed = describe_fed({"x": RANDOM.random((25, 4)).astype("f")})["x"]
    filed = describe_distribution(RANDOM.random((100, 4)))
    file, calibration = file_panels({"name": "x", "file": filed, "fed": fed})
    assert (file.heading, file.color) == ("In the file", FILE_COLOR)
    assert calibration.heading == "Fed in calibration: 25 samples"
    assert calibration.figures.startswith("float32")
    first, second = build_distribution_figures("x", [file, calibration])
    assert "In the file, input x: float64" in first.layout.meta["alt"]
    assert "100 values." in second.layout.meta["alt"]


def test_without_calibration_samples_the_chart_says_so():
    filed = describe_distribution(np.arange(3.0))
    panels = file_panels({"name": "x", "file": filed, "fed": None})
    _, figure = build_distribution_figures("x", panels)
    assert notes(figure) == ["no sample is left for calibration"]
    assert "no sample is left for calibration" in figure.layout.meta["alt"]


def test_a_comparison_shows_calibration_beside_evaluation():
    fed = describe_fed({"x": np.arange(4.0)})["x"]
    panels = split_panels(fed, fed)
    assert [p.color for p in panels] == [CALIBRATION_COLOR, EVALUATION_COLOR]
    assert panels[1].heading == "Fed in evaluation: 4 samples"
    (first, _) = build_distribution_figures("x", split_panels(None, fed))
    assert notes(first) == ["no sample calibrated"]


@pytest.mark.parametrize("color", [FILE_COLOR, CALIBRATION_COLOR, EVALUATION_COLOR])
@pytest.mark.parametrize("ground", ["#FFFFFF", "#10161D"])
def test_bars_stand_out_on_both_grounds(color, ground):
    assert contrast(color, ground) >= 3


def test_a_name_is_no_markup():
    (figure,) = build(np.arange(5), name="<b>evil</b>")
    content = json.loads(figure.to_json())
    del content["layout"]["meta"]
    assert "evil" not in json.dumps(content)


def test_long_numbers_at_the_ends_of_an_axis_are_left_out():
    (figure,) = build(np.linspace(0, 100_000, 1000))
    places = figure.layout.xaxis.tickvals
    assert all(len(text) <= distribution._LONGEST_END or 0.05 < place < 0.95
               for place, text in zip(places, ticks(figure), strict=True))
