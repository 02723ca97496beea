"""Charts of a deep analysis: the right figures in their places, names as text, any size."""

from __future__ import annotations

import json
import math

import pytest

from components.figures.layers import (
    build_activation_figure,
    build_layers_figure,
    build_weights_figure,
)
from components.figures.ledger import build_ledger_figure
from components.figures.op_cost import MOST_ROWS, build_change_figure, build_type_figure
from converter.layer_analysis import LayerDrift
from converter.operator_costs import compare_costs, compare_types
from tests.components.synthetic_layers import costs, layer, make_analysis


def of(*layers):
    return LayerDrift(layers=list(layers), unpaired=[], samples=3, samples_given=3)


def every_figure(analysis):
    yield build_layers_figure(analysis.drift, 0)
    yield build_activation_figure(analysis.drift.layers[0])
    yield build_weights_figure(analysis.drift.layers[0].weights[0])
    yield build_ledger_figure(analysis.ledger, next(iter(analysis.ledger.whole.drift)), "#123456")
    yield build_type_figure(analysis.costs, "#123456")
    for compare in (compare_costs, compare_types):
        yield build_change_figure(compare(analysis.reference_costs, analysis.costs), "a", "b")


def test_every_chart_is_strict_json_with_a_description_and_no_legend():
    for figure in every_figure(make_analysis()):
        json.dumps(json.loads(figure.to_json()), allow_nan=False)
        assert len(figure.layout.meta["alt"]) > 20
        assert figure.layout.showlegend is False


def test_names_out_of_a_file_are_text():
    evil = "<b>evil</b>"
    figure = build_layers_figure(of(layer(0, name=evil)))
    assert evil not in "".join(figure.data[0].text)
    analysis = make_analysis()
    change = build_change_figure(compare_costs(costs(("ADD", evil, 1.0)), analysis.costs),
                                 evil, evil)
    content = json.loads(change.to_json())
    del content["layout"]["meta"]  # the description is no label
    assert evil not in json.dumps(content)


def test_both_errors_of_each_layer_stand_at_its_place_in_the_order():
    figure = build_layers_figure(of(layer(0, 50.0, 60.0), layer(1, 30.0, 31.0)))
    accumulated, born = figure.data
    assert list(accumulated.x) == list(born.x) == [1, 2]
    assert list(accumulated.y) == [50.0, 30.0]
    assert list(born.y) == [60.0, 31.0]
    assert list(born.customdata) == [0, 1]
    assert "block_1/conv" in figure.layout.meta["alt"]  # where most of the error is born


def test_exact_layers_stand_on_top_and_unmeasured_ones_nowhere():
    figure = build_layers_figure(of(layer(0, math.inf, None), layer(1, 30.0, math.nan),
                                    layer(2, -math.inf, 20.0)))
    low, high = figure.layout.yaxis.range
    assert list(figure.data[0].y) == [high, 30.0, low]
    assert list(figure.data[1].y) == [None, None, 20.0]
    assert low < 20 < 30 < high


@pytest.mark.parametrize("count", [1, 2, 137])
def test_any_number_of_layers_has_few_whole_ticks(count):
    figure = build_layers_figure(make_analysis(layers=count).drift)
    assert len(figure.data[0].x) == count
    shown = [text for text in figure.layout.xaxis.ticktext if text]
    assert all(float(text) == int(float(text)) for text in shown)
    assert len(shown) <= 6


def test_distributions_are_shares_of_each_file():
    reference, variant = build_activation_figure(layer(0)).data
    assert list(reference.x) == [0.5, 1.5, 2.5]
    assert list(reference.y) == pytest.approx([0.6, 0.3, 0.1])
    assert list(variant.y) == pytest.approx([0.5, 0.5, 0.0])


def test_weights_are_one_step_for_each_channel():
    reference_low, reference_high, low, high = build_weights_figure(layer(0).weights[0]).data
    assert list(high.x) == [-0.5, 0.5, 1.5, 2.5]
    assert list(reference_low.y) == [-1.1, -0.5, -2.0, -2.0]
    assert list(reference_high.y) == [1.0, 0.6, 1.5, 1.5]
    assert list(low.y) == [-1.0, -0.5, -2.0, -2.0]
    assert list(high.y) == [1.0, 0.5, 1.5, 1.5]
    assert [trace.fill for trace in (reference_low, reference_high, low, high)] == [
        None, "tonexty", None, None
    ]


def test_nothing_is_said_in_the_unit_of_the_axis():
    before, after = costs(("ADD", "a", 0.004), ("MUL", "b", 0.002)), costs(("ADD", "a", 0.004),
                                                                        ("MUL", "b", 0.001))
    figure = build_change_figure(compare_costs(before, after), "a", "b")
    assert {note.text for note in figure.layout.annotations} >= {"0 µs"}
    figure = build_type_figure(costs(("ADD", "a", 0.004), ("MUL", "b", 0.0)), "#123456")
    assert any(note.text.startswith("0 µs") for note in figure.layout.annotations)


def test_the_ledger_has_a_row_for_each_leg_and_the_whole():
    figure = build_ledger_figure(make_analysis().ledger, "y", "#123456")
    (bars,) = figure.data
    assert list(figure.layout.yaxis.ticktext) == [
        "conversion", "quantization", "fast kernels", "from end to end"
    ]
    ends = [None if x is None else x + bars.base for x in bars.x]
    assert ends[0] == pytest.approx(1e-7)
    assert ends[1] == pytest.approx(0.02)
    assert ends[2] is None  # nothing is lost there, and the row says so
    assert [note.text for note in figure.layout.annotations][2] == "exact"


def test_bars_by_type_are_the_sums():
    figure = build_type_figure(make_analysis().costs, "#123456")
    assert list(figure.data[0].x) == pytest.approx([0.5, 0.01])
    assert figure.layout.yaxis.ticktext[0].startswith("CONV_2D")
    assert "98 %" in figure.layout.meta["alt"]


def test_short_times_are_in_microseconds():
    figure = build_type_figure(costs(("ADD", "a", 0.002), ("MUL", "b", 0.001)), "#123456")
    assert list(figure.data[0].x) == pytest.approx([2.0, 1.0])
    assert "µs" in figure.layout.xaxis.title.text


def test_changes_lie_left_of_zero_where_faster():
    analysis = make_analysis()
    changes = compare_costs(analysis.reference_costs, analysis.costs)
    figure = build_change_figure(changes, "float32", "int8")
    (bars,) = figure.data
    assert list(bars.x) == pytest.approx([-0.2, 0.1, 0.01])
    low, high = figure.layout.xaxis.range
    assert low < -0.2 < 0.1 < high
    assert bars.marker.color[0] != bars.marker.color[1]


def test_many_layers_are_cut_to_the_largest_and_the_rest_summed():
    before = costs(*[("ADD", f"l{i}", 1.0) for i in range(40)])
    after = costs(*[("ADD", f"l{i}", 1.0 - i / 100) for i in range(40)])
    changes = compare_costs(before, after)
    figure = build_change_figure(changes, "a", "b")
    assert len(figure.data[0].x) == MOST_ROWS + 1
    assert sum(figure.data[0].x) == pytest.approx(sum(c.change_ms for c in changes))
    assert figure.layout.yaxis.ticktext[-1] == "28 others"
