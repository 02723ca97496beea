"""Steps 1 to 4: what happens to real tensors of the bundled model."""

from __future__ import annotations

import streamlit as st

from components.charts import show_figure
from components.figures.lesson import build_counts_figure, build_sums_figure
from components.format import format_db, format_error, format_percent
from components.formula_names import render_names
from components.formulas.lesson import sum_formulas
from components.lesson.parts import PAGE, ask, pick_digit, show_outcome
from components.plain_text import choice_label
from components.session import widget_key
from converter.lesson.accumulation import FLOAT16, ORDERS, STORED, Accumulation, accumulate
from converter.lesson.calibration import (
    COUNTS,
    MOST_FIRST,
    calibrate_activations,
    right_by_count,
)
from converter.lesson.model import EVALUATION, Layer, load_digits, load_layers
from converter.lesson.outcome import float_scores
from converter.lesson.weights import add_outlier, quantize_weights

_LAST = 9
"""The last layer, which no activation bounds."""
_WIDE = 5
"""A depthwise layer, whose channels have very different ranges."""
_FAINT = 0.3
_OWN = (-100, 100)
"""The ends of a channel's own range, in per cent of its least and greatest weight."""


@st.fragment
def scale_step() -> None:
    """Step 1: bits, range, one scale or one a channel."""
    flat, each = (
        quantize_weights(_WIDE, 8, 3, per_channel=per_channel, symmetric=False).accuracy[1]
        for per_channel in (False, True)
    )
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
        number = st.selectbox("Layer", range(len(names)), _WIDE, format_func=names.__getitem__,
                              key=widget_key(PAGE, "layer"), width=200)
        bits = st.slider("Bits", 2, 16, 8, key=widget_key(PAGE, "bits"), width=220)
        per_channel = st.toggle("a scale for each channel", key=widget_key(PAGE, "channels"))
        symmetric = st.toggle("zero stored as 0", key=widget_key(PAGE, "symmetric"),
                              help="As TensorFlow Lite stores weights: the grid reaches as far on "
                                   "both sides, so the end that is further from zero counts.")
    layer = load_layers()[number]
    parts = _pick_range(layer, per_channel=per_channel)
    channels = layer.weights.shape[layer.channel_axis]
    channel = st.slider("Channel that is drawn", 1, channels, 1, width=340,
                        key=widget_key(PAGE, f"channel.{number}")) - 1 if per_channel else 0
    digit = pick_digit(1)
    outcome = quantize_weights(number, bits, digit, parts=parts, per_channel=per_channel,
                               symmetric=symmetric)
    whose = f", channel {channel + 1}" if per_channel else ""
    show_outcome(outcome, digit, f"Weights of layer {layer.name}{whose}", channel)


def _pick_range(layer: Layer, *, per_channel: bool) -> tuple[float, float]:
    """Ask where the range ends; return it as parts of the tensor's, or each channel's, own."""
    if per_channel:
        low, high = st.slider(
            "Range, in % of each channel's own minimum and maximum", -150, 150, _OWN, 5,
            key=widget_key(PAGE, "parts"), width=620,
            help="-100 and 100 are a channel's own ends. At -50 and 50 each channel's range is "
                 "halved and what lies beyond is cut; beyond 100 numbers are wasted.",
        )
        return -low / 100, high / 100
    least, most = float(layer.weights.min()), float(layer.weights.max())
    step = (most - least) / 80
    low, high = st.slider(
        "Minimum and maximum of the range", least - 40 * step, most + 40 * step, (least, most),
        step, format="%.4g", key=widget_key(PAGE, f"range.{layer.number}"), width=620,
        help="At first the tensor's own. Zero is always one of the grid's numbers: padding with "
             "zeros needs it exactly.",
    )
    return low / least, high / most


@st.fragment
def calibration_step() -> None:
    """Step 2: the range of activations comes from samples."""
    few, many = (calibrate_activations(_LAST, n, 8, 3, whole=True) for n in (COUNTS[0], COUNTS[-1]))
    faint = calibrate_activations(_LAST, COUNTS[-1], 8, 3, ink=_FAINT, whole=True)
    if not ask(2, "Activations have no range of their own: samples show it. Which calibration does "
               "the model bear worst?",
               ["a single scan", "100 scans that are fainter than the real ones",
                "it bears both"],
               "100 scans that are fainter than the real ones",
               f"With one scan {format_percent(few.clipped)} of the last layer's values lie beyond "
               f"its range and are cut, with 100 {format_percent(many.clipped)}. The model gets "
               f"{format_percent(few.accuracy[1])} right with one and "
               f"{format_percent(many.accuracy[1])} with 100: its other layers end in ReLU6, and "
               "one scan reaches their 0 to 6. With 100 scans at "
               f"{format_percent(_FAINT, 0)} of the ink only "
               f"{format_percent(faint.accuracy[1])} are right: samples have to look like what the "
               "model meets later, and more of the wrong ones do not help."):
        return
    names = [layer.name for layer in load_layers()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.select_slider("Calibration samples", COUNTS, 1,
                                 key=widget_key(PAGE, "samples"), width=260)
        ink = st.slider("Ink of these scans, %", 10, 100, 40, 10, key=widget_key(PAGE, "ink"),
                        width=220, help="Below 100 they are fainter than the scans that the model "
                        "meets later, as after a forgotten step of preprocessing.") / 100
        first = st.slider("First of them", 0, MOST_FIRST, 0, key=widget_key(PAGE, "first"),
                          width=220, help="Another beginning takes other samples.")
        bits = st.slider("Bits", 2, 16, 8, key=widget_key(PAGE, "bits2"), width=220)
        layer = st.selectbox("Layer shown", range(len(names)), _LAST,
                             format_func=names.__getitem__, key=widget_key(PAGE, "layer2"),
                             width=200)
        whole = st.toggle("quantize the input and every layer", value=True,
                          key=widget_key(PAGE, "whole"))
    digit = pick_digit(2)
    outcome = calibrate_activations(layer, count, bits, digit, ink=ink, first=first, whole=whole)
    show_outcome(outcome, digit, f"What layer {names[layer]} gives")
    right = right_by_count(layer, bits, ink=ink, first=first, whole=whole)
    show_figure("Right by number of samples", f"Share of {EVALUATION} held-back digits, with the "
                "settings above. Large: the number in view. Dashed: in floats.",
                build_counts_figure(right, count, outcome.accuracy[0]), PAGE)


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
        factor = st.slider("The largest weight times", 1.0, 40.0, 20.0, 1.0, format="%.0f",
                           key=widget_key(PAGE, "factor"), width=260)
        bits = st.slider("Bits", 2, 16, 4, key=widget_key(PAGE, "bits3"), width=220)
        clip = st.slider("Clip at percentile", 98.0, 100.0, 100.0, 0.1, format="%.1f",
                         key=widget_key(PAGE, "clip"), width=240)
    digit = pick_digit(3)
    show_outcome(add_outlier(8, factor, bits, digit, clip=clip), digit,
                 "Weights of layer 9. convolution, with the outlier")


@st.fragment
def accumulation_step() -> None:
    """Step 4: products of 8 bits need 32 to be summed, and half floats round every sum."""
    found = accumulate(3, 3)
    largest = int(abs(found.products).max())
    if not ask(4, "Weights and activations have 8 bits. How many does their sum need?",
               ["8", "16", "more than 16"], "more than 16",
               f"A single product here reaches {largest:,}, beyond the 127 of 8 bits; the sum of "
               f"{len(found.products)} of them ends at {int(found.sums['int32'][-1]):,}. That is "
               "why kernels sum in 32 bits and biases are stored in 32. Summed in 16 bits the "
               f"model gets {format_percent(found.accuracy['int16'])} right, in 8 only "
               f"{format_percent(found.accuracy['int8'])}. A float16 sum does not overflow here; "
               "it is rounded after each product."):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        neuron = st.slider("Output (digit)", 0, 9, 3, key=widget_key(PAGE, "neuron"), width=260)
        order = st.segmented_control("Order of the products", ORDERS, default=STORED,
                                     format_func=choice_label, required=True, wrap=True,
                                     key=widget_key(PAGE, "order")) or STORED
    digit = pick_digit(4)
    found = accumulate(digit, neuron, order)
    _show_accumulators(found, int(load_digits()[1][digit]), int(float_scores()[digit].argmax()))
    render_names(sum_formulas(found))
    worst = float(abs(found.rounding).max())
    show_figure("The running sum", "An integer accumulator that is full stays at its end until the "
                "sign of the products turns. Below: how far float16 is from the exact sum of the "
                f"same numbers, here at most {format_error(worst)}.",
                build_sums_figure(found), PAGE)


def _show_accumulators(found: Accumulation, truth: int, plain: int) -> None:
    with st.container(horizontal=True):
        for name in found.sums:
            end = float(found.real(name)[-1])
            if name == FLOAT16:
                how = (f"{float(found.rounding[-1]):+.2g} off the exact {found.exact[-1]:.5f} of "
                       "the same half floats")
            else:
                how = f"{int(found.sums[name][-1]):,} times both scales, {found.scale:.3g}"
            st.metric(
                f"Summed in {name}", f"{end:.3f}",
                f"reads {found.tops[name]}; {format_percent(found.accuracy[name])} right",
                delta_color="off", delta_arrow="off", width="content",
                help=f"{how}. In float32 the model reads {plain}; it is a {truth}.",
            )
