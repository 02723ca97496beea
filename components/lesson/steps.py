"""The six steps, each with its question, its controls and its figure."""

from __future__ import annotations

import streamlit as st

from components.charts import show_figure
from components.figures.lesson import build_sums_figure
from components.format import format_bytes, format_db, format_ms, format_percent, format_ratio
from components.formula_names import render_names
from components.formulas.lesson import sum_formulas
from components.lesson.parts import PAGE, ask, pick_digit, show_outcome
from components.plain_text import choice_label, escape_markdown, visible_text
from components.session import widget_key
from converter.comparison import Comparison
from converter.latency_explanation import explain_latency
from converter.lesson.model import load_layers
from converter.lesson.steps import (
    CALIBRATION,
    accumulate,
    add_outlier,
    calibrate_activations,
    quantize_weights,
)
from converter.verdict import RULE, judge, size_ratio, speed_ratio

TITLES = (
    "What a scale and a zero point are", "Why calibration matters", "Why outliers hurt",
    "Why accumulation matters", "When int8 is slower", "How to choose",
)
_LAST = 9
"""The last layer, which no activation bounds."""
_WIDE = 5
"""A depthwise layer, whose channels have very different ranges."""


@st.fragment
def scale_step() -> None:
    """Step 1: bits, range, one scale or one a channel."""
    flat = quantize_weights(_WIDE, 8, 1.0, 3, per_channel=False).accuracy[1]
    each = quantize_weights(_WIDE, 8, 1.0, 3, per_channel=True).accuracy[1]
    if not ask(1, "One layer's weights become 8-bit integers with one scale for the whole tensor. "
               "How many of 200 digits does the model still get right?",
               ["nearly all", "about half", "it depends on the layer"],
               "it depends on the layer",
               f"With one scale for this depthwise layer {format_percent(flat)} stay right, with a "
               f"scale for each channel {format_percent(each)}: its channels have very different "
               "ranges, and one scale has to serve the largest."):
        return
    names = [layer.name for layer in load_layers()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox("Layer", range(len(names)), _WIDE, format_func=names.__getitem__,
                             key=widget_key(PAGE, "layer"), width=200)
        bits = st.slider("Bits", 2, 16, 8, key=widget_key(PAGE, "bits"), width=220)
        share = st.slider("Part of the range covered", 0.1, 1.0, 1.0, 0.05,
                          key=widget_key(PAGE, "share"), width=240)
        per_channel = st.toggle("a scale for each channel", key=widget_key(PAGE, "channels"))
        symmetric = st.toggle("zero stored as 0", value=True, key=widget_key(PAGE, "symmetric"))
    digit = pick_digit(1)
    outcome = quantize_weights(layer, bits, share, digit, per_channel=per_channel,
                               symmetric=symmetric)
    show_outcome(outcome, digit, f"Weights of layer {names[layer]}")


@st.fragment
def calibration_step() -> None:
    """Step 2: the range of activations comes from samples."""
    few, many = (calibrate_activations(_LAST, n, 8, 3) for n in (CALIBRATION[0], CALIBRATION[-1]))
    if not ask(2, "Activations have no range of their own: samples show it. What happens if a "
               "single sample does?", ["values are cut off", "nothing", "the file grows"],
               "values are cut off",
               f"With 1 sample {format_percent(few.clipped)} of the values of the last layer lie "
               f"beyond its range and are cut, with 100 {format_percent(many.clipped)}; the "
               f"SQNR is {format_db(few.sqnr_db)} against {format_db(many.sqnr_db)}. The layers "
               "before it end in ReLU6: one sample reaches their 0 to 6, and more change nothing."):
        return
    names = [layer.name for layer in load_layers()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox("Layer", range(len(names)), _LAST, format_func=names.__getitem__,
                             key=widget_key(PAGE, "layer2"), width=200)
        samples = st.segmented_control("Calibration samples", CALIBRATION, default=1,
                                       format_func=lambda n: choice_label(str(n)),
                                       required=True, key=widget_key(PAGE, "samples"))
        bits = st.slider("Bits", 2, 16, 8, key=widget_key(PAGE, "bits2"), width=220)
    digit = pick_digit(2)
    outcome = calibrate_activations(layer, samples or 1, bits, digit)
    show_outcome(outcome, digit, f"What layer {names[layer]} gives")


@st.fragment
def outlier_step() -> None:
    """Step 3: one large weight takes the grid from all others."""
    calm, wild = (add_outlier(8, factor, 8, 3, clip=100.0) for factor in (1.0, 20.0))
    tamed = add_outlier(8, 20.0, 8, 3, clip=99.9)
    weights = tamed.before.size
    cut = round(tamed.clipped * weights)
    if not ask(3, f"One of {weights:,} weights grows twenty times. What does that do to the rest?",
               ["they lose most of their precision", "nothing", "they grow as well"],
               "they lose most of their precision",
               f"The step between two numbers grows from {float(calm.grid.scales):.3g} to "
               f"{float(wild.grid.scales):.3g}, for all of them. Clipping at the 99.9th percentile "
               f"cuts {cut} weights, the outlier among them, and gives the grid back to the rest: "
               f"the tensor's own SQNR falls to {format_db(tamed.sqnr_db)}, because the outlier "
               f"holds most of its power, and the model is right on "
               f"{format_percent(tamed.accuracy[1])} of the digits."):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        factor = st.slider("The largest weight times", 1.0, 40.0, 20.0, 1.0,
                           key=widget_key(PAGE, "factor"), width=260)
        bits = st.slider("Bits", 2, 16, 4, key=widget_key(PAGE, "bits3"), width=220)
        clip = st.slider("Clip at percentile", 98.0, 100.0, 100.0, 0.1,
                         key=widget_key(PAGE, "clip"), width=240)
    digit = pick_digit(3)
    show_outcome(add_outlier(8, factor, bits, digit, clip=clip), digit,
                 "Weights of layer 9. convolution, with the outlier")


@st.fragment
def accumulation_step() -> None:
    """Step 4: products of 8 bits need 32 to be summed."""
    found = accumulate(3, 3)
    largest = int(abs(found.products).max())
    if not ask(4, "Weights and activations have 8 bits. How many does their sum need?",
               ["8", "16", "more than 16"], "more than 16",
               f"A single product here reaches {largest:,}, beyond the 127 of 8 bits; the sum of "
               f"{len(found.products)} of them ends at {int(found.sums['int32'][-1]):,}. That is "
               "why kernels sum in 32 bits and biases are stored in 32."):
        return
    neuron = st.slider("Output (digit)", 0, 9, 3, key=widget_key(PAGE, "neuron"), width=260)
    digit = pick_digit(4)
    found = accumulate(digit, neuron)
    with st.container(horizontal=True):
        for name, sums in found.sums.items():
            st.metric(f"Summed in {name}", f"{int(sums[-1]) * found.scale:.3f}", width="content",
                      help=f"{int(sums[-1]):,} times the two scales, {found.scale:.3g}")
    render_names(sum_formulas(found))
    show_figure("The running sum", "An accumulator that is full stays at its end until the sign of "
                "the products turns.", build_sums_figure(found), PAGE)


def slower_step(comparison: Comparison | None) -> None:
    """Step 5: what this machine measured."""
    if not ask(5, "int8 computes on numbers a quarter as large. Is it always faster?",
               ["yes", "no: it depends on kernels and borders"],
               "no: it depends on kernels and borders",
               "An operator without an optimized integer kernel runs on a slow one, every border "
               "between float and integer costs a conversion, and of a tiny model the call itself "
               "is most of the time."):
        return
    timed = [] if comparison is None else [v for v in comparison.variants if v.latency is not None]
    if comparison is None or not timed:
        st.info("No finished run with measured latency is in view: start one, and this step shows "
                "its figures. Nothing is shown that was not measured.")
        return
    st.dataframe(
        [{"Variant": visible_text(v.recipe), "Median": format_ms(v.latency and v.latency.p50_ms),
          "Against the original": format_ratio(speed_ratio(comparison, v)),
          "Run by XNNPACK": "not known" if v.delegation is None else
          f"{v.delegation.delegated} of {v.delegation.operators} operators",
          "Borders": str(v.audit.border_ops)} for v in timed],
        hide_index=True, alt="Latency, delegation and borders of each variant",
    )
    slowest = max(timed, key=lambda v: v.latency.p50_ms if v.latency else 0.0)
    st.markdown(f"**{escape_markdown(slowest.recipe)}** is the slowest here:")
    for sentence in explain_latency(comparison, slowest):
        st.markdown(f"- {escape_markdown(sentence)}")


def choose_step(comparison: Comparison | None) -> None:
    """Step 6: limits first, then the smallest that holds them."""
    if not ask(6, "Which variant is the best one?",
               ["the smallest", "the fastest", "the one that holds what must hold"],
               "the one that holds what must hold",
               "Say first what must hold, then take the smallest or the fastest of those that do. "
               + RULE):
        return
    usable = [] if comparison is None else [v for v in comparison.usable if v.drift is not None]
    if comparison is None or not usable:
        st.info("No finished run is in view: start one, and choose among its variants here.")
        return
    with st.container(horizontal=True):
        least = st.slider("Agreement at least, %", 50.0, 100.0, 99.0, 0.5,
                          key=widget_key(PAGE, "agreement"), width=260)
        sqnr = st.slider("SQNR at least, dB", 0, 100, 20, key=widget_key(PAGE, "sqnr"), width=240)
    rows = []
    for variant in usable:
        drift = variant.drift
        agreement = None if drift is None else drift.top1_agreement
        holds = drift is not None and drift.sqnr_db >= sqnr and (
            agreement is None or agreement * 100 >= least)
        rows.append({
            "Variant": visible_text(variant.recipe), "Holds": "✓ yes" if holds else "no",
            "Size": format_bytes(variant.size_bytes),
            "Smaller": format_ratio(size_ratio(comparison, variant)),
            "Median": format_ms(variant.latency and variant.latency.p50_ms),
            "SQNR": format_db(drift and drift.sqnr_db), "Agrees": format_percent(agreement),
        })
    st.dataframe(rows, hide_index=True, alt="Which variants hold the limits")
    st.markdown(f"By LiteDrift's own rule: {escape_markdown(judge(comparison).sentence)}")
