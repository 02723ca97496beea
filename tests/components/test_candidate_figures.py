"""Charts of the live bench: what is drawn is what is stored, tried and unusable."""

from __future__ import annotations

import math

import pytest

from components.figures.candidates import (
    SHORT_NAMES,
    Place,
    build_against_figure,
    build_bytes_figure,
    build_trail_figure,
)
from components.palette import precision_color
from converter.candidate_layers import CandidateLayer
from converter.precision import PRECISIONS


def layer(number, bytes_of, name="block/conv", weights=10):
    return CandidateLayer(number=number, operator="CONV_2D", name=name, scope="s;",
                          weights=weights, sources=(), from_input=True, bytes_of=bytes_of)


LAYERS = [
    layer(0, {"float32": 4000, "int8": 1000}),
    layer(1, {"float32": 0}, weights=0),
    layer(3, {"float32": 800, "dynamic_int4": 120}, name="<b>evil</b>" + "x" * 400),
]


def trace(figure, name):
    return next(each for each in figure.data if each.name == name)


def test_bars_are_the_bytes_of_the_chosen_precision():
    figure = build_bytes_figure(LAYERS, {0: "int8", 1: "int8", 3: "float32"}, [3])
    assert list(trace(figure, "stored").y) == [1.0, 0.0, 0.8]  # kB
    assert list(trace(figure, "float32").y) == [4.0, 0.0, 0.8]
    colors = list(trace(figure, "stored").marker.color)
    assert colors == [precision_color("int8"), precision_color("int8"), precision_color("float32")]
    ground = trace(figure, "ground")
    assert list(ground.customdata) == [0, 1, 3]
    assert min(ground.y) == max(ground.y) > 4.0  # a layer without bytes can be clicked too
    marked = [color for color in ground.marker.color if "47, 111" in color]
    assert len(marked) == 1
    assert ground.marker.color[2] == marked[0]
    assert "<b>evil" not in ground.text[2]
    assert list(trace(figure, "precision").text) == ["i8", "i8", "f32"]
    assert "3 layers: 2 int8, 1 float32; together 1.80 kB" in figure.layout.meta["alt"]


def test_many_layers_are_drawn_without_words_on_them():
    many = [layer(n, {"float32": n}) for n in range(3000)]
    figure = build_bytes_figure(many, dict.fromkeys(range(3000), "float32"), [])
    assert "precision" not in [each.name for each in figure.data]
    assert len(figure.layout.xaxis.tickvals) < 10


def test_every_precision_has_a_colour_and_a_short_name_of_its_own():
    assert set(SHORT_NAMES) == set(PRECISIONS)
    assert len(set(SHORT_NAMES.values())) == len(PRECISIONS)
    assert len({precision_color(name) for name in PRECISIONS}) == len(PRECISIONS)


@pytest.mark.parametrize("sqnr", [math.inf, math.nan, -math.inf, 40.0])
def test_a_way_is_drawn_whatever_was_tried(sqnr):
    problem = "10 of its output values are NaN" if math.isnan(sqnr) else None
    tried = [Place(name="float32_x2", size_bytes=9000, sqnr_db=140.0),
             Place(name="int8_x2", size_bytes=2500, sqnr_db=sqnr, problem=problem),
             Place(name="refused", size_bytes=None, sqnr_db=math.nan, problem="crashed")]
    known = [Place(name="int8", size_bytes=2600, sqnr_db=41.0, color="#D55E00")]
    figure = build_trail_figure(tried, 1, known)
    path = trace(figure, "tried")
    assert list(path.x) == [9000, 2500]
    low, high = figure.layout.yaxis.range
    assert all(low <= y <= high for each in figure.data for y in each.y)
    assert trace(figure, "now").x[0] == 2500
    words = figure.layout.yaxis.ticktext
    assert ("unusable" in words) == (not sqnr > -math.inf)
    assert ("exact" in words) == (sqnr == math.inf)
    assert list(path.marker.symbol) == ["circle", "circle" if sqnr > -math.inf else "x"]
    assert "int8 2.60 kB, 41.0 dB" in figure.layout.meta["alt"]


def test_a_first_state_alone_and_one_without_a_file_are_drawn():
    alone = build_trail_figure([Place(name="a", size_bytes=100, sqnr_db=math.inf)], 0, [])
    assert trace(alone, "now").x[0] == 100
    none = build_trail_figure(
        [Place(name="a", size_bytes=None, sqnr_db=math.nan, problem="crashed")], 0, [])
    assert "now" not in [each.name for each in none.data]
    assert "unusable" in none.layout.meta["alt"]


def test_files_stand_against_each_other_with_size_and_closeness():
    places = [Place(name="float32", size_bytes=105_000, sqnr_db=140.2, color="#2F6FC4"),
              Place(name="this state", size_bytes=3_000, sqnr_db=math.nan, color="#7A5BD0",
                    problem="NaN")]
    figure = build_against_figure(places)
    assert figure.layout.xaxis.type == "log"
    texts = [each.text for each in figure.layout.annotations]
    assert texts == ["105 kB · 140.2 dB", "3.00 kB · unusable"]
    assert "this state 3.00 kB, unusable" in figure.layout.meta["alt"]
    one = build_against_figure([Place(name="x", size_bytes=None, sqnr_db=math.nan,
                                      color="#2F6FC4", problem="crashed")])
    assert one.layout.annotations[0].text == "\N{EN DASH} · unusable"
