"""The Learn page: every step asks first, and its figure comes only after an answer."""

from __future__ import annotations

import time

import pytest

from components.lesson.navigation import TITLES
from components.session import RUN_PARAMETER, widget_key
from converter.further_latency import KERNEL_SETS, FurtherLatency
from converter.latency import LatencyStats
from converter.lesson.model import load_layers
from converter.run_store import keep_file
from tests.components.synthetic_layers import make_analysis
from tests.pages.synthetic import (
    make_comparison,
    make_hard_case,
    make_random_data,
    make_regression,
    make_samples,
    make_two_outputs,
    write_run,
)


def figures(app):
    return len(app.main.get("plotly_chart"))


def open_step(app, step, run_id=None):
    app.run()
    app.query_params["step"] = str(step)
    if run_id:
        app.query_params[RUN_PARAMETER] = run_id
    return app.switch_page("pages/learn.py").run()


@pytest.mark.parametrize("step", range(1, 7))
def test_the_answer_and_the_figure_come_after_the_prediction(app, home, step):
    write_run(home, "r1", *make_comparison())
    open_step(app, step, "r1")
    assert not app.exception
    assert TITLES[step - 1] in app.header[0].value
    assert len(app.radio) == 1
    assert app.radio[0].value is None
    before = figures(app)
    assert before == 0
    assert not any("Not quite" in m.value or "**Yes.**" in m.value for m in app.markdown)
    app.radio[0].set_value(app.radio[0].options[0]).run()
    assert not app.exception
    assert any("Not quite" in m.value or "**Yes.**" in m.value for m in app.markdown)
    assert figures(app) > before


@pytest.mark.parametrize("step", [5, 6])
def test_without_a_run_nothing_is_shown_that_was_not_measured(app, step):
    open_step(app, step)
    app.radio[0].set_value(app.radio[0].options[0]).run()
    assert not app.exception
    assert figures(app) == 0
    assert any("No finished run" in each.value for each in app.info)


@pytest.mark.parametrize("step", ["0", "7", "x", "99", ""])
def test_nonsense_in_the_address_is_the_first_step(app, step):
    open_step(app, step)
    assert not app.exception
    assert TITLES[0] in app.header[0].value


def answer(app, step, run_id=None):
    open_step(app, step, run_id)
    return app.radio[0].set_value(app.radio[0].options[0]).run()


def shown(app):
    assert not app.exception
    return {m.label: m.value for m in app.metric}


def charts(app):
    return [chart.proto.spec for chart in app.main.get("plotly_chart")]


def test_bits_move_the_grid_the_error_and_both_charts(app):
    answer(app, 1)
    first, drawn = shown(app), charts(app)
    app.slider(key=widget_key("learn", "bits")).set_value(2).run()
    second = shown(app)
    assert (first["Numbers in the grid"], second["Numbers in the grid"]) == ("256", "4")
    for label in ("Scale", "Zero point", "Tensor's SQNR", "Digits right"):
        assert first[label] != second[label]
    assert not set(drawn) & set(charts(app))


def test_the_range_begins_as_the_tensors_own_and_moves_everything(app):
    answer(app, 1)
    weights = load_layers()[5].weights
    both = app.slider(key=widget_key("learn", "range.5"))
    assert both.value == pytest.approx((float(weights.min()), float(weights.max())))
    first, drawn = shown(app), charts(app)
    both.set_value((both.value[0] / 2, both.value[1] / 2)).run()
    second = shown(app)
    assert (first["Clipped"], first["Digits right"]) == ("0.0 %", "61.5 %")
    assert second["Digits right"] == "97.5 %"
    for label in ("Scale", "Tensor's SQNR", "Clipped", "Digits right"):
        assert first[label] != second[label]
    assert not set(drawn) & set(charts(app))


def test_with_a_scale_for_each_channel_the_range_is_a_part_of_each(app):
    answer(app, 1)
    app.toggle(key=widget_key("learn", "channels")).set_value(True).run()
    parts = app.slider(key=widget_key("learn", "parts"))
    assert parts.value == (-100, 100)
    first = shown(app)
    assert "Scale of channel 1" in first
    parts.set_value((-50, 50)).run()
    second = shown(app)
    assert float(second["Scale of channel 1"]) == pytest.approx(
        float(first["Scale of channel 1"]) / 2, rel=1e-3)
    assert second["Clipped"] != "0.0 %"
    app.slider(key=widget_key("learn", "channel.5")).set_value(64).run()
    assert "Scale of channel 64" in shown(app)


@pytest.mark.parametrize("layer", range(10))
def test_every_layer_can_be_taken_and_dragged_to_the_ends(app, layer):
    answer(app, 1)
    app.selectbox(key=widget_key("learn", "layer")).set_value(layer).run()
    both = app.slider(key=widget_key("learn", f"range.{layer}"))
    assert shown(app)["Clipped"] == "0.0 %"
    for ends in ((both.min, both.max), (both.min, both.min), (both.max, both.max)):
        app.slider(key=widget_key("learn", f"range.{layer}")).set_value(ends).run()
        assert shown(app)


def test_the_number_of_samples_moves_what_is_right(app):
    answer(app, 2)
    first, drawn = shown(app), charts(app)
    assert len(drawn) == 3
    app.select_slider(key=widget_key("learn", "samples")).set_value(100).run()
    second = shown(app)
    assert (first["Digits right"], second["Digits right"]) == ("86.5 %", "88.5 %")
    assert first["Clipped"] != second["Clipped"]
    assert not set(drawn) & set(charts(app))
    app.slider(key=widget_key("learn", "ink")).set_value(100).run()
    assert shown(app)["Digits right"] == "98.5 %"


def test_four_accumulators_stand_side_by_side(app):
    answer(app, 4)
    first = shown(app)
    assert list(first) == [f"Summed in {n}" for n in ("int32", "int16", "int8", "float16")]
    app.segmented_control(key=widget_key("learn", "order")).set_value("backwards").run()
    second = shown(app)
    assert first["Summed in int32"] == second["Summed in int32"]
    assert first["Summed in int16"] != second["Summed in int16"]
    assert first["Summed in float16"] != second["Summed in float16"]


def test_what_was_timed_with_other_kernels_can_be_looked_at(app, home):
    comparison, samples = make_comparison()
    comparison.further_latency = [
        FurtherLatency(kind=KERNEL_SETS, candidate=name, setting="reference",
                       latency=LatencyStats.from_samples(make_samples(ms, 5), threads=1,
                                                         warmup_runs=5))
        for name, ms in (("float32", 2.0), ("int8", 5.0))
    ]
    write_run(home, "r1", comparison, samples)
    answer(app, 5, "r1")
    assert any("int16x8" in each.value for each in app.main.markdown)
    drawn = charts(app)
    app.segmented_control(key=widget_key("learn", "speed.variant.r1")).set_value("int8").run()
    assert not app.exception
    assert not set(drawn) & set(charts(app))
    choice = app.segmented_control(key=widget_key("learn", "speed.setting.r1"))
    assert len(choice.options) == 2
    choice.set_value("reference kernels").run()
    assert not app.exception
    assert any("2.5× slower" in each.value for each in app.main.markdown)  # noqa: RUF001


def test_time_by_operator_type_shows_once_it_was_measured(app, home):
    comparison, samples = make_comparison()
    write_run(home, "r1", comparison, samples)
    answer(app, 5, "r1")
    app.segmented_control(key=widget_key("learn", "speed.variant.r1")).set_value("int8").run()
    assert len(charts(app)) == 2
    assert any("was not measured yet" in each.value for each in app.caption)
    analysis = make_analysis("int8")
    analysis.sha256 = comparison.variants[3].sha256
    keep_file("r1", analysis.save(home))
    app.segmented_control(key=widget_key("learn", "speed.variant.r1")).set_value("int8").run()
    assert not app.exception
    assert len(charts(app)) == 3
    slow = max(analysis.costs.timed, key=analysis.costs.net_ms).operator
    assert any(slow in drawn for drawn in charts(app))
    (home / "layers_int8.json").write_text("{}")
    keep_file("r1", home / "layers_int8.json")
    app.segmented_control(key=widget_key("learn", "speed.variant.r1")).set_value("int8").run()
    assert not app.exception
    assert len(charts(app)) == 2


def test_limits_name_the_variant_that_remains(app, home):
    write_run(home, "r1", *make_comparison())
    open_step(app, 6, "r1")
    assert "220 kB, half of the original" in app.radio[0].label
    app.radio[0].set_value("dynamic_range").run()
    assert not app.exception
    assert any("**Yes.** **dynamic" in m.value.replace(":green[", "").replace("]", "")
               for m in app.markdown)
    app.slider(key=widget_key("learn", "choice.least.agreement.r1")).set_value(100.0).run()
    app.slider(key=widget_key("learn", "choice.most.size.r1")).set_value(110.0).run()
    assert not app.exception
    assert any("None remains" in m.value for m in app.markdown)
    assert len(charts(app)) == 1


@pytest.mark.parametrize("make", [make_hard_case, make_regression, make_random_data,
                                  make_two_outputs])
@pytest.mark.parametrize("step", [5, 6])
def test_awkward_runs_are_shown(app, home, make, step):
    write_run(home, "r1", *make())
    answer(app, step, "r1")
    assert not app.exception
    assert charts(app)
    if step == 6:
        for cost in ("size", "latency"):
            app.segmented_control(key=widget_key("learn", "choice.cost")).set_value(cost).run()
            for quality in ("sqnr", "agreement", "accuracy"):
                choice = app.segmented_control(key=widget_key("learn", "choice.quality"))
                if len(choice.options) == 3:
                    choice.set_value(quality).run()
                assert not app.exception


def test_a_move_of_a_slider_costs_less_than_a_third_of_a_second(app):
    """Step 2 computes most: seven calibrations. In processor time: others' load is left out."""
    answer(app, 2)
    seconds = []
    for bits in (7, 6, 5):
        began = time.process_time()
        app.slider(key=widget_key("learn", "bits2")).set_value(bits).run()
        seconds.append(time.process_time() - began)
        assert not app.exception
    assert min(seconds) < 0.3, seconds


def test_the_glossary_is_searched(app):
    open_step(app, 1)
    app.text_input(key=widget_key("learn", "glossary")).set_value("qwertz").run()
    assert any("No term" in each.value for each in app.info)
