"""The deep analysis of one variant: which one, then its ledger, its layers and its cost."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from components.analysis_panel import Offer, render_analysis_job
from components.format import format_db, format_error, format_ms, format_percent
from components.formula_names import render_names
from components.formulas.layers import (
    change_formula,
    cost_formulas,
    layer_formulas,
    ledger_formulas,
)
from components.palette import custom_names, recipe_color
from components.plain_text import choice_label, code_span, escape_markdown, show_notes
from components.session import VARIANT_PARAMETER, widget_key
from components.variant_label import variant_labels
from converter.analysed_run import Files, can_be_analysed, find_analysis
from converter.analysis_kinds import Analysis
from converter.comparison import Comparison, Variant
from converter.deep_analysis import MOST_SAMPLES
from converter.errors import LiteDriftError
from converter.layer_analysis import Layer, LayerAnalysis, LayerDrift
from converter.operator_costs import OperatorCosts, compare_costs, compare_types

if TYPE_CHECKING:
    import plotly.graph_objects as go

_CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False}
_BLUE, _ORANGE, _AREA, _LINE = (
    f':color[{mark}]{{foreground="{color}"}}' for mark, color in
    (("●", "#2F6FC4"), ("◆", "#D55E00"), ("■", "#76808D"), ("━", "#D55E00"))
)
_MOST_LISTED = 200
_NAME_LENGTH = 72
_WEIGHTS_SHOWN = 3


def pick_analysable(files: Files, comparison: Comparison) -> Variant | None:
    """Ask which variant to look into; the address keeps the answer.

    Returns:
        None where none can be looked into; the reasons are shown.
    """
    reasons = {v.recipe: can_be_analysed(files, comparison, v) for v in comparison.variants}
    names = [name for name, reason in reasons.items() if name != "float32" and reason is None]
    if not names:
        st.info("No variant of this run can be looked into: "
                + escape_markdown("; ".join(sorted(set(filter(None, reasons.values()))))
                                  or "it has none") + ".")
        return None
    key = widget_key("layers", f"variant.{comparison.created}")
    if st.session_state.get(key) not in names:
        linked = st.query_params.get(VARIANT_PARAMETER)
        st.session_state[key] = linked if linked in names else names[0]
    chosen = st.segmented_control("Variant", names, key=key, required=True, wrap=True,
                                  format_func=variant_labels(list(reasons)))
    chosen = chosen if chosen in names else names[0]
    st.query_params[VARIANT_PARAMETER] = chosen
    return comparison.variant(chosen)


def offer_analysis(run_id: str, comparison: Comparison, recipe: str) -> None:
    """Show the look into a variant that goes on, or offer one."""
    samples = min(MOST_SAMPLES, comparison.data.evaluation_samples)
    name = code_span(recipe)
    render_analysis_job(Analysis(run_id=run_id, recipe=recipe), Offer(
        waits=f"Waiting to look into {name}", runs=f"Looking into {name}",
        heading=f"Look into {name}",
        text="Runs the float32 file and the variant layer by layer on "
             f"{samples} evaluation samples, and times every operator alone: seconds for a small "
             "model, minutes for a large one. You may leave the page meanwhile.",
        button="Look into it", icon=":material/biotech:",
    ))


def render_layer_analysis(files: Files, comparison: Comparison, analysis: LayerAnalysis) -> None:
    """Show what was found of a variant: its ledger, its layers, its cost."""
    color = recipe_color(analysis.recipe, custom_names([v.recipe for v in comparison.variants]))
    st.header("Where error and time come from", anchor=False)
    show_notes(analysis.notes)
    if analysis.ledger is not None:
        _render_ledger(analysis, color)
    if analysis.drift is not None and analysis.drift.layers:
        _render_layers(analysis.drift, analysis.recipe)
    if analysis.costs is not None and analysis.costs.timed:
        _render_costs(files, comparison, analysis, color)


def _render_ledger(analysis: LayerAnalysis, color: str) -> None:
    from components.figures.ledger import build_ledger_figure

    ledger = analysis.ledger
    if ledger is None or not ledger.whole.drift:
        return
    outputs = list(ledger.whole.drift)
    with st.container(border=True, gap="xsmall"):
        st.subheader("Drift in legs", anchor=False)
        output = outputs[0]
        if len(outputs) > 1:
            output = st.selectbox("Output", outputs, key=widget_key("layers", "output"), width=320)
        st.caption(f"{ledger.samples} evaluation samples. "
                   + escape_markdown(" → ".join([ledger.whole.start,
                                                 *(leg.end for leg in ledger.legs
                                                   if leg.start != "TensorFlow"
                                                   or ledger.whole.start == "TensorFlow")]))
                   + ".")
        _chart(build_ledger_figure(ledger, output, color), f"ledger.{output}")
        item = ledger.residual[output]
        st.caption(f"Mean squares: {format_error(item.whole)} from end to end, "
                   f"{format_error(item.legs)} as the sum of the legs. "
                   f"{_residual_words(item.residual)}")
        render_names(ledger_formulas(ledger, output))
        show_notes(list(dict.fromkeys(leg.note for leg in ledger.legs if leg.note)))


def _residual_words(residual: float) -> str:
    if residual == 0:
        return "They add up."
    word = "cancel each other" if residual < 0 else "strengthen each other"
    return f"The legs' errors {word} by {format_error(abs(residual))}, the residual."


def _render_layers(drift: LayerDrift, recipe: str) -> None:
    from components.figures.layers import build_layers_figure

    with st.container(border=True, gap="xsmall"):
        st.subheader("Error by layer", anchor=False)
        st.caption(f"{_BLUE} accumulated from the input on, {_ORANGE} born in the layer itself: "
                   "fed with the float32 file's activations. Higher is closer; points at the very "
                   f"top are exact. On {drift.samples} of {drift.samples_given} samples. Click a "
                   "point.")
        # The layer's key is the one truth: a click writes it, the list reads and writes it. What
        # the chart itself remembers is lost as soon as the mark of the chosen layer moves.
        chosen = widget_key("layers", f"layer.{recipe}")
        if st.session_state.get(chosen, len(drift.layers)) >= len(drift.layers):
            st.session_state[chosen] = _worst_layer(drift)
        figure = build_layers_figure(drift, st.session_state[chosen])
        chart = widget_key("layers", f"chart.layers.{recipe}")
        st.plotly_chart(figure, config=_CONFIG, selection_mode="points", key=chart,
                        on_select=partial(_take_click, chart, chosen, len(drift.layers)),
                        alt=figure.layout.meta["alt"])
        place = st.selectbox(
            "Layer", list(range(len(drift.layers))), key=chosen,
            format_func=lambda i: f"{i + 1}. {drift.layers[i].operator} · "
            f"{_end_of(drift.layers[i].tensor)}",
        )
        _render_layer(drift.layers[place])
        _render_layer_table(drift)


def _end_of(name: str) -> str:
    """Keep the end of a long name: what layers have in common stands at its beginning."""
    return name if len(name) <= _NAME_LENGTH else f"…{name[1 - _NAME_LENGTH:]}"


def _take_click(chart: str, chosen: str, layers: int) -> None:
    points = st.session_state[chart].selection.points
    place = points[0].get("customdata") if points else None
    place = place[0] if isinstance(place, list) and place else place
    if isinstance(place, int) and 0 <= place < layers:
        st.session_state[chosen] = place


def _worst_layer(drift: LayerDrift) -> int:
    """Return the layer in which most error is born; the first where none was run alone."""
    born = [(layer.born.sqnr_db, place) for place, layer in enumerate(drift.layers)
            if layer.born is not None and not math.isnan(layer.born.sqnr_db)]
    return min(born)[1] if born else 0


def _render_layer(layer: Layer) -> None:
    from components.figures.layers import build_activation_figure, build_weights_figure

    st.markdown(f"**{escape_markdown(layer.operator)}** {code_span(layer.tensor)}")
    with st.container(horizontal=True):
        st.metric("From the input on", format_db(layer.accumulated.sqnr_db), width="content")
        st.metric("Born here", format_db(layer.born and layer.born.sqnr_db), width="content")
        if layer.born is not None and layer.born.rmse_in_steps is not None:
            st.metric("RMSE / scale", f"{layer.born.rmse_in_steps:.2f}", width="content",
                      help="0.29 is what rounding alone does.")
        st.metric("Cosine", f"{layer.accumulated.cosine_similarity:.5f}", width="content")
    render_names(layer_formulas(layer))
    if layer.born_absence:
        st.caption(escape_markdown(f"Not run alone: {layer.born_absence}."))
    st.caption(escape_markdown(_ends_words(layer)))
    st.caption(f"Values: {_AREA} float32, {_LINE} the variant; shares of all values.")
    _chart(build_activation_figure(layer), f"values.{layer.number}.{layer.tensor}")
    for ranges in layer.weights[:_WEIGHTS_SHOWN]:
        shown = f", {len(ranges.numbers)} of them drawn" \
            if len(ranges.numbers) < ranges.channels else ""
        how = "a scale for each" if len(ranges.steps) > 1 else \
            "one scale for all" if ranges.steps else "no scale"
        st.caption(f"Weights {code_span(ranges.tensor[:80])}, {ranges.dtype}, {ranges.channels} "
                   f"channels{shown}, {how}: {_AREA} float32, {_LINE} the variant.")
        _chart(build_weights_figure(ranges), f"weights.{layer.number}.{ranges.tensor}")


def _ends_words(layer: Layer) -> str:
    ends = layer.saturation
    if ends is None:
        return "Stored as floats: there are no ends of a range to stop at."
    low = "where zero lies, as after a ReLU" if ends.low_is_zero else "the low end"
    clipped = ends.clipped_low + ends.clipped_high
    return (
        f"Of the stored values {format_percent(ends.at_low)} are at the least {layer.dtype} "
        f"({low}), {format_percent(ends.at_high)} at the greatest; {format_percent(clipped)} of "
        "the float32 file's values lie beyond what can be stored."
    )


def _render_layer_table(drift: LayerDrift) -> None:
    with st.expander("All layers as a table"):
        st.dataframe(
            [_table_row(layer) for layer in drift.layers], hide_index=True,
            alt="Error, scale and saturation of every layer",
        )
    if drift.unpaired:
        with st.expander(f"{len(drift.unpaired)} tensors compared with nothing"):
            st.dataframe(
                [{"Tensor": t.name, "File": t.file, "Operator": t.operator, "Why": t.reason}
                 for t in drift.unpaired[:_MOST_LISTED]],
                hide_index=True, alt="Tensors without a partner in the other file",
            )


def _table_row(layer: Layer) -> dict[str, Any]:
    born, ends = layer.born, layer.saturation
    return {
        "Layer": layer.tensor, "Operator": layer.operator, "Stored as": layer.dtype,
        "SQNR from the input on": format_db(layer.accumulated.sqnr_db),
        "SQNR born here": format_db(born and born.sqnr_db),
        "RMSE / scale": born.rmse_in_steps if born else None,
        "Cosine": layer.accumulated.cosine_similarity,
        "At the low end": format_percent(ends and ends.at_low),
        "At the high end": format_percent(ends and ends.at_high),
    }


def _render_costs(
    files: Files, comparison: Comparison, analysis: LayerAnalysis, color: str
) -> None:
    from components.figures.op_cost import build_change_figure, build_type_figure

    costs = analysis.costs
    if costs is None:
        return
    with st.container(border=True, gap="xsmall"):
        st.subheader("Cost by operator", anchor=False)
        st.caption(_coverage_words(costs))
        show_notes(costs.notes)
        render_names(cost_formulas(costs))
        _chart(build_type_figure(costs, color), "types")
        _render_cost_table(costs)
    others = _other_costs(files, comparison, analysis)
    if not others:
        return
    with st.container(border=True, gap="xsmall"):
        st.subheader("What makes the difference", anchor=False)
        with st.container(horizontal=True):
            other = st.selectbox("Against", list(others), key=widget_key("layers", "against"),
                                 width=240)
            way = st.segmented_control("By", ["operator type", "layer"], default="operator type",
                                       key=widget_key("layers", "by"), required=True,
                                       format_func=choice_label)
        compare = compare_types if way == "operator type" else compare_costs
        changes = compare(others[other], costs)
        st.caption("Left of zero: faster. The two were timed in the same minutes."
                   if other == "float32" else
                   "Left of zero: faster. The two were timed on different occasions.")
        if not others[other].is_explained or not costs.is_explained:
            st.caption("The parts of at least one of the two do not sum to its whole: read the "
                       "order of the bars, not their lengths.")
        _chart(build_change_figure(changes, other, analysis.recipe), f"change.{other}.{way}")
        render_names(change_formula(changes, other))


def _coverage_words(costs: OperatorCosts) -> str:
    return (
        f"Each operator in a model of its own, fed as in the whole, {costs.threads} thread(s), "
        f"without the {format_ms(costs.empty_call_ms)} that a call itself takes. The check: "
        f"{len(costs.timed)} of {len(costs.operators)} operators sum to "
        f"**{format_percent(costs.coverage, 0)}** of the whole ({format_ms(costs.whole_ms)}), by "
        f"the fastest runs to {format_percent(costs.fastest_coverage, 0)}, with every call to "
        f"{format_percent(costs.gross_coverage, 0)}."
    )


def _render_cost_table(costs: OperatorCosts) -> None:
    with st.expander("By layer"):
        st.dataframe(
            [{"#": o.number, "Operator": o.operator, "Layer": o.tensor,
              "Median": format_ms(o.median_ms), "Fastest": format_ms(o.fastest_ms),
              "Runs": o.runs, "Not timed because": o.absence} for o in costs.operators],
            hide_index=True, alt="Time of every operator, or why it was not timed",
        )


def _other_costs(
    files: Files, comparison: Comparison, analysis: LayerAnalysis
) -> dict[str, OperatorCosts]:
    """Return what the variant can be held against: float32, and variants analysed before."""
    found = {}
    if analysis.reference_costs is not None and analysis.reference_costs.timed:
        found["float32"] = analysis.reference_costs
    for variant in comparison.variants:
        if variant.recipe in {analysis.recipe, "float32"}:
            continue
        try:
            other = find_analysis(files, variant)
        except LiteDriftError:  # its own page says what is wrong with it
            continue
        if other is not None and other.costs is not None and other.costs.timed:
            found[variant.recipe] = other.costs
    return found


def _chart(figure: go.Figure, name: str) -> None:
    st.plotly_chart(figure, config=_CONFIG, alt=figure.layout.meta["alt"],
                    key=widget_key("layers", f"chart.{name}"))
